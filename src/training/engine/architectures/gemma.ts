/** What Gemma 2 and 3 share. */
import type { ModelSpec } from "../model-spec.ts";
import type { ArchitectureMetadata } from "./metadata.ts";

/** Which layers have the sliding window: the file's list, or all but the last of every `pattern` layers (0: all). */
export function localLayers(metadata: ArchitectureMetadata, layers: number, defaultPattern: number): boolean[] {
  const key = "attention.sliding_window_pattern";
  const listed = metadata.flags(key, layers);
  if (listed !== undefined) return listed;
  const pattern = metadata.integer(key, defaultPattern, undefined, 0);
  return Array.from({ length: layers }, (_, layer) => pattern === 0 || layer % pattern < pattern - 1);
}

export function queryScale(spec: ModelSpec, layersOf27B: number): number {
  return 1 / Math.sqrt(spec.layers === layersOf27B ? Math.floor(spec.width / spec.heads) : spec.headSize);
}

export function postNormTensors({ width }: ModelSpec): Record<string, number[]> {
  return { "post_attention_norm.weight": [width], "post_ffw_norm.weight": [width] };
}
