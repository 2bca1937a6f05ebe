/** The packs of a run that need the most memory: most tokens, and most pairs of tokens that look at each other. */
import type { MicroBatch, SoftTargets } from "./engine/micro-batch.ts";
import { layOutPack, type Sequence } from "./lay-out-pack.ts";
import { packSequences } from "./pack.ts";
import { planOf } from "./training-loop.ts";
import type { TrainingPlan } from "./worker/protocol.ts";

/** Steps that are looked at: orders differ from epoch to epoch, sizes hardly. */
const MOST_STEPS = 400;

export function largestPacks(plan: TrainingPlan): MicroBatch[] {
  const anchors = (plan.anchor?.texts ?? []).map((tokens) => withAnchor(tokens, plan.anchor!.topCount));
  const steps = planOf(plan, anchors.length);
  let mostTokens: { value: number; batch: MicroBatch } | undefined;
  let mostPairs: typeof mostTokens;
  for (let step = 1; step <= Math.min(MOST_STEPS, steps.totalSteps); step++) {
    const planned = steps.at(step);
    const sequences = [
      ...planned.samples.map((index) => plan.samples[index]!),
      ...planned.anchors.map((index) => anchors[index]!),
    ];
    for (const pack of packSequences(
      sequences.map(({ tokens }) => tokens.length),
      plan.maxBatchTokens,
    )) {
      const batch = layOutPack(pack.map((index) => sequences[index]!));
      const pairs = batch.segments.reduce(
        (sum, { length, continues }) =>
          sum + length * (length + (continues === undefined ? 0 : batch.segments[continues]!.length)),
        0,
      );
      if (mostTokens === undefined || batch.tokens.length > mostTokens.value)
        mostTokens = { value: batch.tokens.length, batch };
      if (mostPairs === undefined || pairs > mostPairs.value) mostPairs = { value: pairs, batch };
    }
  }
  return [...new Set([mostTokens!.batch, mostPairs!.batch])];
}

/** An anchor text with some distribution: only its size matters. */
function withAnchor(tokens: Int32Array, topCount: number): Sequence {
  const rows = Int32Array.from({ length: tokens.length - 1 }, (_, i) => i);
  const anchor: SoftTargets = {
    rows,
    topCount,
    tokens: new Int32Array(rows.length * topCount),
    probabilities: new Float32Array(rows.length * topCount),
    rest: new Float32Array(rows.length).fill(1),
  };
  return { tokens, anchor };
}
