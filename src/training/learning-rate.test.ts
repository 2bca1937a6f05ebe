import { expect, test } from "vitest";
import { learningRateFactor } from "./learning-rate.ts";

test("warms up in equal steps, begins at the peak and falls", () => {
  const factors = (schedule: "constant" | "linear" | "cosine") =>
    Array.from({ length: 8 }, (_, i) => Number(learningRateFactor(schedule, i + 1, 8, 3).toFixed(3)));
  expect(factors("constant")).toEqual([0.25, 0.5, 0.75, 1, 1, 1, 1, 1]);
  expect(factors("linear")).toEqual([0.25, 0.5, 0.75, 1, 0.8, 0.6, 0.4, 0.2]);
  expect(factors("cosine")).toEqual([0.25, 0.5, 0.75, 1, 0.905, 0.655, 0.345, 0.095]);
});
