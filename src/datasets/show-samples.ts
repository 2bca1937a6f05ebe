/** Some rows of a data file, to be read by a person: what is said, and where it came from. Rows may be messages, pairs or generated rows. */
import type { JsonValue, Row } from "../artifacts.ts";
import { readDataFile } from "../formats/data-file.ts";
import { createRandomSource } from "../util/rng.ts";
import { originOf, type SampleOrigin } from "./leaf-samples.ts";
import { rowText } from "./usable-rows.ts";

export interface ShownSample {
  /** Place in the file, from 1. */
  number: number;
  turns: { role: string; content: string }[];
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
  const kept: ShownSample[] = [];
  let number = 0;
  let total = 0;
  for await (const row of readDataFile(file)) {
    number += 1;
    if (options.number !== undefined) {
      total += 1;
      if (number === options.number) kept.push({ number, ...readSample(row as Row) });
      continue;
    }
    // A large file is not held: every row has the same chance to be among those kept (algorithm R).
    const sample = { number, ...readSample(row as Row) };
    if (wantedLeaf !== undefined && !comparable(sample.origin.leaf ?? "").includes(wantedLeaf)) continue;
    total += 1;
    const place = kept.length < options.count ? kept.length : random.integer(total);
    if (place < options.count) kept[place] = sample;
  }
  return { total, samples: kept.sort((a, b) => a.number - b.number) };
}

function readSample(row: Row): Omit<ShownSample, "number"> {
  const metadata = readMetadata(row["metadata"]);
  const leaf = rowText(metadata, "leaf") || rowText(row, "leaf_node_path") || rowText(metadata, "leaf_node_path");
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

function readTurns(row: Row): ShownSample["turns"] {
  const { messages } = row;
  if (Array.isArray(messages))
    return messages.map((message) => ({
      role: rowText(message as Row, "role"),
      content: rowText(message as Row, "content"),
    }));
  const columns = [
    ["system", "user", "assistant"],
    ["context", "question", "response"],
    ["output"],
    ["text"],
    ["document"],
  ];
  const present = columns
    .map((names) => names.filter((name) => rowText(row, name) !== ""))
    .find((names) => names.length > 0);
  return (present ?? Object.keys(row)).map((name) => ({ role: name, content: asText(row[name]) }));
}

function asText(value: JsonValue | undefined): string {
  return typeof value === "string" ? value : JSON.stringify(value ?? null);
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
