/** So many rows of a data file, drawn by seed: without needless repeats, or as the Python program draws them. */
import { type DataRow, readDataFile } from "../formats/data-file.ts";
import { createRandomSource } from "../util/rng.ts";
import { createNumpyChoice } from "./numpy-random.ts";
import { type SamplingSize, wantedRows } from "./recipe.ts";

/** `distinct`: a row comes again only when all have come. `upstream`: pandas' sampling with replacement. */
export type Sampling = "distinct" | "upstream";

export interface SamplingOptions {
  sampling: Sampling;
  seed: number;
}

/** @param rowCount rows of the file. */
export async function* sampleRowsOfFile(
  path: string,
  size: SamplingSize,
  rowCount: number,
  { sampling, seed }: SamplingOptions,
): AsyncGenerator<DataRow> {
  if (size === "all") {
    yield* readDataFile(path);
    return;
  }
  const wanted = wantedRows(size, rowCount);
  if (rowCount === 0 || wanted === 0) return;
  if (sampling === "upstream") {
    yield* drawWithReplacement(path, rowCount, wanted, seed);
    return;
  }
  for (let round = 0; round < Math.floor(wanted / rowCount); round++) yield* readDataFile(path);
  // Every row of the rest with the probability that is left for it (Knuth, volume 2, 3.4.2, algorithm S): in file order, without holding any.
  const random = createRandomSource(seed);
  let missing = wanted % rowCount;
  let left = rowCount;
  if (missing === 0) return;
  for await (const row of readDataFile(path)) {
    if (random.next() * left < missing) {
      missing -= 1;
      yield row;
    }
    left -= 1;
    if (missing === 0) return;
  }
}

/** Holds the drawn rows: they come in the order of the draws. */
async function* drawWithReplacement(
  path: string,
  rowCount: number,
  wanted: number,
  seed: number,
): AsyncGenerator<DataRow> {
  const choose = createNumpyChoice(seed, rowCount);
  const indices = Array.from({ length: wanted }, choose);
  const rows = new Map<number, DataRow | undefined>(indices.map((index) => [index, undefined]));
  let position = 0;
  for await (const row of readDataFile(path)) {
    if (rows.has(position)) rows.set(position, row);
    position += 1;
  }
  for (const index of indices) yield rows.get(index)!;
}
