import { expect, test } from "vitest";
import { createRandomSource } from "../util/rng.ts";
import { packSequences } from "./pack.ts";

const loadsOf = (packs: number[][], lengths: number[]) =>
  packs.map((pack) => pack.reduce((sum, index) => sum + lengths[index]!, 0));

/** Best fit decreasing, the plain way: how many packs it needs. */
function bestFitCount(lengths: readonly number[], capacity: number): number {
  const rooms: number[] = [];
  for (const length of [...lengths].sort((a, b) => b - a)) {
    const fits = rooms.map((room, i) => ({ room, i })).filter(({ room }) => room >= length);
    const tightest = fits.sort((a, b) => a.room - b.room)[0];
    if (tightest === undefined) rooms.push(capacity - length);
    else rooms[tightest.i]! -= length;
  }
  return rooms.length;
}

test("every sequence once, no pack above the capacity, never more packs than best fit needs", () => {
  const random = createRandomSource(1);
  for (let trial = 0; trial < 400; trial++) {
    const capacity = 20 + random.integer(200);
    const lengths = Array.from({ length: 1 + random.integer(60) }, () => 1 + random.integer(capacity));
    const packs = packSequences(lengths, capacity);
    expect(packs.flat().sort((a, b) => a - b)).toEqual(lengths.map((_, i) => i));
    expect(Math.max(...loadsOf(packs, lengths))).toBeLessThanOrEqual(capacity);
    expect(packs.length).toBeLessThanOrEqual(bestFitCount(lengths, capacity));
    expect(packs.every((pack) => pack.length > 0)).toBe(true);
  }
});

test("packs are filled evenly: their loads differ by less than the longest sequence in them", () => {
  const random = createRandomSource(2);
  for (let trial = 0; trial < 50; trial++) {
    const lengths = Array.from({ length: 64 }, () => 10 + random.integer(60));
    const loads = loadsOf(packSequences(lengths, 512), lengths);
    expect(Math.max(...loads) - Math.min(...loads)).toBeLessThanOrEqual(Math.max(...lengths));
    // Best fit would fill all but the last to the brim.
    expect(Math.max(...loads) - Math.min(...loads)).toBeLessThan(60);
  }
});

test.each([
  // Of upstream's vectors, those in which one minibatch per rank is what the rule gives for one device.
  {
    lengths: [10_000, 20_000, 30_000, 40_000],
    capacity: 50_000,
    packs: [
      [0, 3],
      [1, 2],
    ],
  },
  { lengths: [10_000, 20_000, 30_000, 40_000, 50_000], capacity: 60_000, packs: [[4], [0, 3], [1, 2]] },
  { lengths: [80_000, 40_000, 30_000, 20_000], capacity: 100_000, packs: [[0], [1, 2, 3]] },
  { lengths: [5_000], capacity: 130_000, packs: [[0]] },
  { lengths: [], capacity: 10, packs: [] },
  // 7 | 6 | 5, then 4 and 3 and 2 and 1 each to the emptiest: 7+2+1, 6+3, 5+4.
  {
    lengths: [7, 6, 5, 4, 3, 2, 1],
    capacity: 10,
    packs: [
      [0, 5, 6],
      [1, 4],
      [2, 3],
    ],
  },
  // Equal lengths go to the packs in turn, by index.
  {
    lengths: [3, 3, 3, 3, 3, 3],
    capacity: 9,
    packs: [
      [0, 2, 4],
      [1, 3, 5],
    ],
  },
  // Two packs hold 6+4 and 4+3+3; filling evenly reaches 11 in two, so best fit decides.
  {
    lengths: [6, 4, 4, 3, 3],
    capacity: 10,
    packs: [
      [0, 1],
      [2, 3, 4],
    ],
  },
  // Longer than the capacity: alone, before the others.
  { lengths: [5, 300, 6], capacity: 100, packs: [[1], [0, 2]] },
])("$lengths in packs of $capacity", ({ lengths, capacity, packs }) => {
  expect(packSequences(lengths, capacity)).toEqual(packs);
});
