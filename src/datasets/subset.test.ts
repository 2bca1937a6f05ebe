import { mkdtemp, readdir, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { runWork } from "../util/events.ts";
import { createRandomSource } from "../util/rng.ts";
import { type Embedder, embedRows } from "./embed-rows.ts";
import { selectByFacilityLocation } from "./facility-location.ts";
import { ROWS_PER_FOLD, selectSubset } from "./select-subset.ts";

function randomVectors(count: number, dimensions: number, seed: number): Float32Array {
  const random = createRandomSource(seed);
  return Float32Array.from(
    Array.from({ length: count }, () => {
      const vector = Array.from({ length: dimensions }, () => random.normal());
      const norm = Math.hypot(...vector);
      return vector.map((value) => value / norm);
    }).flat(),
  );
}
function similarity(vectors: Float32Array, dimensions: number, a: number, b: number): number {
  let sum = 0;
  for (let i = 0; i < dimensions; i++) sum += vectors[a * dimensions + i]! * vectors[b * dimensions + i]!;
  return (1 + sum) / 2;
}
/** What a set is worth: for every row, how near the nearest chosen one is. */
function worth(vectors: Float32Array, dimensions: number, chosen: readonly number[]): number {
  let sum = 0;
  for (let row = 0; row < vectors.length / dimensions; row++)
    sum += Math.max(0, ...chosen.map((other) => similarity(vectors, dimensions, row, other)));
  return sum;
}

test.each([1, 2, 3, 4])("every row that is taken adds as much as any other would (seed %i)", (seed) => {
  const [count, dimensions, wanted] = [40, 7, 12];
  const vectors = randomVectors(count, dimensions, seed);
  const { rows, gains } = selectByFacilityLocation(vectors, count, wanted);
  expect(new Set(rows).size).toBe(wanted);
  for (const [step, row] of rows.entries()) {
    const before = rows.slice(0, step);
    const base = step === 0 ? 0 : worth(vectors, dimensions, before);
    const gain = (candidate: number) => worth(vectors, dimensions, [...before, candidate]) - base;
    const best = Math.max(...Array.from({ length: count }, (_, candidate) => gain(candidate)));
    expect(gain(row)).toBeCloseTo(best, 5);
    expect(gains[step]).toBeCloseTo(best, 4);
  }
});

test("more rows than there are: all of them, once", () => {
  expect(selectByFacilityLocation(randomVectors(5, 3, 1), 5, 9).rows.sort()).toEqual([0, 1, 2, 3, 4]);
});

test("over several folds every cluster is represented, the same with the same seed", async () => {
  // Ten tight clusters, a hundredth of the rows in the smallest.
  const count = 2 * ROWS_PER_FOLD + 100;
  const centres = randomVectors(10, 16, 5);
  const noise = randomVectors(count, 16, 6);
  const clusterOf = (row: number) => (row % 100 === 0 ? 9 : row % 9);
  const read = async (rows: readonly number[]) =>
    Float32Array.from(
      rows.flatMap((row) => {
        const at = clusterOf(row) * 16;
        const vector = Array.from({ length: 16 }, (_, i) => centres[at + i]! + 0.05 * noise[row * 16 + i]!);
        const norm = Math.hypot(...vector);
        return vector.map((value) => value / norm);
      }),
    );
  const choose = (seed: number) => runWork(selectSubset({ count, read }, { sizes: [60, 30], seed }));
  const [large, small] = await choose(42);
  expect([large!.length, small!.length]).toEqual([60, 30]);
  expect(new Set(small!.map(clusterOf)).size).toBe(10);
  expect(await choose(42)).toEqual([large, small]);
  expect(await choose(7)).not.toEqual([large, small]);
});

test("embeddings are made once, and a run that was stopped goes on", async () => {
  const directory = await mkdtemp(join(tmpdir(), "embed-"));
  const file = join(directory, "data.jsonl");
  const rows = Array.from({ length: 100 }, (_, i) => ({ user: "x".repeat(i), assistant: "y" }));
  await writeFile(file, rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
  const cacheDirectory = join(directory, "cache");
  let asked = 0;
  let failAfter = 2;
  const model: Embedder = {
    identity: "lengths",
    concurrency: 1,
    embed: async (texts) => {
      if (failAfter-- <= 0) throw new Error("stopped");
      asked += texts.length;
      return texts.map((text) => Float32Array.of(text.length, 3));
    },
  };
  const open = () => runWork(embedRows(file, model, { cacheDirectory }));
  await expect(open()).rejects.toThrow("stopped");
  expect(asked).toBe(64);
  // Torn in the middle of a vector, as a crash leaves it.
  const [part] = await readdir(cacheDirectory);
  await truncate(join(cacheDirectory, part!), 4 + 50 * 8 + 3);
  failAfter = Number.POSITIVE_INFINITY;
  await using embeddings = await open();
  expect([embeddings.count, asked]).toEqual([100, 64 + 50]);
  const length = "user: \nassistant: y".length + 99;
  const norm = Math.hypot(length, 3);
  const [x, y] = await embeddings.read([99]);
  expect(x).toBeCloseTo(length / norm, 6);
  expect(y).toBeCloseTo(3 / norm, 6);
  await using again = await open();
  expect([again.count, asked]).toEqual([100, 114]);
});
