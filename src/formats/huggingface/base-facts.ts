/** What must be known of a base model to rename and reorder an adapter of it. */
import { metadataNumber, metadataString } from "../gguf/types.ts";
import type { ModelWeights } from "../model-weights.ts";
import { architectureOfGguf, type HuggingFaceArchitecture } from "./architectures.ts";

export interface BaseFacts {
  architecture: HuggingFaceArchitecture;
  layers: number;
  headSize: number;
}

/** Throws `ARCHITECTURE_UNSUPPORTED`. */
export function baseFacts(base: ModelWeights): BaseFacts {
  const architecture = architectureOfGguf(metadataString(base, "general.architecture"), base.source);
  const get = (key: string) => metadataNumber(base, `${architecture.name}.${key}`) ?? 0;
  return {
    architecture,
    layers: get("block_count"),
    headSize: get("attention.key_length") || get("embedding_length") / get("attention.head_count"),
  };
}
