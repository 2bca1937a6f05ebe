/** From what a user calls a model to what is loaded: a GGUF, a training run's directory or checkpoint, or an adapter with its base. */
import { readFile, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { MANIFEST_FILE, runManifestSchema } from "../artifacts.ts";
import { isLoraAdapter } from "../formats/lora-adapter.ts";
import { IlabError, UsageError } from "../util/errors.ts";
import { findCheckpointStudent } from "./find-checkpoint-student.ts";

export interface Student {
  /** For people: the run's or file's name. */
  name: string;
  modelFile: string;
  adapterFile?: string;
}

export interface FindStudentOptions {
  /** Turns a name of the store or a path into a GGUF file, as `ensureModel` does. */
  resolveModel: (nameOrPath: string) => Promise<string>;
  /** Name or path of the base, for adapters, and for runs whose base has moved. */
  baseModel?: string;
  adapterFile?: string;
}

/** Throws `RUN_INCOMPLETE`, `RUN_UNUSABLE`, `USAGE` and what `resolveModel` and `readGguf` throw. */
export async function findStudent(nameOrPath: string, options: FindStudentOptions): Promise<Student> {
  const { resolveModel, baseModel } = options;
  const found = await stat(nameOrPath).catch(() => undefined);
  if (found?.isDirectory()) {
    if (options.adapterFile !== undefined)
      throw new UsageError(`${nameOrPath} is a training run and brings its own adapter`, "Leave out --adapter-file.");
    return await readDirectory(resolve(nameOrPath), resolveModel, baseModel);
  }
  const file = await resolveModel(nameOrPath);
  const name = found ? basename(file) : nameOrPath;
  if (options.adapterFile !== undefined) {
    await requireAdapter(options.adapterFile);
    return {
      name: `${name} + ${basename(options.adapterFile)}`,
      modelFile: file,
      adapterFile: resolve(options.adapterFile),
    };
  }
  if (!(await isLoraAdapter(file))) return { name, modelFile: file };
  if (baseModel !== undefined) return { name, modelFile: await resolveModel(baseModel), adapterFile: file };
  // An adapter inside its run's directory: the manifest knows the base.
  const manifest = await stat(join(dirname(file), MANIFEST_FILE)).catch(() => undefined);
  if (manifest?.isFile()) return await readRun(dirname(file), resolveModel, undefined);
  throw new UsageError(
    `${file} is an adapter, which works only together with its base model`,
    "Name the base with --base-model.",
  );
}

async function readDirectory(
  directory: string,
  resolveModel: FindStudentOptions["resolveModel"],
  baseModel: string | undefined,
): Promise<Student> {
  const checkpoint = await findCheckpointStudent(directory);
  if (checkpoint === undefined) return await readRun(directory, resolveModel, baseModel);
  const { name, studentFile, baseModelFile } = checkpoint;
  if (!(await isLoraAdapter(studentFile))) return { name, modelFile: studentFile };
  return { name, modelFile: await resolveModel(baseModel ?? baseModelFile), adapterFile: studentFile };
}

async function readRun(
  directory: string,
  resolveModel: FindStudentOptions["resolveModel"],
  baseModel: string | undefined,
): Promise<Student> {
  const path = join(directory, MANIFEST_FILE);
  const text = await readFile(path, "utf8").catch((cause: unknown) => {
    throw new IlabError({
      code: "RUN_INCOMPLETE",
      message: `${directory} has no ${MANIFEST_FILE}: it is not a training run, or the run did not end`,
      hint: "Give a model name, a .gguf file, the directory that `ilab model train` named at its end, or one of its checkpoints.",
      cause,
    });
  });
  const unusable = (problem: string, cause?: unknown) =>
    new IlabError({
      code: "RUN_UNUSABLE",
      message: `${path}: ${problem}`,
      hint: "Give the directory of a finished `ilab model train`, or its adapter with --base-model.",
      cause,
    });
  let manifest: ReturnType<typeof runManifestSchema.parse>;
  try {
    manifest = runManifestSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw unusable("it is not a run's manifest", cause);
  }
  const { adapter, model } = manifest.outputs;
  // After full fine-tuning the student stands alone.
  if (model !== undefined) return { name: basename(directory), modelFile: resolve(directory, model) };
  const base = baseModel ?? manifest.config["baseModelFile"];
  if (adapter === undefined) throw unusable(`this '${manifest.stage}' run made no adapter`);
  if (typeof base !== "string") throw unusable("it does not name the base model");
  const adapterFile = resolve(directory, adapter);
  await requireAdapter(adapterFile);
  return { name: basename(directory), modelFile: await resolveModel(base), adapterFile };
}

async function requireAdapter(file: string): Promise<void> {
  if (await isLoraAdapter(file)) return;
  throw new UsageError(
    `${file} is a model, not an adapter`,
    "Adapters are the .gguf files that `ilab model train` writes.",
  );
}
