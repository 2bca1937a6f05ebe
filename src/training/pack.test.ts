import { expect, test } from "vitest";
import { createRandomSource } from "../util/rng.ts";
import { packSequences } from "./pack.ts";

test("every sequence is packed once and no pack overflows", () => {
  const random = createRandomSource(1);
  for (let trial = 0; trial < 50; trial++) {
    const lengths = Array.from({ length: 1 + random.integer(60) }, () => 1 + random.integer(120));
    const packs = packSequences(lengths, 128);
    expect(packs.flat().sort((a, b) => a - b)).toEqual(lengths.map((_, i) => i));
    for (const pack of packs) expect(pack.reduce((sum, i) => sum + lengths[i]!, 0)).toBeLessThanOrEqual(128);
  }
});

test("packs are nearly full", () => {
  const random = createRandomSource(2);
  const lengths = Array.from({ length: 400 }, () => 10 + random.integer(60));
  const total = lengths.reduce((a, b) => a + b);
  expect(packSequences(lengths, 512).length).toBeLessThanOrEqual(Math.ceil(total / 512) + 1);
});

test("a sequence longer than the capacity stands alone", () => {
  expect(packSequences([5, 300, 6], 100)).toEqual([[1], [0, 2]]);
});
