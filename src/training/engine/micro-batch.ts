/** What one graph works on: several samples laid one after another, and the positions at which something is to be learned. */

export interface MicroBatch {
  /** Token ids of all samples, one sample after another. */
  tokens: Int32Array;
  /** Tokens per sample; attention and positions stay inside each. */
  lengths: number[];
  /** Row r of the pack should predict token t (cross-entropy). */
  targets: { rows: Int32Array; tokens: Int32Array };
  /** Rows at which the student is held to the base model's distribution (Kullback–Leibler). */
  anchors?: SoftTargets;
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
