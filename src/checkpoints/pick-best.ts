/** The checkpoint to take when nothing but the validation loss is known; of equals the earliest. */
import type { Checkpoint } from "../artifacts.ts";

export function pickBest(checkpoints: readonly Checkpoint[]): Checkpoint | undefined {
  let best: Checkpoint | undefined;
  for (const checkpoint of checkpoints) {
    if (checkpoint.student === undefined || checkpoint.validationLoss === undefined) continue;
    if (best === undefined || checkpoint.validationLoss < best.validationLoss!) best = checkpoint;
  }
  return best;
}
