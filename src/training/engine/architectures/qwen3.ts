/** `qwen3`: dense Qwen 3, with norms of queries and keys and a head size of its own (llama.cpp's src/models/qwen3.cpp). */
import type { Architecture } from "./architecture.ts";
import { decoderTensors, QUERY_KEY_VALUE, readDecoder } from "./decoder.ts";
import { ROPE_HALVES, readRope, requireWholeHeadRotation } from "./rope.ts";

export const qwen3: Architecture = {
  models: "Qwen 3",
  readSpec(metadata) {
    const spec = readDecoder(metadata);
    const rope = readRope(metadata, spec.headSize, ROPE_HALVES);
    requireWholeHeadRotation(metadata, spec.headSize, rope);
    return { ...spec, rope, biases: metadata.biases(QUERY_KEY_VALUE), hasQueryKeyNorms: true };
  },
  layerTensors: (spec) => ({
    ...decoderTensors(spec),
    "attn_q_norm.weight": [spec.headSize],
    "attn_k_norm.weight": [spec.headSize],
  }),
};
