/** `config.json` -> GGUF metadata of the same model. What llama.cpp's graphs cannot express is refused rather than converted into another model. */
import { IlabError } from "../../util/errors.ts";
import type { GgufMetadataEntry } from "../gguf/types.ts";
import type { HuggingFaceArchitecture } from "./architectures.ts";
import type { HuggingFaceConfig, RopeConfig } from "./config.ts";
import { gemma3QueryScalar, isGemma3Local } from "./gemma3.ts";
import { llama3Factors } from "./llama3-rope.ts";

export interface ConfiguredModel {
  metadata: Map<string, GgufMetadataEntry>;
  headSize: number;
  /** Values of `rope_freqs.weight`, where the model has that tensor. */
  ropeFactors?: Float32Array;
  warnings: string[];
}

/** What YaRN assumes where a configuration says nothing, and all that llama.cpp knows. */
const YARN_BETA_FAST = 32;
const YARN_BETA_SLOW = 1;

/** @param source the directory, for messages. Throws `MODEL_UNSUPPORTED`. */
export function metadataFromConfig(
  architecture: HuggingFaceArchitecture,
  config: HuggingFaceConfig,
  source: string,
): ConfiguredModel {
  const refuse = (problem: string) => {
    throw new IlabError({
      code: "MODEL_UNSUPPORTED",
      message: `${source} cannot be converted to GGUF: ${problem}`,
      hint: "llama.cpp cannot run such a model. Choose another one.",
    });
  };
  const isGemma = architecture.name === "gemma3";
  const heads = config.num_attention_heads;
  if (config.head_dim === undefined && config.hidden_size % heads !== 0)
    refuse(`a width of ${config.hidden_size} cannot be divided among ${heads} heads`);
  const headSize = config.head_dim ?? config.hidden_size / heads;
  if (headSize % 2 !== 0) refuse(`heads of ${headSize} values cannot be rotated in pairs`);
  const activation = config.hidden_activation ?? config.hidden_act ?? (isGemma ? "gelu_pytorch_tanh" : "silu");
  if (activation !== (isGemma ? "gelu_pytorch_tanh" : "silu")) refuse(`its activation is ${activation}`);
  const warnings: string[] = [];

  const metadata = new Map<string, GgufMetadataEntry>();
  const set = (key: string, type: "uint32" | "float32" | "string", value: number | string | undefined) => {
    if (value !== undefined) metadata.set(`${architecture.name}.${key}`, { type, value });
  };
  metadata.set("general.architecture", { type: "string", value: architecture.name });
  set("block_count", "uint32", config.num_hidden_layers);
  set("context_length", "uint32", config.max_position_embeddings ?? 2048);
  set("embedding_length", "uint32", config.hidden_size);
  set("feed_forward_length", "uint32", config.intermediate_size);
  set("attention.head_count", "uint32", heads);
  set("attention.head_count_kv", "uint32", config.num_key_value_heads ?? heads);
  if (config.head_dim !== undefined) {
    set("attention.key_length", "uint32", headSize);
    set("attention.value_length", "uint32", headSize);
  }
  set("attention.layer_norm_rms_epsilon", "float32", config.rms_norm_eps ?? 1e-6);
  set("rope.dimension_count", "uint32", headSize);
  if (architecture.name === "granite") {
    set("attention.scale", "float32", config.attention_multiplier ?? 1);
    set("embedding_scale", "float32", config.embedding_multiplier ?? 1);
    set("residual_scale", "float32", config.residual_multiplier ?? 1);
    set("logit_scale", "float32", config.logits_scaling ?? 1);
  }

  const { full, local } = ropeOf(config);
  if ((full.partial_rotary_factor ?? 1) !== 1) refuse(`only ${full.partial_rotary_factor} of each head is rotated`);
  const base = full.rope_theta ?? (isGemma ? 1_000_000 : 10_000);
  set("rope.freq_base", "float32", base);
  let ropeFactors: Float32Array | undefined;
  const kind = full.rope_type ?? full.type ?? "default";
  const factor = full.factor ?? 1;
  if (kind === "llama3") {
    const context = full.original_max_position_embeddings ?? 8192;
    const [low, high] = [full.low_freq_factor ?? 1, full.high_freq_factor ?? 4];
    if (high <= low) refuse(`its rope scaling has bounds of ${low} and ${high}`);
    const rope = { factor, low_freq_factor: low, high_freq_factor: high, original_max_position_embeddings: context };
    ropeFactors = llama3Factors(rope, base, headSize);
  } else if (kind === "linear" || kind === "yarn") {
    set("rope.scaling.type", "string", kind);
    set("rope.scaling.factor", "float32", factor);
    if (kind === "yarn") {
      if (
        (full.beta_fast ?? YARN_BETA_FAST) !== YARN_BETA_FAST ||
        (full.beta_slow ?? YARN_BETA_SLOW) !== YARN_BETA_SLOW
      )
        refuse(`its YaRN scaling has bounds of ${full.beta_fast} and ${full.beta_slow}`);
      set(
        "rope.scaling.original_context_length",
        "uint32",
        full.original_max_position_embeddings ?? config.max_position_embeddings,
      );
      if (full.attention_factor !== undefined)
        set("rope.scaling.attn_factor", "float32", full.attention_factor / (1 + 0.1 * Math.log(factor)));
    }
  } else if (kind !== "default") refuse(`its rope scaling is of the kind '${kind}'`);

  const layers = Array.from({ length: config.num_hidden_layers }, (_, layer) => layer);
  const isLocal = (layer: number) => config.layer_types?.[layer] === "sliding_attention";
  if (isGemma) {
    if (config.attn_logit_softcapping !== undefined) refuse("it caps its attention");
    const scalar = gemma3QueryScalar(config.num_hidden_layers, config.hidden_size, heads, headSize);
    if ((config.query_pre_attn_scalar ?? scalar) !== scalar)
      refuse(`its queries are scaled for ${config.query_pre_attn_scalar}, llama.cpp takes ${scalar} for such a model`);
    set("final_logit_softcapping", "float32", config.final_logit_softcapping);
    const period = config.sliding_window_pattern ?? 6;
    const local = layers.map((layer) => (config.layer_types ? isLocal(layer) : layer % period < period - 1));
    if (local.some(Boolean)) {
      set("attention.sliding_window", "uint32", config.sliding_window);
      set("rope.freq_base_swa", "float32", localBase(config));
      if (local.some((value, layer) => value !== isGemma3Local(layer)))
        metadata.set("gemma3.attention.sliding_window_pattern", { type: "array", elementType: "bool", value: local });
    }
  } else if (config.use_sliding_window === true && layers.some(isLocal)) refuse("some of its layers see only a window");
  else if (config.architectures.includes("MistralForCausalLM") && config.sliding_window !== undefined)
    warnings.push(
      `${source} attends to windows of ${config.sliding_window} tokens, GGUF's llama to everything: longer texts come out differently`,
    );
  return { metadata, headSize, ropeFactors, warnings };

  function localBase({ rope_local_base_freq }: HuggingFaceConfig): number {
    return local?.rope_theta ?? rope_local_base_freq ?? 10_000;
  }
}

/** Old files have `rope_theta` and `rope_scaling`, those of transformers 5 `rope_parameters`, by kind of layer or for all. */
function ropeOf(config: HuggingFaceConfig): { full: RopeConfig; local?: RopeConfig } {
  const { rope_parameters: parameters, rope_scaling: scaling, rope_theta, partial_rotary_factor } = config;
  if (parameters !== undefined && "full_attention" in parameters) {
    const { full_attention: full, sliding_attention: local } = parameters as {
      full_attention: RopeConfig;
      sliding_attention?: RopeConfig;
    };
    return { full, local };
  }
  const full = { rope_theta, partial_rotary_factor, ...scaling, ...(parameters as RopeConfig | undefined) };
  return { full: { ...full, rope_theta: full.rope_theta ?? rope_theta } as RopeConfig };
}
