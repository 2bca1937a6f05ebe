/**
 * `gemma3`: the text part of Gemma 3, with norms of queries and keys, norms around attention and feed-forward, and five layers with a
 * sliding window to one without (llama.cpp's src/models/gemma3.cpp, whose defaults are named here).
 */
import type { Architecture } from "./architecture.ts";
import { decoderTensors, QUERY_KEY_VALUE, readDecoder } from "./decoder.ts";
import { localLayers, postNormTensors, queryScale } from "./gemma.ts";
import { ROPE_HALVES, readRope } from "./rope.ts";

const WINDOW_PATTERN = 6;
/** Local layers rotate with this base and never scale. */
const LOCAL_FREQUENCY_BASE = 10_000;
/** The 27B model scales queries by its width per head instead of its head size. */
const LAYERS_OF_27B = 62;

export const gemma3: Architecture = {
  models: "Gemma 3 (text)",
  readSpec(metadata) {
    const spec = readDecoder(metadata);
    if (metadata.optionalPositive("attn_logit_softcapping") !== undefined)
      throw metadata.unsupported("caps its attention, which Gemma 3 does not", "Convert the model again.");
    const rope = readRope(metadata, spec.headSize, ROPE_HALVES);
    const window = metadata.optionalPositive("attention.sliding_window");
    return {
      ...spec,
      rope,
      slidingWindow:
        window === undefined
          ? undefined
          : {
              size: metadata.integer("attention.sliding_window"),
              isLocal: localLayers(metadata, spec.layers, WINDOW_PATTERN),
              rope: {
                ...rope,
                frequencyBase: metadata.positive("rope.freq_base_swa", LOCAL_FREQUENCY_BASE),
                frequencyScale: 1,
              },
            },
      biases: metadata.biases(QUERY_KEY_VALUE),
      hasQueryKeyNorms: true,
      hasPostNorms: true,
      activation: "gelu",
      embeddingScale: Math.sqrt(spec.width),
      attentionScale: queryScale(spec, LAYERS_OF_27B),
      finalSoftCap: metadata.optionalPositive("final_logit_softcapping"),
    };
  },
  layerTensors: (spec) => ({
    ...decoderTensors(spec),
    ...postNormTensors(spec),
    "attn_q_norm.weight": [spec.headSize],
    "attn_k_norm.weight": [spec.headSize],
  }),
};
