import { expect, test } from "vitest";
import { splitSamples } from "./split-samples.ts";

const samples = Array.from({ length: 20 }, (_, i) => `sample ${i}`);

test("each sample is on one side, in its order; the share is kept and the choice follows the seed", () => {
  const { training, validation } = splitSamples(samples, 0.25, 1);
  expect(validation.length).toBe(5);
  expect(samples.filter((sample) => training.includes(sample) !== validation.includes(sample))).toEqual(samples);
  expect(training).toEqual(samples.filter((sample) => training.includes(sample)));
  expect(splitSamples(samples, 0.25, 1).validation).toEqual(validation);
  expect(splitSamples(samples, 0.25, 2).validation).not.toEqual(validation);
});

test("no share sets nothing aside, the smallest sets one aside, and one must remain to learn from", () => {
  expect(splitSamples(samples, 0, 1)).toEqual({ training: samples, validation: [] });
  expect(splitSamples(samples, 0.001, 1).validation.length).toBe(1);
  expect(splitSamples(samples.slice(0, 2), 0.4, 1).training.length).toBe(1);
  expect(() => splitSamples(samples.slice(0, 1), 0.1, 1)).toThrow(/none of the 1 sample/);
  expect(() => splitSamples(samples, 0.99, 1)).toThrow(/none of the 20 samples/);
});
