/**
 * A base model with an adapter added into its weights: W' = W + (alpha / rank) B A, computed row by row while somebody reads it.
 * The sum is made in F32; merged weights are then stored as the base stores them, or as F16 where the base is quantised.
 */
import { GGML_TYPES, type GgufMetadataEntry, metadataString } from "../formats/gguf/types.ts";
import { type LoraAdapter, type LoraWeight, loraRank, loraScale } from "../formats/lora-adapter.ts";
import { type ModelWeights, rowBytes, rowCount, type WeightTensor } from "../formats/model-weights.ts";
import { floatsToRows, rowsToFloats } from "../tensor/convert-rows.ts";
import { IlabError, UsageError } from "../util/errors.ts";
import { createLoraProduct } from "./lora-product.ts";

const F32 = 0;
const F16 = 1;
const BF16 = 30;
/** IQ2_XXS, IQ2_XS, IQ1_S: ggml ends the process when it is asked for them without more. */
const NEEDS_IMPORTANCE = [16, 17, 19];

export interface MergeOptions {
  /** Quantised weights go back to the type that they have in the base, which costs some of what was learned. */
  keepQuantizedTypes?: boolean;
}

/** @param source where the adapter came from, for messages. Throws `ADAPTER_MISMATCH` for an adapter of another model. */
export function requireFittingAdapter(base: ModelWeights, adapter: LoraAdapter, source: string): void {
  const mismatch = (problem: string) =>
    new IlabError({
      code: "ADAPTER_MISMATCH",
      message: `the adapter ${source} does not belong to the model ${base.source}: ${problem}`,
      hint: "Give the base model that the adapter was trained on (--base-model).",
    });
  const architecture = metadataString(base, "general.architecture");
  if (adapter.architecture !== architecture)
    throw mismatch(`it adapts models of the architecture ${adapter.architecture}, not ${architecture}`);
  const byName = new Map(base.tensors.map((tensor) => [tensor.name, tensor]));
  for (const { name, input, output } of adapter.weights) {
    const tensor = byName.get(name);
    if (tensor === undefined) throw mismatch(`the model has no weight '${name}'`);
    if (tensor.shape[0] !== input || rowCount(tensor) !== output)
      throw mismatch(`'${name}' is [${tensor.shape.join(", ")}] in the model and [${input}, ${output}] in the adapter`);
  }
}

/** The adapter must fit (`requireFittingAdapter`). Disposing the result disposes the base. */
export function mergeAdapter(base: ModelWeights, adapter: LoraAdapter, options: MergeOptions = {}): ModelWeights {
  const adapted = new Map(adapter.weights.map((weight) => [weight.name, weight]));
  const metadata = new Map<string, GgufMetadataEntry>(base.metadata);
  // It names the mixture of types, which is another one now; llama.cpp finds it out where it is not said.
  metadata.delete("general.file_type");
  return {
    ...base,
    metadata,
    tensors: base.tensors.map((tensor) => {
      const weight = adapted.get(tensor.name);
      return weight === undefined ? tensor : mergedTensor(tensor, weight, loraScale(adapter, weight), options);
    }),
  };
}

function mergedTensor(tensor: WeightTensor, weight: LoraWeight, scale: number, options: MergeOptions): WeightTensor {
  const isFloat = [F32, F16, BF16].includes(tensor.type);
  if (options.keepQuantizedTypes && NEEDS_IMPORTANCE.includes(tensor.type))
    throw new UsageError(
      `'${tensor.name}' is of the type ${GGML_TYPES[tensor.type]!.name}, which cannot be made without an importance matrix`,
      "Leave out --skip-de-quantize.",
    );
  const type = isFloat || options.keepQuantizedTypes ? tensor.type : F16;
  const columns = tensor.shape[0]!;
  const merged = { name: tensor.name, shape: tensor.shape, type };
  const product = createLoraProduct(weight.a, columns, scale);
  return {
    ...merged,
    rows: async (start, count) => {
      const values = rowsToFloats(tensor.type, await tensor.rows(start, count), count * columns);
      const rank = loraRank(weight);
      product.addRows(values, weight.b.subarray(start * rank, (start + count) * rank));
      return floatsToRows(type, values, columns, count * rowBytes(merged));
    },
  };
}
