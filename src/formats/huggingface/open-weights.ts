/** A Hugging Face directory as streaming GGUF weights: metadata from its configuration and tokenizer, tensors renamed, reordered and shifted as llama.cpp wants them. */
import { basename } from "node:path";
import { floatsToRows, rowsToFloats } from "../../tensor/convert-rows.ts";
import { IlabError } from "../../util/errors.ts";
import type { ModelWeights, WeightTensor } from "../model-weights.ts";
import { architectureOfClass, ggufTensorName, type HuggingFaceArchitecture } from "./architectures.ts";
import { readConfig } from "./config.ts";
import { findTensorProblem } from "./expected-tensors.ts";
import { metadataFromConfig } from "./metadata-from-config.ts";
import { GGML_TYPE_OF, type HuggingFaceTensor, openTensors } from "./open-tensors.ts";
import { reorderRows } from "./rotary-order.ts";
import { tokenizerMetadata } from "./tokenizer-metadata.ts";

const F32 = 0;

/** Throws `HF_CONFIG_INVALID`, `ARCHITECTURE_UNSUPPORTED`, `MODEL_UNSUPPORTED`, `HF_WEIGHTS_INVALID`, `TOKENIZER_UNSUPPORTED` and their kin. */
export async function openHuggingFaceWeights(directory: string): Promise<ModelWeights> {
  const config = await readConfig(directory);
  const architecture = architectureOfClass(config.architectures, directory);
  const { metadata, headSize, ropeFactors, warnings } = metadataFromConfig(architecture, config, directory);
  const files = await openTensors(directory);
  try {
    const { named, skipped } = nameTensors(architecture, files.tensors, directory);
    if (skipped > 0) warnings.push(`${skipped} tensors of ${directory} are not of the language model and are left out`);
    if (config.tie_word_embeddings ?? architecture.isTiedByDefault) named.delete("output.weight");
    else if (!named.has("output.weight")) throw invalid(directory, "lm_head.weight is missing");
    const problem = findTensorProblem(
      architecture,
      {
        layers: config.num_hidden_layers,
        width: config.hidden_size,
        feedForward: config.intermediate_size,
        heads: config.num_attention_heads,
        keyValueHeads: config.num_key_value_heads ?? config.num_attention_heads,
        headSize,
      },
      new Map([...named].map(([name, { shape }]) => [name, shape])),
    );
    if (problem !== undefined) throw invalid(directory, problem);
    const vocabulary = named.get("token_embd.weight")!.shape[0]!;
    if (architecture.name !== "gemma3")
      metadata.set(`${architecture.name}.vocab_size`, { type: "uint32", value: vocabulary });
    const tokenizer = await tokenizerMetadata(directory, vocabulary, config);
    warnings.push(...tokenizer.warnings);
    for (const [key, entry] of tokenizer.metadata) metadata.set(key, entry);
    metadata.set("general.type", { type: "string", value: "model" });
    metadata.set("general.name", { type: "string", value: basename(directory) });
    const tensors = [...named].map(([name, tensor]) => {
      const isRotated = architecture.permutesRotary && /\.attn_[qk]\./.test(name);
      const offset = name.endsWith("norm.weight") ? architecture.normOffset : 0;
      return convertTensor(name, tensor, isRotated ? headSize : undefined, offset, directory);
    });
    if (ropeFactors !== undefined) tensors.push(constantTensor("rope_freqs.weight", ropeFactors));
    return {
      source: directory,
      metadata,
      tensors,
      warnings,
      [Symbol.asyncDispose]: () => files[Symbol.asyncDispose](),
    };
  } catch (error) {
    await files[Symbol.asyncDispose]();
    throw error;
  }
}

/** GGUF names, in llama.cpp's order: the embedding, the layers, the head. */
function nameTensors(
  architecture: HuggingFaceArchitecture,
  tensors: Map<string, HuggingFaceTensor>,
  directory: string,
): { named: Map<string, HuggingFaceTensor>; skipped: number } {
  const found: [string, HuggingFaceTensor][] = [];
  let skipped = 0;
  for (const [name, tensor] of tensors) {
    if (name.endsWith("rotary_emb.inv_freq")) continue;
    if (/vision|multi_modal_projector|audio/.test(name)) {
      skipped += 1;
      continue;
    }
    const ggufName = ggufTensorName(architecture, name);
    if (ggufName === undefined)
      throw invalid(directory, `it holds the tensor '${name}', which ${architecture.name} does not know`);
    found.push([ggufName, tensor]);
  }
  const layer = (name: string) => Number(/^blk\.(\d+)\./.exec(name)?.[1] ?? (name.startsWith("token_embd") ? -1 : 1e9));
  return { named: new Map(found.sort(([a], [b]) => layer(a) - layer(b))), skipped };
}

/** @param headSize rows are reordered inside heads of this size. @param offset added to every value. */
function convertTensor(
  name: string,
  tensor: HuggingFaceTensor,
  headSize: number | undefined,
  offset: number,
  directory: string,
): WeightTensor {
  const source = GGML_TYPE_OF[tensor.dtype];
  if (source === undefined)
    throw invalid(directory, `'${tensor.name}' is of type ${tensor.dtype}; weights must be F32, F16 or BF16`);
  const isVector = tensor.shape.length === 1;
  // A vector of queries (a bias) is reordered value by value.
  const columns = isVector ? 1 : tensor.shape[1]!;
  const bytesPerRow = columns * (source === F32 ? 4 : 2);
  const read = async (start: number, count: number): Promise<Uint8Array> => {
    if (headSize === undefined) return await tensor.read(start * bytesPerRow, count * bytesPerRow);
    const first = Math.floor(start / headSize) * headSize;
    const end = Math.ceil((start + count) / headSize) * headSize;
    const heads = await tensor.read(first * bytesPerRow, (end - first) * bytesPerRow);
    const reordered = reorderRows(heads, bytesPerRow, headSize, "neighbours");
    return reordered.slice((start - first) * bytesPerRow, (start - first + count) * bytesPerRow);
  };
  if (!isVector) return { name, shape: [columns, tensor.shape[0]!], type: source, rows: read };
  const length = tensor.shape[0]!;
  return {
    name,
    shape: [length],
    type: F32,
    rows: async () => {
      const values = rowsToFloats(source, await read(0, length), length);
      for (let i = 0; offset !== 0 && i < length; i++) values[i]! += offset;
      return floatsToRows(F32, values, length, length * 4);
    },
  };
}

function constantTensor(name: string, values: Float32Array): WeightTensor {
  return {
    name,
    shape: [values.length],
    type: F32,
    rows: async () => new Uint8Array(values.buffer.slice(0)),
  };
}

function invalid(directory: string, problem: string): IlabError {
  return new IlabError({
    code: "HF_WEIGHTS_INVALID",
    message: `the weights in ${directory} cannot be used: ${problem}`,
    hint: "Make sure that config.json and the weights belong together and were downloaded whole.",
  });
}
