/** From a data file to files with the rows that stand best for it, one for each size. */
import { basename, extname, join } from "node:path";
import { readDataFile, writeDataFile } from "../formats/data-file.ts";
import type { Work } from "../util/events.ts";
import { type Embedder, embedRows } from "./embed-rows.ts";
import { selectSubset } from "./select-subset.ts";
import type { SubsetSize } from "./subset-size.ts";

export interface WriteSubsetsOptions {
  sizes: readonly SubsetSize[];
  seed: number;
  outputDirectory: string;
  /** Embeddings are kept here. */
  cacheDirectory: string;
  signal?: AbortSignal;
}

export interface Subset {
  file: string;
  rows: number;
}

export async function* writeSubsets(
  dataFile: string,
  model: Embedder,
  options: WriteSubsetsOptions,
): Work<{ total: number; subsets: Subset[] }> {
  const { sizes, outputDirectory } = options;
  await using embeddings = yield* embedRows(dataFile, model, options);
  const rowCounts = sizes.map((size) => size.rowsOf(embeddings.count));
  const chosen = yield* selectSubset(embeddings, { ...options, sizes: rowCounts });
  const extension = extname(dataFile);
  const subsets: Subset[] = [];
  for (const [index, { suffix }] of sizes.entries()) {
    const file = join(outputDirectory, `${basename(dataFile, extension)}_${suffix}${extension}`);
    const rows = new Set(chosen[index]!);
    await writeDataFile(file, () => rowsOf(dataFile, rows));
    subsets.push({ file, rows: rows.size });
  }
  return { total: embeddings.count, subsets };
}

async function* rowsOf(dataFile: string, wanted: ReadonlySet<number>) {
  let position = 0;
  for await (const row of readDataFile(dataFile)) {
    if (wanted.has(position)) yield row;
    position += 1;
  }
}
