/** How sure the figures are: Wilson's interval for shares, the exact McNemar test for pairs, the bootstrap for ratios. */
import { createRandomSource } from "../util/rng.ts";

export interface Interval {
  low: number;
  high: number;
}

/** 95 % interval of a share (Wilson 1927): unlike the textbook one it stays inside 0..1 and holds for 16 questions. */
export function wilsonInterval(successes: number, total: number): Interval {
  if (total === 0) return { low: 0, high: 1 };
  const z = 1.959963984540054;
  const share = successes / total;
  const centre = share + z ** 2 / (2 * total);
  const half = z * Math.sqrt((share * (1 - share)) / total + z ** 2 / (4 * total ** 2));
  const scale = 1 + z ** 2 / total;
  return { low: Math.max(0, (centre - half) / scale), high: Math.min(1, (centre + half) / scale) };
}

/**
 * Two-sided p-value of the exact McNemar (sign) test: how probable a split at least this uneven is when both models are equally good.
 * `gained`: only the second is right; `lost`: only the first. 1 when they never differ.
 */
export function mcnemarTest(gained: number, lost: number): number {
  const total = gained + lost;
  let tail = 0;
  // Binomial coefficients as logarithms: they overflow from about a thousand on.
  let logCoefficient = 0;
  for (let count = 0; count <= Math.min(gained, lost); count++) {
    if (count > 0) logCoefficient += Math.log((total - count + 1) / count);
    tail += Math.exp(logCoefficient - total * Math.LN2);
  }
  return Math.min(1, 2 * tail);
}

export interface BootstrapOptions {
  seed: number;
  /** How many times the items are drawn anew. */
  repetitions?: number;
}

/** 95 % interval of a figure over items, by drawing the items anew with replacement (Efron 1979, percentiles). */
export function bootstrapInterval<Item>(
  items: readonly Item[],
  figure: (sample: readonly Item[]) => number,
  { seed, repetitions = 2000 }: BootstrapOptions,
): Interval {
  const random = createRandomSource(seed);
  const figures = Array.from({ length: repetitions }, () =>
    figure(items.map(() => items[random.integer(items.length)]!)),
  ).sort((a, b) => a - b);
  const at = (share: number) => figures[Math.round(share * (repetitions - 1))]!;
  return { low: at(0.025), high: at(0.975) };
}
