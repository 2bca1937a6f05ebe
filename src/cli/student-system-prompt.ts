/** The system prompt that suits the model which the generated data will train. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { systemPromptFor } from "../datasets/system-prompt.ts";
import { readGguf } from "../formats/gguf/read-gguf.ts";
import { metadataString } from "../formats/gguf/types.ts";
import { resolveModel } from "../models/resolve-model.ts";

/** @param model a name of the store, a GGUF file, or a directory with a `config.json`; one that is not there (yet) gets the general prompt. */
export async function studentSystemPrompt(model: string, modelsDirectory: string): Promise<string> {
  const architecture = await readArchitecture(model, modelsDirectory).catch(() => undefined);
  const isLaterGranite = architecture === "granite" && /granite-?3\.[1-9]/i.test(model);
  return systemPromptFor(isLaterGranite ? "granite-3.1" : architecture);
}

async function readArchitecture(model: string, modelsDirectory: string): Promise<string | undefined> {
  const config = await readFile(join(model, "config.json"), "utf8").catch(() => undefined);
  if (config !== undefined) return (JSON.parse(config) as { model_type?: string }).model_type;
  return metadataString(
    await readGguf(await resolveModel(model, { directory: modelsDirectory })),
    "general.architecture",
  );
}
