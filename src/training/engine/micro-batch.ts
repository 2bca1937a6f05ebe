/** What one graph works on: several samples laid one after another, and the positions at which something is to be learned. */

export interface MicroBatch {
  /** Token ids of all segments, one after another. */
  tokens: Int32Array;
  segments: Segment[];
  /** Row r of the pack should predict token t (cross-entropy). */
  targets: { rows: Int32Array; tokens: Int32Array };
  /** Rows at which the student is held to the base model's distribution (Kullback–Leibler). */
  anchors?: SoftTargets;
}

/**
 * A run of tokens in the pack. Attention stays inside it, and inside the earlier segment that it continues, if any: samples that begin
 * alike (with the same system prompt) share that beginning, which is computed once.
 */
export interface Segment {
  start: number;
  length: number;
  /** Index of the segment that this one continues; that one continues none. */
  continues?: number;
}

/** For each row the base's k most likely tokens and what probability they leave to all others. */
export interface SoftTargets {
  rows: Int32Array;
  topCount: number;
  /** `[rows × topCount]` */
  tokens: Int32Array;
  /** `[rows × topCount]` */
  probabilities: Float32Array;
  /** `[rows]` */
  rest: Float32Array;
}

export interface MicroBatchLoss {
  /** Sums over rows, in nats. */
  targetLoss: number;
  anchorLoss: number;
}

/** Independent segments of these lengths, one after another. */
export function segmentsOf(lengths: readonly number[]): Segment[] {
  let start = 0;
  return lengths.map((length) => {
    const segment = { start, length };
    start += length;
    return segment;
  });
}
