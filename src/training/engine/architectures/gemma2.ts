/**
 * `gemma2`: Gemma 2, with norms before and after attention and feed-forward, soft caps, and a sliding window in every other layer
 * (llama.cpp's src/models/gemma2.cpp, whose defaults are named here).
 */
import type { Architecture } from "./architecture.ts";
import { decoderTensors, QUERY_KEY_VALUE, readDecoder } from "./decoder.ts";
import { localLayers, postNormTensors, queryScale } from "./gemma.ts";
import { ROPE_HALVES, readRope } from "./rope.ts";

const DEFAULT_WINDOW = 4096;
const WINDOW_PATTERN = 2;
const DEFAULT_ATTENTION_CAP = 50;
const DEFAULT_FINAL_CAP = 30;
/** The 27B model scales queries by its width per head instead of its head size. */
const LAYERS_OF_27B = 46;

export const gemma2: Architecture = {
  models: "Gemma 2",
  readSpec(metadata) {
    const spec = readDecoder(metadata);
    const rope = readRope(metadata, spec.headSize, ROPE_HALVES);
    return {
      ...spec,
      isTied: true,
      rope,
      slidingWindow: {
        size: metadata.integer("attention.sliding_window", DEFAULT_WINDOW),
        isLocal: localLayers(metadata, spec.layers, WINDOW_PATTERN),
        rope: { ...rope, frequencyBase: metadata.positive("rope.freq_base_swa", rope.frequencyBase) },
      },
      biases: metadata.biases(QUERY_KEY_VALUE),
      hasPostNorms: true,
      activation: "gelu",
      embeddingScale: Math.sqrt(spec.width),
      attentionScale: queryScale(spec, LAYERS_OF_27B),
      attentionSoftCap: metadata.positive("attn_logit_softcapping", DEFAULT_ATTENTION_CAP),
      finalSoftCap: metadata.positive("final_logit_softcapping", DEFAULT_FINAL_CAP),
    };
  },
  layerTensors: (spec) => ({ ...decoderTensors(spec), ...postNormTensors(spec) }),
};
