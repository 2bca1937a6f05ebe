/**
 * What all supported architectures share: a decoder of norm, attention, norm, gated feed-forward. An architecture file begins with
 * `readDecoder` and overrides what is its own.
 */
import { MODULE_GROUPS, type ModuleName, moduleShape } from "../lora-layout.ts";
import type { ModelSpec } from "../model-spec.ts";
import type { ArchitectureMetadata } from "./metadata.ts";

/** `LLAMA_MAX_LAYERS`: llama.cpp loads no more, and a lying count must not become work. */
const MAX_LAYERS = 512;
/** Ten times the largest width and vocabulary of known models. */
const MAX_WIDTH = 1 << 18;
const MAX_HEADS = 4096;

export const QUERY_KEY_VALUE: readonly ModuleName[] = ["attn_q", "attn_k", "attn_v"];
export const ALL_MODULES: readonly ModuleName[] = Object.values(MODULE_GROUPS).flat();

export function readDecoder(metadata: ArchitectureMetadata): ModelSpec {
  refuseOtherKinds(metadata);
  const width = metadata.integer("embedding_length", undefined, MAX_WIDTH);
  const heads = metadata.integer("attention.head_count", undefined, MAX_HEADS);
  const keyValueHeads = metadata.integer("attention.head_count_kv", heads, MAX_HEADS);
  if (heads % keyValueHeads !== 0)
    throw metadata.invalid(`${heads} attention heads cannot share ${keyValueHeads} key heads`);
  const defaultHeadSize = Math.max(1, Math.floor(width / heads));
  const headSize = metadata.integer("attention.key_length", defaultHeadSize, MAX_WIDTH);
  const valueSize = metadata.integer("attention.value_length", defaultHeadSize, MAX_WIDTH);
  const localSizes = ["key_length_swa", "value_length_swa"].map((key) =>
    metadata.integer(`attention.${key}`, headSize),
  );
  // GGUF and llama.cpp have room for several sizes; no model of these architectures uses it.
  if ([valueSize, ...localSizes].some((size) => size !== headSize))
    throw metadata.unsupported(
      `has heads of different sizes (keys ${headSize}, values ${valueSize}, with a window ${localSizes.join(" and ")})`,
      "Models whose heads are all of one size can be trained.",
    );
  if (headSize % 2 !== 0) throw metadata.invalid(`attention heads of ${headSize} values cannot be rotated in pairs`);
  const embedding = metadata.file.tensors.get("token_embd.weight");
  if (embedding === undefined) throw metadata.invalid("the tensor token_embd.weight is missing");
  if (embedding.shape.length !== 2) throw metadata.invalid("the tensor token_embd.weight is not a matrix");
  const vocabulary = embedding.shape[1]!;
  const tokens = metadata.file.metadata.get("tokenizer.ggml.tokens");
  // A token without an embedding would be read from beyond the matrix.
  if (tokens?.type === "array" && tokens.value.length !== vocabulary)
    throw metadata.invalid(`its tokenizer has ${tokens.value.length} tokens, its embedding ${vocabulary}`);
  return {
    architecture: metadata.architecture,
    layers: metadata.integer("block_count", undefined, MAX_LAYERS),
    width,
    heads,
    keyValueHeads,
    headSize,
    feedForward: metadata.integer("feed_forward_length", undefined, 16 * MAX_WIDTH),
    vocabulary,
    normEpsilon: metadata.positive("attention.layer_norm_rms_epsilon"),
    contextLength: metadata.integer("context_length"),
    isTied: !metadata.hasTensor("output.weight"),
    rope: undefined,
    hasRopeFactors: false,
    slidingWindow: undefined,
    biases: new Set(),
    hasOutputBias: false,
    hasQueryKeyNorms: false,
    hasPostNorms: false,
    activation: "silu",
    embeddingScale: 1,
    attentionScale: 1 / Math.sqrt(headSize),
    residualScale: 1,
    logitScale: 1,
    attentionSoftCap: undefined,
    finalSoftCap: undefined,
  };
}

function refuseOtherKinds(metadata: ArchitectureMetadata): void {
  if (metadata.optionalPositive("expert_count") !== undefined)
    throw metadata.unsupported("is a mixture of experts", "Dense models can be trained.");
  if (metadata.flag("attention.causal") === false)
    throw metadata.unsupported("looks at later tokens too", "Models that generate text can be trained.");
}

/** Norms, the seven linear layers and the biases that the spec names. */
export function decoderTensors(spec: ModelSpec): Record<string, number[]> {
  const tensors: Record<string, number[]> = { "attn_norm.weight": [spec.width], "ffn_norm.weight": [spec.width] };
  for (const module of ALL_MODULES) {
    const { input, output } = moduleShape(spec, module);
    tensors[`${module}.weight`] = [input, output];
    if (spec.biases.has(module)) tensors[`${module}.bias`] = [output];
  }
  return tensors;
}
