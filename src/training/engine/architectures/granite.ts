/** `granite`: Granite 3 dense models, a llama with multipliers (llama.cpp's src/models/granite.cpp). */
import type { Architecture } from "./architecture.ts";
import { ALL_MODULES, decoderTensors, readDecoder } from "./decoder.ts";
import { ROPE_NEIGHBOURS, readRope, requireWholeHeadRotation } from "./rope.ts";

export const granite: Architecture = {
  models: "Granite 3",
  readSpec(metadata) {
    const spec = readDecoder(metadata);
    const rope = readRope(metadata, spec.headSize, ROPE_NEIGHBOURS);
    requireWholeHeadRotation(metadata, spec.headSize, rope);
    const isRotated = metadata.flag("rope.scaling.finetuned") ?? true;
    return {
      ...spec,
      rope: isRotated ? rope : undefined,
      hasRopeFactors: isRotated && metadata.hasTensor("rope_freqs.weight"),
      biases: metadata.biases(ALL_MODULES),
      embeddingScale: metadata.optionalPositive("embedding_scale") ?? 1,
      attentionScale: metadata.optionalPositive("attention.scale") ?? spec.attentionScale,
      residualScale: metadata.optionalPositive("residual_scale") ?? 1,
      logitScale: 1 / metadata.positive("logit_scale"),
    };
  },
  layerTensors: decoderTensors,
};
