/** The tensors of a Hugging Face directory, from one safetensors file or from several with an index; names are checked, bytes read when wanted. */
import { type FileHandle, open, readdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { z } from "zod";
import { IlabError } from "../../util/errors.ts";
import { readSafetensors, type SafetensorsEntry } from "../safetensors.ts";
import { readJsonObject } from "./config.ts";

/** Id of `enum ggml_type` by safetensors type, for those that weights come in. */
export const GGML_TYPE_OF: Record<string, number> = { F32: 0, F16: 1, BF16: 30 };

export interface HuggingFaceTensor extends SafetensorsEntry {
  /** Bytes `start … start + length` of the tensor. */
  read: (start: number, length: number) => Promise<Uint8Array>;
}

export interface HuggingFaceTensors extends AsyncDisposable {
  tensors: Map<string, HuggingFaceTensor>;
}

const indexSchema = z.looseObject({ weight_map: z.record(z.string(), z.string()) });

/** The tensors of one file. Throws what `readSafetensors` throws. */
export async function openSafetensors(path: string): Promise<HuggingFaceTensors> {
  const { tensors } = await readSafetensors(path);
  const handle = await open(path, "r");
  return {
    tensors: new Map(
      [...tensors].map(([name, entry]) => [
        name,
        { ...entry, read: (start, length) => readBytes(handle, path, entry, start, length) },
      ]),
    ),
    [Symbol.asyncDispose]: () => handle.close(),
  };
}

/** The tensors of a model. Throws `HF_WEIGHTS_MISSING`, `HF_WEIGHTS_INVALID` and what `readSafetensors` throws. */
export async function openTensors(directory: string): Promise<HuggingFaceTensors> {
  const tensors = new Map<string, HuggingFaceTensor>();
  const opened: HuggingFaceTensors[] = [];
  const close = async () => {
    for (const file of opened) await file[Symbol.asyncDispose]();
  };
  try {
    const { files, index } = await listFiles(directory);
    for (const name of files) {
      const file = await openSafetensors(join(directory, name));
      opened.push(file);
      for (const tensor of file.tensors.values()) {
        if (index !== undefined && index[tensor.name] !== name) continue;
        if (tensors.has(tensor.name)) throw invalid(directory, `'${tensor.name}' stands in two of its files`);
        tensors.set(tensor.name, tensor);
      }
    }
    const missing = Object.keys(index ?? {}).find((name) => !tensors.has(name));
    if (missing !== undefined)
      throw invalid(directory, `its index names '${missing}', which is not in ${index![missing]}`);
    return { tensors, [Symbol.asyncDispose]: close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function listFiles(directory: string): Promise<{ files: string[]; index?: Record<string, string> }> {
  const names = await readdir(directory);
  if (names.includes("model.safetensors.index.json")) {
    const parsed = indexSchema.safeParse(await readJsonObject(join(directory, "model.safetensors.index.json")));
    if (!parsed.success) throw invalid(directory, "model.safetensors.index.json has no weight_map");
    const index = parsed.data.weight_map;
    const files = [...new Set(Object.values(index))].sort();
    for (const file of files) {
      if (basename(file) !== file || !file.endsWith(".safetensors"))
        throw invalid(directory, `its index names '${file}', which is not a safetensors file beside it`);
      if (!names.includes(file))
        throw missingWeights(directory, `its index names ${file}, which is not there`, "Download the missing file.");
    }
    return { files, index };
  }
  if (names.includes("model.safetensors")) return { files: ["model.safetensors"] };
  const hasPickle = names.some((name) => /^pytorch_model.*\.bin$/.test(name));
  throw missingWeights(
    directory,
    hasPickle ? "its weights are in PyTorch's own format, which can run code" : "there is no model.safetensors",
    "Get the model with safetensors weights, or save it again with transformers' save_pretrained.",
  );
}

async function readBytes(
  handle: FileHandle,
  path: string,
  { name, offset }: SafetensorsEntry,
  start: number,
  length: number,
): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  const { bytesRead } = await handle.read(bytes, 0, length, offset + start);
  if (bytesRead !== length)
    throw new IlabError({
      code: "SAFETENSORS_TRUNCATED",
      message: `${path} became shorter while '${name}' was read`,
      hint: "Get the file again.",
    });
  return bytes;
}

function missingWeights(directory: string, problem: string, hint: string): IlabError {
  return new IlabError({ code: "HF_WEIGHTS_MISSING", message: `${directory} has no usable weights: ${problem}`, hint });
}

function invalid(directory: string, problem: string): IlabError {
  return new IlabError({
    code: "HF_WEIGHTS_INVALID",
    message: `the weights in ${directory} cannot be used: ${problem}`,
    hint: "Download the model again, or save it again with transformers' save_pretrained.",
  });
}
