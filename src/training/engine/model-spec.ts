/**
 * What the engine needs to know about a `llama`-architecture model, read from its GGUF metadata and checked against its tensors,
 * so that a model that cannot be trained is refused before any memory is taken.
 */
import { GGML_TYPES, type GgufFile, ggufError, metadataNumber, metadataString } from "../../formats/gguf/types.ts";
import type { RopeParameters } from "../../tensor/context.ts";
import { IlabError } from "../../util/errors.ts";

export interface ModelSpec {
  layers: number;
  /** Width of the residual stream. */
  width: number;
  heads: number;
  keyValueHeads: number;
  headSize: number;
  feedForward: number;
  vocabulary: number;
  normEpsilon: number;
  rope: RopeParameters;
  contextLength: number;
  /** The output head is the token embedding. */
  isTied: boolean;
  hasRopeFactors: boolean;
}

const SUPPORTED_ARCHITECTURES = ["llama"];
const TRAINABLE_TYPES = ["F32", "F16", "BF16", "Q8_0", "Q4_0", "Q4_1", "Q4_K", "Q6_K"];

/** @throws IlabError `ARCHITECTURE_UNSUPPORTED`, `WEIGHT_TYPE_UNSUPPORTED`, `GGUF_INVALID`. */
export function readModelSpec(file: GgufFile): ModelSpec {
  const architecture = metadataString(file, "general.architecture") ?? "(none)";
  if (metadataString(file, "general.type") === "adapter")
    throw ggufError(file.path, "it is an adapter, not a whole model", "ARCHITECTURE_UNSUPPORTED");
  if (!SUPPORTED_ARCHITECTURES.includes(architecture))
    throw new IlabError({
      code: "ARCHITECTURE_UNSUPPORTED",
      message: `the model ${file.path} has the architecture '${architecture}', which the training engine does not support`,
      hint: `Supported: ${SUPPORTED_ARCHITECTURES.join(", ")} (Llama, Mistral, SmolLM2 and their relatives). Try \`--model-path smollm2-135m\`.`,
    });
  const need = (key: string): number => {
    const value = metadataNumber(file, `llama.${key}`);
    if (value === undefined || !(value > 0))
      throw ggufError(file.path, `the metadata value llama.${key} is missing or not positive`);
    return value;
  };
  const width = need("embedding_length");
  const heads = need("attention.head_count");
  const headSize = metadataNumber(file, "llama.attention.key_length") ?? width / heads;
  const ropeScaling = metadataString(file, "llama.rope.scaling.type") ?? "none";
  if (ropeScaling !== "none" && ropeScaling !== "linear")
    throw new IlabError({
      code: "ARCHITECTURE_UNSUPPORTED",
      message: `the model ${file.path} uses the RoPE scaling '${ropeScaling}', which the training engine does not support`,
      hint: "Models without RoPE scaling, with linear scaling or with frequency factors (Llama 3) can be trained.",
    });
  const embedding = file.tensors.get("token_embd.weight");
  if (embedding === undefined) throw ggufError(file.path, "the tensor token_embd.weight is missing");
  const contextLength = need("context_length");
  const spec: ModelSpec = {
    layers: need("block_count"),
    width,
    heads,
    keyValueHeads: metadataNumber(file, "llama.attention.head_count_kv") ?? heads,
    headSize,
    feedForward: need("feed_forward_length"),
    vocabulary: embedding.shape[1] ?? 0,
    normEpsilon: need("attention.layer_norm_rms_epsilon"),
    rope: {
      dimensions: metadataNumber(file, "llama.rope.dimension_count") ?? headSize,
      mode: 0,
      originalContext: metadataNumber(file, "llama.rope.scaling.original_context_length") ?? contextLength,
      frequencyBase: metadataNumber(file, "llama.rope.freq_base") ?? 10_000,
      frequencyScale: ropeScaling === "linear" ? 1 / (metadataNumber(file, "llama.rope.scaling.factor") ?? 1) : 1,
      extrapolation: 0,
      attentionFactor: 1,
    },
    contextLength,
    isTied: !file.tensors.has("output.weight"),
    hasRopeFactors: file.tensors.has("rope_freqs.weight"),
  };
  checkTensors(file, spec);
  return spec;
}

/** Shape of every weight by its GGUF name, `[input, output]` as ggml orders them. */
export function expectedShapes(spec: ModelSpec): Map<string, number[]> {
  const { width, feedForward, headSize } = spec;
  const queries = spec.heads * headSize;
  const keys = spec.keyValueHeads * headSize;
  const shapes = new Map<string, number[]>([
    ["token_embd.weight", [width, spec.vocabulary]],
    ["output_norm.weight", [width]],
  ]);
  if (!spec.isTied) shapes.set("output.weight", [width, spec.vocabulary]);
  if (spec.hasRopeFactors) shapes.set("rope_freqs.weight", [spec.rope.dimensions / 2]);
  for (let layer = 0; layer < spec.layers; layer++) {
    const block = `blk.${layer}.`;
    shapes.set(`${block}attn_norm.weight`, [width]);
    shapes.set(`${block}attn_q.weight`, [width, queries]);
    shapes.set(`${block}attn_k.weight`, [width, keys]);
    shapes.set(`${block}attn_v.weight`, [width, keys]);
    shapes.set(`${block}attn_output.weight`, [queries, width]);
    shapes.set(`${block}ffn_norm.weight`, [width]);
    shapes.set(`${block}ffn_gate.weight`, [width, feedForward]);
    shapes.set(`${block}ffn_up.weight`, [width, feedForward]);
    shapes.set(`${block}ffn_down.weight`, [feedForward, width]);
  }
  return shapes;
}

function checkTensors(file: GgufFile, spec: ModelSpec): void {
  if (spec.heads % spec.keyValueHeads !== 0)
    throw ggufError(file.path, `${spec.heads} attention heads cannot share ${spec.keyValueHeads} key heads`);
  const expected = expectedShapes(spec);
  for (const [name, shape] of expected) {
    const tensor = file.tensors.get(name);
    if (tensor === undefined) throw ggufError(file.path, `the tensor ${name} is missing`);
    if (tensor.shape.length !== shape.length || tensor.shape.some((n, i) => n !== shape[i]))
      throw ggufError(
        file.path,
        `the tensor ${name} has the shape [${tensor.shape.join(", ")}], expected [${shape.join(", ")}]`,
      );
    const type = GGML_TYPES[tensor.type]?.name ?? `type ${tensor.type}`;
    if (!TRAINABLE_TYPES.includes(type))
      throw new IlabError({
        code: "WEIGHT_TYPE_UNSUPPORTED",
        message: `the tensor ${name} of ${file.path} is stored as ${type}, which the training engine does not support`,
        hint: `Supported weight types: ${TRAINABLE_TYPES.join(", ")}.`,
      });
  }
  const extra = [...file.tensors.keys()].find((name) => !expected.has(name) && !/^rope_freqs/.test(name));
  if (extra !== undefined)
    throw new IlabError({
      code: "ARCHITECTURE_UNSUPPORTED",
      message: `the model ${file.path} has a tensor '${extra}' that the training engine does not know, so its results would be wrong`,
      hint: "Plain llama models can be trained: no attention biases, no mixture of experts.",
    });
}
