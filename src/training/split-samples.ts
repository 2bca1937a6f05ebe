/** Sets some samples aside, chosen at random by seed: the loss on them tells whether what is learned holds beyond what was shown. */
import { UsageError } from "../util/errors.ts";
import { createRandomSource } from "../util/rng.ts";

export interface SplitSamples<Sample> {
  training: Sample[];
  validation: Sample[];
}

/** @param share 0 to 1; above 0 at least one sample is set aside, and at least one must remain. */
export function splitSamples<Sample>(samples: readonly Sample[], share: number, seed: number): SplitSamples<Sample> {
  if (share === 0) return { training: [...samples], validation: [] };
  const count = Math.max(1, Math.round(share * samples.length));
  if (count >= samples.length)
    throw new UsageError(
      `a validation split of ${share} leaves none of the ${samples.length} ${samples.length === 1 ? "sample" : "samples"} to train on`,
      "Lower --validation-split, or give more data.",
    );
  const numbers = samples.map((_, i) => i);
  // A stream of its own, so that the order of training stays what it would be for the samples that remain.
  const chosen = new Set(
    createRandomSource(seed + 2)
      .shuffle(numbers)
      .slice(0, count),
  );
  return {
    training: samples.filter((_, i) => !chosen.has(i)),
    validation: samples.filter((_, i) => chosen.has(i)),
  };
}
