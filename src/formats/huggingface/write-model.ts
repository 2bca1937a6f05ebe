/**
 * Streaming weights -> a directory as transformers' save_pretrained writes it: safetensors (in shards where they are large), config.json,
 * generation_config.json, tokenizer files. Quantised weights become 16-bit numbers.
 */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { floatsToRows, rowsToFloats } from "../../tensor/convert-rows.ts";
import { IlabError } from "../../util/errors.ts";
import { writeFileAtomic } from "../../util/fs.ts";
import { metadataString } from "../gguf/types.ts";
import { allRows, type ModelWeights, rowBytes, rowCount, type WeightTensor } from "../model-weights.ts";
import { type SafetensorsSource, safetensorsBytes, writeSafetensors } from "../safetensors.ts";
import { architectureOfGguf, type HuggingFaceArchitecture, huggingFaceTensorName } from "./architectures.ts";
import { configFromMetadata } from "./config-from-metadata.ts";
import { findTensorProblem } from "./expected-tensors.ts";
import { GGML_TYPE_OF } from "./open-tensors.ts";
import { reorderRows } from "./rotary-order.ts";
import { toPythonJson } from "./to-json.ts";
import { tokenizerFiles } from "./tokenizer-files.ts";

const F32 = 0;
const DTYPE_NAMES: Record<string, string> = { F32: "float32", F16: "float16", BF16: "bfloat16" };
/** As transformers cuts; small enough for any file system and for parallel downloads. */
const SHARD_BYTES = 5e9;

export interface WriteModelOptions {
  /** Called after each tensor. */
  onTensor?: (done: number, total: number) => void;
  /** Throws when the work is to end. */
  check?: () => void;
}

/** @returns names of the files. Throws `ARCHITECTURE_UNSUPPORTED`, `MODEL_UNSUPPORTED`, `TOKENIZER_UNSUPPORTED`. */
export async function writeHuggingFaceModel(
  directory: string,
  weights: ModelWeights,
  options: WriteModelOptions = {},
): Promise<string[]> {
  const architecture = architectureOfGguf(metadataString(weights, "general.architecture"), weights.source);
  const tensors = new Map(weights.tensors.map((tensor) => [tensor.name, tensor]));
  const dtype = chooseDtype(architecture, weights.tensors);
  const ropeTensor = tensors.get("rope_freqs.weight");
  tensors.delete("rope_freqs.weight");
  const hasBias = (modules: RegExp) => [...tensors.keys()].some((name) => name.endsWith(".bias") && modules.test(name));
  const embedding = tensors.get("token_embd.weight");
  const { config, sizes } = configFromMetadata(
    architecture,
    weights,
    {
      vocabulary: embedding === undefined ? 0 : rowCount(embedding),
      isTied: !tensors.has("output.weight"),
      hasAttentionBias: hasBias(/\.attn_/),
      hasFeedForwardBias: hasBias(/\.ffn_/),
      dtype: DTYPE_NAMES[dtype]!,
      ropeFactors: ropeTensor && rowsToFloats(ropeTensor.type, await ropeTensor.rows(0, 1), ropeTensor.shape[0]!),
    },
    weights.source,
  );
  const problem = findTensorProblem(
    architecture,
    sizes,
    new Map([...tensors.values()].map(({ name, shape }) => [name, [...shape].reverse()])),
  );
  if (problem !== undefined) throw unknownTensor(weights.source, problem);
  addMissingBiases(architecture, tensors, sizes.layers);
  const tokenizer = tokenizerFiles(weights, weights.source);
  const { ids, endings } = tokenizer;
  const tokenIds = { bos_token_id: ids.bos ?? null, eos_token_id: ids.eos ?? null, pad_token_id: ids.padding ?? null };
  await mkdir(directory, { recursive: true });

  // Norms and biases are kept as they are: they are small, and transformers takes each tensor in its own type.
  const sources = [...tensors.values()].map((tensor) =>
    exportTensor(architecture, tensor, tensor.shape.length === 1 ? "F32" : dtype, sizes.headSize, weights.source),
  );
  let done = 0;
  const watched = sources.map((source) => ({
    ...source,
    data: async function* () {
      for await (const piece of source.data()) {
        options.check?.();
        yield piece;
      }
      done += 1;
      options.onTensor?.(done, sources.length);
    },
  }));
  const files = await writeShards(directory, watched);
  const texts: Record<string, unknown> = {
    ...tokenizer.files,
    "generation_config.json": {
      _from_model_config: true,
      ...tokenIds,
      eos_token_id: endings.length > 1 ? endings : tokenIds.eos_token_id,
    },
    "config.json": { ...config, ...tokenIds },
  };
  for (const [name, content] of Object.entries(texts))
    await writeFileAtomic(join(directory, name), toPythonJson(content));
  return [...files, ...Object.keys(texts)];
}

/** transformers has biases in all layers of a kind or in none; llama.cpp takes them one by one. */
function addMissingBiases(
  { attentionBiases }: HuggingFaceArchitecture,
  tensors: Map<string, WeightTensor>,
  layers: number,
): void {
  const kinds = [attentionBiases, { modules: ["ffn_gate", "ffn_up", "ffn_down"], isAlways: false }];
  for (const { modules, isAlways } of kinds) {
    const names = Array.from({ length: layers }, (_, layer) =>
      modules.map((module) => `blk.${layer}.${module}`),
    ).flat();
    if (!isAlways && !names.some((name) => tensors.has(`${name}.bias`))) continue;
    for (const name of names.filter((each) => !tensors.has(`${each}.bias`))) {
      const length = rowCount(tensors.get(`${name}.weight`)!);
      const rows = async () => new Uint8Array(4 * length);
      tensors.set(`${name}.bias`, { name: `${name}.bias`, shape: [length], type: F32, rows });
    }
  }
}

/** The type of all matrices: as they are, or 16 bits. Gemma's activations do not fit F16. */
function chooseDtype(architecture: HuggingFaceArchitecture, tensors: readonly WeightTensor[]): "F32" | "F16" | "BF16" {
  const types = new Set(tensors.filter(({ shape }) => shape.length > 1).map(({ type }) => type));
  if (types.has(F32)) return "F32";
  return types.has(GGML_TYPE_OF["BF16"]!) || architecture.name.startsWith("gemma") ? "BF16" : "F16";
}

function exportTensor(
  architecture: HuggingFaceArchitecture,
  tensor: WeightTensor,
  dtype: string,
  headSize: number,
  source: string,
): SafetensorsSource {
  const name = huggingFaceTensorName(architecture, tensor.name);
  if (name === undefined || tensor.shape.length > 2)
    throw unknownTensor(source, `its tensor '${tensor.name}' has no place in ${architecture.classes[0]}`);
  const type = GGML_TYPE_OF[dtype]!;
  const columns = tensor.shape[0]!;
  const isRotated = architecture.permutesRotary && /\.attn_[qk]\./.test(tensor.name);
  const offset = tensor.name.endsWith("norm.weight") ? architecture.normOffset : 0;
  const convert = (bytes: Uint8Array): Uint8Array => {
    if (tensor.type === type && offset === 0) return bytes;
    const rows = bytes.length / rowBytes(tensor);
    const values = rowsToFloats(tensor.type, bytes, rows * columns);
    for (let i = 0; offset !== 0 && i < values.length; i++) values[i]! -= offset;
    return floatsToRows(type, values, columns, values.length * (type === F32 ? 4 : 2));
  };
  const shape = [...tensor.shape].reverse();
  if (!isRotated)
    return {
      name,
      dtype,
      shape,
      data: async function* () {
        for await (const bytes of allRows(tensor)) yield convert(bytes);
      },
    };
  return {
    name,
    dtype,
    shape,
    data: async function* () {
      const elementBytes = dtype === "F32" ? 4 : 2;
      if (shape.length === 1) {
        yield reorderRows(convert(await tensor.rows(0, 1)), elementBytes, headSize, "halves");
        return;
      }
      for (let row = 0; row < rowCount(tensor); row += headSize)
        yield reorderRows(convert(await tensor.rows(row, headSize)), columns * elementBytes, headSize, "halves");
    },
  };
}

/** @returns names of the files. */
async function writeShards(directory: string, tensors: readonly SafetensorsSource[]): Promise<string[]> {
  const shards: SafetensorsSource[][] = [[]];
  let size = 0;
  for (const tensor of tensors) {
    const bytes = safetensorsBytes(tensor);
    if (size > 0 && size + bytes > SHARD_BYTES) {
      shards.push([]);
      size = 0;
    }
    shards.at(-1)!.push(tensor);
    size += bytes;
  }
  if (shards.length === 1) {
    await writeSafetensors(join(directory, "model.safetensors"), tensors);
    return ["model.safetensors"];
  }
  const number = (value: number) => String(value).padStart(5, "0");
  const names = shards.map((_, i) => `model-${number(i + 1)}-of-${number(shards.length)}.safetensors`);
  for (const [i, shard] of shards.entries()) await writeSafetensors(join(directory, names[i]!), shard);
  const index = {
    metadata: { total_size: tensors.reduce((sum, tensor) => sum + safetensorsBytes(tensor), 0) },
    weight_map: Object.fromEntries(shards.flatMap((shard, i) => shard.map(({ name }) => [name, names[i]]))),
  };
  const indexName = "model.safetensors.index.json";
  await writeFileAtomic(join(directory, indexName), `${JSON.stringify(index, null, 2)}\n`);
  return [...names, indexName];
}

function unknownTensor(source: string, problem: string): IlabError {
  return new IlabError({
    code: "MODEL_UNSUPPORTED",
    message: `${source} cannot be written in Hugging Face's layout: ${problem}`,
    hint: "Convert to GGUF instead (--to gguf).",
  });
}
