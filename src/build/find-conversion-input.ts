/** From what a user names to what is converted: a whole model (GGUF or Hugging Face directory), and the adapter that goes on it, if any. */
import { stat } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { readPeftConfig } from "../formats/huggingface/peft-adapter.ts";
import { isLoraAdapter } from "../formats/lora-adapter.ts";
import { type FindStudentOptions, findStudent } from "../llm/find-student.ts";
import { UsageError } from "../util/errors.ts";

export interface ConversionInput {
  /** For people and file names. */
  name: string;
  /** GGUF file or Hugging Face directory. */
  model: string;
  /** Adapter file or peft directory. */
  adapter?: string;
}

/** Throws `USAGE`, and what `findStudent` throws. */
export async function findConversionInput(
  nameOrPath: string,
  options: Pick<FindStudentOptions, "resolveModel" | "baseModel" | "adapterFile">,
): Promise<ConversionInput> {
  const { baseModel, adapterFile } = options;
  const resolveModel = async (path: string) =>
    (await directoryKind(path)) === "model" ? resolve(path) : await options.resolveModel(path);
  const kind = await directoryKind(nameOrPath);
  const name = basename(resolve(nameOrPath)).replace(/\.gguf$/, "");
  if (kind === "peft") {
    if (adapterFile !== undefined)
      throw new UsageError(
        `${nameOrPath} is an adapter itself`,
        "Leave out --adapter-file, or name the base as --model-dir.",
      );
    const adapter = resolve(nameOrPath);
    return { name, model: await resolveModel(baseModel ?? (await baseOfPeft(adapter))), adapter };
  }
  if (adapterFile !== undefined) {
    const isAdapter = (await directoryKind(adapterFile)) === "peft" || (await isLoraAdapter(adapterFile));
    if (!isAdapter)
      throw new UsageError(
        `${adapterFile} is a model, not an adapter`,
        "Adapters are the .gguf files that `ilab model train` writes, and directories that peft saved.",
      );
    return { name, model: await resolveModel(nameOrPath), adapter: resolve(adapterFile) };
  }
  if (kind === "model") return { name, model: resolve(nameOrPath) };
  const student = await findStudent(nameOrPath, { resolveModel, baseModel });
  return { name, model: student.modelFile, adapter: student.adapterFile };
}

/** What a directory holds, by the file that only such directories have. */
export async function directoryKind(path: string): Promise<"peft" | "model" | undefined> {
  const has = (name: string) =>
    stat(join(path, name)).then(
      (info) => info.isFile(),
      () => false,
    );
  if (await has("adapter_config.json")) return "peft";
  return (await has("config.json")) ? "model" : undefined;
}

async function baseOfPeft(directory: string): Promise<string> {
  const { base_model_name_or_path: base } = await readPeftConfig(directory);
  if (base != null && (await stat(base).catch(() => undefined)) !== undefined) return base;
  throw new UsageError(
    `${directory} is an adapter of '${base ?? "(not said)"}', which is not on this machine`,
    "Name the base with --base-model: a GGUF file, a model of the store, or a directory with a Hugging Face model.",
  );
}
