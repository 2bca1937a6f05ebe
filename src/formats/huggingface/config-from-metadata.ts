/** GGUF metadata -> `config.json`, in the spelling that transformers 4 and 5 both read. */
import { IlabError } from "../../util/errors.ts";
import { type GgufFile, metadataNumber, metadataString } from "../gguf/types.ts";
import type { HuggingFaceArchitecture } from "./architectures.ts";
import type { DecoderSizes } from "./expected-tensors.ts";
import { gemma3QueryScalar, isGemma3Local } from "./gemma3.ts";
import { llama3RopeOf } from "./llama3-rope.ts";
import { PythonFloat } from "./to-json.ts";

export interface ModelFacts {
  /** Rows of the embedding. */
  vocabulary: number;
  isTied: boolean;
  hasAttentionBias: boolean;
  hasFeedForwardBias: boolean;
  /** `float16`, `bfloat16` or `float32`: what the weights are stored as. */
  dtype: string;
  /** `rope_freqs.weight`, where the model has it. */
  ropeFactors?: Float32Array;
}

export interface ExportedConfig {
  config: Record<string, unknown>;
  sizes: DecoderSizes;
}

/** @param source the file, for messages. Throws `GGUF_INVALID`-like errors for a model that says too little or too much. */
export function configFromMetadata(
  architecture: HuggingFaceArchitecture,
  file: Pick<GgufFile, "metadata">,
  facts: ModelFacts,
  source: string,
): ExportedConfig {
  const refuse = (problem: string): never => {
    throw new IlabError({
      code: "MODEL_UNSUPPORTED",
      message: `${source} cannot be written in Hugging Face's layout: ${problem}`,
      hint: "Convert to GGUF instead (--to gguf).",
    });
  };
  const get = (key: string) => metadataNumber(file, `${architecture.name}.${key}`);
  const need = (key: string): number => get(key) ?? refuse(`it does not say its ${architecture.name}.${key}`);
  const width = need("embedding_length");
  const heads = need("attention.head_count");
  const layers = need("block_count");
  const headSize = get("attention.key_length") ?? width / heads;
  if ((get("attention.value_length") ?? headSize) !== headSize) refuse("its keys and values differ in size");
  if ((get("rope.dimension_count") ?? headSize) !== headSize) refuse("only a part of each head is rotated");
  if ((get("expert_count") ?? 0) > 0) refuse("it is a mixture of experts");
  const keyValueHeads = get("attention.head_count_kv") ?? heads;
  const sizes = { layers, width, feedForward: need("feed_forward_length"), heads, keyValueHeads, headSize };
  const isGemma = architecture.name === "gemma3";
  const base = get("rope.freq_base") ?? 10_000;
  const config: Record<string, unknown> = {
    architectures: [architecture.classes[0]],
    model_type: architecture.modelType,
    hidden_size: width,
    intermediate_size: sizes.feedForward,
    num_hidden_layers: layers,
    num_attention_heads: heads,
    num_key_value_heads: keyValueHeads,
    head_dim: headSize,
    vocab_size: facts.vocabulary,
    max_position_embeddings: need("context_length"),
    rms_norm_eps: pythonFloat(need("attention.layer_norm_rms_epsilon")),
    [isGemma ? "hidden_activation" : "hidden_act"]: isGemma ? "gelu_pytorch_tanh" : "silu",
    tie_word_embeddings: facts.isTied,
    attention_bias: facts.hasAttentionBias,
    attention_dropout: new PythonFloat(0),
    rope_theta: pythonFloat(base),
    rope_scaling: ropeScaling(),
    use_cache: true,
    torch_dtype: facts.dtype,
  };
  if (architecture.name === "llama" || architecture.name === "granite") config["mlp_bias"] = facts.hasFeedForwardBias;
  else if (facts.hasFeedForwardBias) refuse("its feed-forward layers have biases");
  if (architecture.name === "granite") {
    // llama.cpp takes a missing attention scale as the usual one, transformers as 1.
    config["attention_multiplier"] = pythonFloat(get("attention.scale") || 1 / Math.sqrt(headSize));
    config["embedding_multiplier"] = pythonFloat(get("embedding_scale") || 1);
    config["residual_multiplier"] = pythonFloat(get("residual_scale") || 1);
    config["logits_scaling"] = pythonFloat(get("logit_scale") || 1);
  }
  if (architecture.name.startsWith("qwen")) config["use_sliding_window"] = false;
  if (isGemma) {
    const window = get("attention.sliding_window") ?? 0;
    const local = slidingLayers();
    config["query_pre_attn_scalar"] = gemma3QueryScalar(layers, width, heads, headSize);
    const cap = get("final_logit_softcapping");
    config["final_logit_softcapping"] = cap === undefined ? null : pythonFloat(cap);
    config["attn_logit_softcapping"] = null;
    config["sliding_window"] = window === 0 ? 4096 : window;
    config["layer_types"] = local.map((isLocal) => (window > 0 && isLocal ? "sliding_attention" : "full_attention"));
    config["rope_local_base_freq"] = pythonFloat(get("rope.freq_base_swa") ?? 10_000);
  }
  return { config, sizes };

  function slidingLayers(): boolean[] {
    const pattern = file.metadata.get("gemma3.attention.sliding_window_pattern")?.value;
    const period = typeof pattern === "number" ? pattern : undefined;
    return Array.from({ length: layers }, (_, layer) => {
      if (Array.isArray(pattern)) return Boolean(pattern[layer]);
      return period === undefined ? isGemma3Local(layer) : period === 0 || layer % period < period - 1;
    });
  }

  function ropeScaling(): Record<string, unknown> | null {
    const type = metadataString(file, `${architecture.name}.rope.scaling.type`);
    const factor = get("rope.scaling.factor") ?? 1;
    if (facts.ropeFactors !== undefined) {
      if (facts.ropeFactors.every((value) => value === 1)) return null;
      const rope = llama3RopeOf(facts.ropeFactors, base, headSize);
      return rope === undefined
        ? refuse("its rotary frequencies have factors that are not Llama 3's")
        : {
            rope_type: "llama3",
            factor: pythonFloat(rope.factor),
            low_freq_factor: new PythonFloat(rope.low_freq_factor),
            high_freq_factor: new PythonFloat(rope.high_freq_factor),
            original_max_position_embeddings: rope.original_max_position_embeddings,
          };
    }
    if (type === "yarn") {
      const ownFactor = get("rope.scaling.attn_factor") ?? 1;
      return {
        rope_type: "yarn",
        factor: pythonFloat(factor),
        original_max_position_embeddings:
          get("rope.scaling.original_context_length") ?? metadataNumber(file, `${architecture.name}.context_length`),
        ...(ownFactor === 1 ? {} : { attention_factor: new PythonFloat(ownFactor * (1 + 0.1 * Math.log(factor))) }),
      };
    }
    if (type === "longrope") return refuse("its rotary frequencies are scaled by 'longrope'");
    return factor === 1 || type === "none" ? null : { rope_type: "linear", factor: pythonFloat(factor) };
  }
}

/** A 32-bit float as the shortest decimal that gives it back: 0.00001 instead of 0.000009999999747378752. */
function pythonFloat(value: number): PythonFloat {
  for (let digits = 1; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === Math.fround(value)) return new PythonFloat(short);
  }
  return new PythonFloat(value);
}
