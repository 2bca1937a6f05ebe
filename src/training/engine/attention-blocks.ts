/**
 * Cuts a pack into blocks of queries that are computed together with all that they may look at. Without a sliding window every segment
 * is one block. With a window, a segment that does not fit into it is cut into blocks of its size, and keys that no query of a block
 * sees are not computed; the rest is masked.
 */
import type { Segment } from "./micro-batch.ts";
import type { ModelSpec } from "./model-spec.ts";

/** Tokens of the pack. */
export interface Run {
  start: number;
  length: number;
}

export interface AttentionBlock {
  queries: Run;
  /** What the queries look at, oldest first; the last run ends with the queries themselves. */
  visible: Run[];
  /** Visible tokens before the first query. */
  past: number;
  /** Size of the window when the oldest visible tokens lie outside it for the later queries. */
  window: number | undefined;
}

/** The sliding window of a layer; undefined: it looks at everything. */
export function windowOf(spec: ModelSpec, layer: number): number | undefined {
  return spec.slidingWindow?.isLocal[layer] ? spec.slidingWindow.size : undefined;
}

export function attentionBlocks(segments: readonly Segment[], window: number | undefined): AttentionBlock[] {
  return segments.flatMap((segment) => {
    const shared = segment.continues === undefined ? undefined : segments[segment.continues]!;
    const before = shared?.length ?? 0;
    const size = window === undefined || before + segment.length <= window ? segment.length : window;
    const blocks: AttentionBlock[] = [];
    for (let from = 0; from < segment.length; from += size) {
      const length = Math.min(size, segment.length - from);
      // Counted from the beginning of what the segment continues.
      const oldest = window === undefined ? 0 : Math.max(0, before + from - window + 1);
      const past = before + from - oldest;
      const own = Math.max(0, oldest - before);
      const visible = [{ start: segment.start + own, length: from + length - own }];
      if (shared !== undefined && oldest < before)
        visible.unshift({ start: shared.start + oldest, length: before - oldest });
      const isMasked = window !== undefined && past + length > window;
      const queries = { start: segment.start + from, length };
      blocks.push({ queries, visible, past, window: isMasked ? window : undefined });
    }
    return blocks;
  });
}

/** The largest number of blocks that a layer cuts the pack into: a bound for the size of the graph. */
export function countAttentionBlocks(spec: ModelSpec, segments: readonly Segment[]): number {
  return attentionBlocks(segments, spec.slidingWindow?.size).length;
}
