/** In what the tiny models of other architectures differ from a tiny llama: metadata with every option, norms, biases. */
import type { GgufMetadataEntry } from "../../src/formats/gguf/types.ts";

export interface TinyArchitecture {
  metadata: Record<string, GgufMetadataEntry>;
  biases?: readonly string[];
  /** Norms of one head and of the whole width, in every layer. */
  headNorms?: readonly string[];
  widthNorms?: readonly string[];
}

export const f32 = (value: number): GgufMetadataEntry => ({ type: "float32", value });
export const u32 = (value: number): GgufMetadataEntry => ({ type: "uint32", value });
export const text = (value: string): GgufMetadataEntry => ({ type: "string", value });
export const bool = (value: boolean): GgufMetadataEntry => ({ type: "bool", value });
export const bools = (value: boolean[]): GgufMetadataEntry => ({ type: "array", elementType: "bool", value });

export const TINY_ARCHITECTURES: Record<string, TinyArchitecture> = {
  granite: {
    metadata: {
      embedding_scale: f32(2.5),
      residual_scale: f32(0.6),
      "attention.scale": f32(0.2),
      logit_scale: f32(1.5),
    },
  },
  qwen2: { metadata: {}, biases: ["attn_q", "attn_k", "attn_v"] },
  qwen3: { metadata: {}, headNorms: ["attn_q_norm", "attn_k_norm"] },
  gemma2: {
    // Caps so low that random models reach them.
    metadata: {
      "attention.sliding_window": u32(5),
      attn_logit_softcapping: f32(2),
      final_logit_softcapping: f32(4),
    },
    widthNorms: ["post_attention_norm", "post_ffw_norm"],
  },
  gemma3: {
    metadata: {
      "attention.sliding_window": u32(5),
      "attention.sliding_window_pattern": u32(2),
      "rope.freq_base": f32(100_000),
      "rope.freq_base_swa": f32(1_000),
    },
    headNorms: ["attn_q_norm", "attn_k_norm"],
    widthNorms: ["post_attention_norm", "post_ffw_norm"],
  },
};
