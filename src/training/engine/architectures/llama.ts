/**
 * `llama`: Llama 2 and 3, Mistral 7B, SmolLM2 and their relatives (llama.cpp's src/models/llama.cpp). A sliding window in the file is not
 * honoured by llama.cpp for this architecture, so it is not honoured here: what is trained is what will run.
 */
import type { Architecture } from "./architecture.ts";
import { ALL_MODULES, decoderTensors, readDecoder } from "./decoder.ts";
import { ROPE_NEIGHBOURS, readRope, requireWholeHeadRotation } from "./rope.ts";

export const llama: Architecture = {
  models: "Llama 2 and 3, Mistral 7B, SmolLM2, Merlinite, Labradorite, Granite 7B",
  readSpec(metadata) {
    const spec = readDecoder(metadata);
    const rope = readRope(metadata, spec.headSize, ROPE_NEIGHBOURS);
    requireWholeHeadRotation(metadata, spec.headSize, rope);
    return {
      ...spec,
      rope,
      hasRopeFactors: metadata.hasTensor("rope_freqs.weight"),
      biases: metadata.biases(ALL_MODULES),
    };
  },
  layerTensors: decoderTensors,
};
