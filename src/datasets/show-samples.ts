/** Some rows of a data file, to be read by a person: what is said, and where it came from. Rows may be messages, pairs or generated rows. */
import { basename, dirname } from "node:path";
import type { JsonValue, Row } from "../artifacts.ts";
import { readDataFile } from "../formats/data-file.ts";
import { createRandomSource } from "../util/rng.ts";
import { originOf, type SampleOrigin } from "./leaf-samples.ts";
import { readTurns, type Turn } from "./read-turns.ts";
import { rowText } from "./usable-rows.ts";

export interface ShownSample {
  /** Place in the file, from 1. */
  number: number;
  turns: Turn[];
  origin: SampleOrigin;
}

export interface ShowOptions {
  /** Rows wanted, from 1; `count` random ones when absent. */
  number?: number;
  count: number;
  seed: number;
  /** Part of a leaf's path, `->`, `/` and `_` being the same. */
  leaf?: string;
}

export interface ShownSamples {
  /** Rows that they were chosen from. */
  total: number;
  samples: ShownSample[];
}

export async function showSamples(file: string, options: ShowOptions): Promise<ShownSamples> {
  const wantedLeaf = options.leaf === undefined ? undefined : comparable(options.leaf);
  const random = createRandomSource(options.seed);
  const read = (row: unknown) => readSample(row as Row, leafOfFile(file));
  const kept: ShownSample[] = [];
  let number = 0;
  let total = 0;
  for await (const row of readDataFile(file)) {
    number += 1;
    if (options.number !== undefined) {
      total += 1;
      if (number === options.number) kept.push({ number, ...read(row) });
      continue;
    }
    // A large file is not held: every row has the same chance to be among those kept (algorithm R).
    const sample = { number, ...read(row) };
    if (wantedLeaf !== undefined && !comparable(sample.origin.leaf ?? "").includes(wantedLeaf)) continue;
    total += 1;
    const place = kept.length < options.count ? kept.length : random.integer(total);
    if (place < options.count) kept[place] = sample;
  }
  return { total, samples: kept.sort((a, b) => a.number - b.number) };
}

function readSample(row: Row, fallbackLeaf: string): Omit<ShownSample, "number"> {
  const metadata = readMetadata(row["metadata"]);
  const leaf = rowText(metadata, "leaf") || rowText({ ...metadata, ...row }, "leaf_node_path") || fallbackLeaf;
  // Samples of ours carry their origin; upstream's have the document; generated rows have it in their columns.
  const source = rowText(metadata, "sdg_document") || rowText(metadata, "raw_document");
  const known = "dataset" in metadata ? { ...metadata, source: rowText(metadata, "source") || source } : originOf(row);
  const origin: SampleOrigin = {};
  for (const field of ["dataset", "dataset_type", "document", "headings", "seed", "source"] as const) {
    const text = rowText(known, field);
    if (text !== "") origin[field] = text;
  }
  return { turns: readTurns(row), origin: { ...(leaf === "" ? {} : { leaf }), ...origin } };
}

/** The files of one leaf are named after it. */
function leafOfFile(file: string): string {
  const isOfLeaf = /^(node_datasets|generated|preprocessed)_/.test(basename(dirname(file)));
  return isOfLeaf ? basename(file).replace(/(_p07|_p10)?\.\w+$/, "") : "";
}

function readMetadata(metadata: JsonValue | undefined): Row {
  if (typeof metadata !== "string") return typeof metadata === "object" && metadata !== null ? (metadata as Row) : {};
  try {
    const parsed: unknown = JSON.parse(metadata);
    return typeof parsed === "object" && parsed !== null ? (parsed as Row) : {};
  } catch {
    return {};
  }
}

function comparable(leaf: string): string {
  return leaf.toLowerCase().replace(/->|[/\\]/g, "_");
}
