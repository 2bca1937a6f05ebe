/** What an architecture file says: how to read its metadata, and which tensors every layer has. */
import type { ModelSpec } from "../model-spec.ts";
import type { ArchitectureMetadata } from "./metadata.ts";

export interface Architecture {
  /** Well-known models of it, for messages. */
  models: string;
  readSpec(metadata: ArchitectureMetadata): ModelSpec;
  /** Shapes of one layer's tensors by what follows `blk.N.`; anything missing, misshaped or extra in the file is refused. */
  layerTensors(spec: ModelSpec): Record<string, number[]>;
}
