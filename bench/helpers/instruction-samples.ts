/** Token sequences in the shape of instruction data: lengths spread log-normally over 30 to 600 tokens, the answer shorter than the prompt. */
import type { RandomSource } from "../../src/util/rng.ts";
import type { PlanSample } from "./peer-plan.ts";

const LEAST_TOKENS = 30;
const MOST_TOKENS = 600;
const MEDIAN_TOKENS = 150;
/** Standard deviation of the logarithm. */
const SPREAD = 0.75;
const ANSWER_SHARES = [0.2, 0.45] as const;

/** `count` samples cut from `text`, one length from each of `count` equally likely ranges, so that all batches are alike. */
export function instructionSamples(
  text: Int32Array,
  count: number,
  random: RandomSource,
  mostTokens = MOST_TOKENS,
): PlanSample[] {
  return Array.from({ length: count }, (_, i) => {
    const quantile = (i + random.next()) / count;
    const length = Math.round(MEDIAN_TOKENS * Math.exp(SPREAD * normalQuantile(quantile)));
    return cutSample(
      text,
      Math.min(mostTokens, Math.max(LEAST_TOKENS, length)),
      ANSWER_SHARES[0] + random.next() * (ANSWER_SHARES[1] - ANSWER_SHARES[0]),
      random,
    );
  });
}

/** `length` tokens from anywhere in the text, of which the last `countedShare` count; the first is predicted from nothing and never does. */
export function cutSample(text: Int32Array, length: number, countedShare: number, random: RandomSource): PlanSample {
  const start = random.integer(text.length - length);
  const firstCounted = Math.max(1, Math.round(length * (1 - countedShare)));
  return {
    tokens: [...text.subarray(start, start + length)],
    counted: Array.from({ length }, (_, i) => (i >= firstCounted ? 1 : 0)),
  };
}

/** Inverse of the normal distribution function as Tukey's lambda approximates it, to one per cent. */
function normalQuantile(p: number): number {
  const inside = Math.min(1 - 1e-6, Math.max(1e-6, p));
  return (inside ** 0.1349 - (1 - inside) ** 0.1349) / 0.1975;
}
