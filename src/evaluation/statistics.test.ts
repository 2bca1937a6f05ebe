import { expect, test } from "vitest";
import { createRandomSource } from "../util/rng.ts";
import { bootstrapInterval, mcnemarTest, wilsonInterval } from "./statistics.ts";

// The shares p at which the observed one lies 1.96 standard errors of p away, found by bisection of that equation.
test.each([
  [0, 16, 0, 0.1936],
  [10, 16, 0.3864, 0.8152],
  [16, 16, 0.8064, 1],
  [1, 2, 0.0945, 0.9055],
])("Wilson %i of %i", (successes, total, low, high) => {
  const interval = wilsonInterval(successes, total);
  expect(interval.low).toBeCloseTo(low, 3);
  expect(interval.high).toBeCloseTo(high, 3);
});

test("Wilson of nothing is everything", () => expect(wilsonInterval(0, 0)).toEqual({ low: 0, high: 1 }));

// Twice the exact binomial tail, summed in fractions.
test.each([
  [0, 0, 1],
  [5, 0, 0.0625],
  [10, 0, 0.001953125],
  [10, 2, 0.03857422],
  [2, 10, 0.03857422],
  [4, 4, 1],
])("McNemar %i gained, %i lost", (gained, lost, expected) => {
  expect(mcnemarTest(gained, lost)).toBeCloseTo(expected, 6);
});

test("McNemar of thousands stays finite", () => {
  expect(mcnemarTest(2000, 2000)).toBeCloseTo(1, 6);
  expect(mcnemarTest(3000, 2000)).toBeLessThan(1e-30);
});

test("the bootstrap of a mean covers it as the normal interval does, and repeats with its seed", () => {
  const random = createRandomSource(5);
  const items = Array.from({ length: 400 }, () => 10 + 2 * random.normal());
  const mean = (sample: readonly number[]) => sample.reduce((a, b) => a + b, 0) / sample.length;
  const interval = bootstrapInterval(items, mean, { seed: 1 });
  expect(interval.low).toBeCloseTo(mean(items) - 1.96 * (2 / 20), 1);
  expect(interval.high).toBeCloseTo(mean(items) + 1.96 * (2 / 20), 1);
  expect(bootstrapInterval(items, mean, { seed: 1 })).toEqual(interval);
  expect(bootstrapInterval(items, mean, { seed: 2 })).not.toEqual(interval);
});
