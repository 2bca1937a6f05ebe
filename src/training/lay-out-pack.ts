/**
 * Lays the sequences of a pack one after another. Sequences that begin alike (a chat template writes the same system prompt before every
 * question) share that beginning: it is computed once, and the result is the same, because what stands later in a text never
 * changes what stands earlier.
 */
import type { MicroBatch, Segment, SoftTargets } from "./engine/micro-batch.ts";

/** One text: a sample with targets, or an anchor text with the base's distribution at every position. */
export interface Sequence {
  tokens: Int32Array;
  /** 1 where predicting this token counts. */
  counted?: Uint8Array;
  anchor?: SoftTargets;
}

/** Shorter beginnings are not worth a segment of their own. */
const LEAST_SHARED_TOKENS = 8;

export function layOutPack(sequences: readonly Sequence[]): MicroBatch {
  const segments: Segment[] = [];
  const pieces: Int32Array[] = [];
  let end = 0;
  const append = (tokens: Int32Array, continues?: number): number => {
    segments.push({ start: end, length: tokens.length, continues });
    pieces.push(tokens);
    end += tokens.length;
    return segments.length - 1;
  };
  const rows: number[] = [];
  const wanted: number[] = [];
  const anchors: { anchor: SoftTargets; rows: number[] }[] = [];
  for (const { members, shared } of groupByBeginning(sequences)) {
    const beginning = shared === 0 ? undefined : append(members[0]!.tokens.subarray(0, shared));
    for (const { tokens, counted, anchor } of members) {
      const own = segments[append(tokens.subarray(shared), beginning)]!;
      const rowOf = (t: number) => (t < shared ? segments[beginning!]!.start + t : own.start + t - shared);
      for (let t = 1; t < (counted?.length ?? 0); t++)
        if (counted![t] === 1) {
          // The token at position t is predicted from the one before it.
          rows.push(rowOf(t - 1));
          wanted.push(tokens[t]!);
        }
      if (anchor !== undefined) anchors.push({ anchor, rows: Array.from(anchor.rows, rowOf) });
    }
  }
  const tokens = new Int32Array(end);
  for (const [i, piece] of pieces.entries()) tokens.set(piece, segments[i]!.start);
  return {
    tokens,
    segments,
    targets: { rows: Int32Array.from(rows), tokens: Int32Array.from(wanted) },
    anchors: anchors.length === 0 ? undefined : joinAnchors(anchors),
  };
}

/** Sequences with the same first tokens together, with how many tokens all of them share; at least one token stays each one's own. */
function groupByBeginning(sequences: readonly Sequence[]): { members: Sequence[]; shared: number }[] {
  const groups = new Map<string, Sequence[]>();
  for (const [i, sequence] of sequences.entries()) {
    const isShort = sequence.tokens.length <= LEAST_SHARED_TOKENS;
    const key = isShort ? `alone ${i}` : sequence.tokens.subarray(0, LEAST_SHARED_TOKENS).join();
    groups.set(key, [...(groups.get(key) ?? []), sequence]);
  }
  return [...groups.values()].map((members) => {
    if (members.length === 1) return { members, shared: 0 };
    const [first, ...others] = members;
    let shared = first!.tokens.length - 1;
    for (const { tokens } of others) {
      shared = Math.min(shared, tokens.length - 1);
      for (let t = 0; t < shared; t++) if (tokens[t] !== first!.tokens[t]) shared = t;
    }
    return { members, shared };
  });
}

function joinAnchors(parts: { anchor: SoftTargets; rows: number[] }[]): SoftTargets {
  return {
    topCount: parts[0]!.anchor.topCount,
    rows: Int32Array.from(parts.flatMap(({ rows }) => rows)),
    tokens: Int32Array.from(parts.flatMap(({ anchor }) => [...anchor.tokens])),
    probabilities: Float32Array.from(parts.flatMap(({ anchor }) => [...anchor.probabilities])),
    rest: Float32Array.from(parts.flatMap(({ anchor }) => [...anchor.rest])),
  };
}
