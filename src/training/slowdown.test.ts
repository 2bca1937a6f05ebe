import { expect, test } from "vitest";
import { createSlowdownWatch } from "./slowdown.ts";

test("three slow steps in a row are told, once", () => {
  const watch = createSlowdownWatch();
  expect([300, 310, 40, 290, 50, 60].map(watch)).toEqual(Array.from({ length: 6 }));
  expect(watch(45)).toContain("45 tokens/s and was at 310");
  expect([30, 20, 10].map(watch)).toEqual([undefined, undefined, undefined]);
});

test("steps of different speed are no slowdown", () => {
  const watch = createSlowdownWatch();
  expect([300, 100, 120, 90, 100, 80].map(watch)).toEqual(Array.from({ length: 6 }));
});
