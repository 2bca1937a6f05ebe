/**
 * The part of a large data set that stands best for the whole of it. The rows are dealt into random folds of a fixed size, so that memory does not
 * grow with their number; each fold gives its best rows, and of those the ones with the largest gains are kept.
 */
import { throwIfAborted } from "../util/errors.ts";
import type { Work } from "../util/events.ts";
import { createRandomSource } from "../util/rng.ts";
import { selectByFacilityLocation } from "./facility-location.ts";

/** A fold's similarities take this squared, times four bytes: 16 MB. */
export const ROWS_PER_FOLD = 2000;

export interface Embeddings {
  count: number;
  /** Unit vectors of the rows, one behind the other. */
  read(rows: readonly number[]): Promise<Float32Array>;
}

export interface SelectSubsetOptions {
  /** Rows wanted, one subset each; the smaller ones hold the best of the larger. */
  sizes: readonly number[];
  seed: number;
  signal?: AbortSignal;
}

/** @returns for each size the chosen rows, ascending. */
export async function* selectSubset(embeddings: Embeddings, options: SelectSubsetOptions): Work<number[][]> {
  const { sizes, seed, signal } = options;
  const { count } = embeddings;
  const step = "select";
  const startedAt = performance.now();
  yield { type: "step-start", stage: "datasets", step, total: count, unit: "rows" };
  const folds = dealIntoFolds(count, seed);
  const candidates = sizes.map((): { row: number; gain: number }[] => []);
  let done = 0;
  for (const fold of folds) {
    throwIfAborted(signal);
    const share = (size: number) => Math.ceil((size * fold.length) / count);
    const vectors = await embeddings.read(fold);
    const { rows, gains } = selectByFacilityLocation(vectors, fold.length, share(Math.max(...sizes)));
    for (const [index, size] of sizes.entries())
      for (let i = 0; i < Math.min(share(size), rows.length); i++)
        candidates[index]!.push({ row: fold[rows[i]!]!, gain: gains[i]! / fold.length });
    done += fold.length;
    yield { type: "step-progress", stage: "datasets", step, done, total: count, unit: "rows" };
  }
  yield { type: "step-end", stage: "datasets", step, seconds: (performance.now() - startedAt) / 1000 };
  return candidates.map((list, index) =>
    list
      .sort((a, b) => b.gain - a.gain || a.row - b.row)
      .slice(0, sizes[index]!)
      .map(({ row }) => row)
      .sort((a, b) => a - b),
  );
}

/** As few folds as the limit allows, of sizes that differ by one at most; within a fold the rows ascend. */
function dealIntoFolds(count: number, seed: number): number[][] {
  const foldCount = Math.ceil(count / ROWS_PER_FOLD);
  const folds = Array.from({ length: foldCount }, (): number[] => []);
  const order = createRandomSource(seed).shuffle(Array.from({ length: count }, (_, row) => row));
  for (const [index, row] of order.entries()) folds[index % foldCount]!.push(row);
  return folds.map((fold) => fold.sort((a, b) => a - b));
}
