/** The default model for tests that need a real one: `ILAB_TEST_MODEL`, or the model store. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { ilabPaths } from "../../src/config/paths.ts";

export function defaultModelFile(): string {
  const candidates = [
    process.env["ILAB_TEST_MODEL"],
    join(ilabPaths().models, "SmolLM2-135M-Instruct.Q4_1.gguf"),
  ].filter((file) => file !== undefined);
  const found = candidates.find((file) => existsSync(file));
  if (!found) throw new Error(`the default model is in none of: ${candidates.join(", ")}`);
  return found;
}
