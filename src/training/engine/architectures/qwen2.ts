/** `qwen2`: Qwen 2 and 2.5, with biases of queries, keys and values (llama.cpp's src/models/qwen2.cpp). */
import type { Architecture } from "./architecture.ts";
import { decoderTensors, QUERY_KEY_VALUE, readDecoder } from "./decoder.ts";
import { ROPE_HALVES, readRope, requireWholeHeadRotation } from "./rope.ts";

export const qwen2: Architecture = {
  models: "Qwen 2 and 2.5",
  readSpec(metadata) {
    const spec = readDecoder(metadata);
    if (spec.heads * spec.headSize !== spec.width)
      throw metadata.invalid(`${spec.heads} heads of ${spec.headSize} values do not make the width ${spec.width}`);
    const rope = readRope(metadata, spec.headSize, ROPE_HALVES);
    requireWholeHeadRotation(metadata, spec.headSize, rope);
    return {
      ...spec,
      rope,
      biases: metadata.biases(QUERY_KEY_VALUE),
      hasOutputBias: metadata.hasTensor("output.bias"),
    };
  },
  layerTensors: decoderTensors,
};
