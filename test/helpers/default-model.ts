/** The default model for tests that need a real one: `ILAB_TEST_MODEL`, or the model store. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { ilabPaths } from "../../src/config/paths.ts";
import { catalog, DEFAULT_MODEL_NAME } from "../../src/models/catalog.ts";

export function defaultModelFile(): string {
  const candidates = [
    process.env["ILAB_TEST_MODEL"],
    join(ilabPaths().models, catalog[DEFAULT_MODEL_NAME]!.file),
  ].filter((file) => file !== undefined);
  const found = candidates.find((file) => existsSync(file));
  if (!found) throw new Error(`the default model is in none of: ${candidates.join(", ")}`);
  return found;
}
