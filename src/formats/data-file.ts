/** Files of rows by the ending of their names: `.parquet`, else JSON lines. Everything is streamed. */
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { extname } from "node:path";
import { IlabError } from "../util/errors.ts";
import { readNumberedJsonLines, writeAtomically } from "../util/fs.ts";
import { type JsonStyle, toStyledJsonLine } from "./jsonl-styles.ts";

export type DataRow = Record<string, unknown>;

/** @throws IlabError `DATA_NOT_FOUND`, `BAD_ROW`, `BAD_JSON_LINE`, `PARQUET_INVALID`. */
export async function* readDataFile(path: string): AsyncGenerator<DataRow> {
  for await (const { line, value } of readNumberedRows(path)) {
    if (typeof value !== "object" || value === null || Array.isArray(value))
      throw new IlabError({
        code: "BAD_ROW",
        message: `${path}:${line}: the line is no JSON object`,
        hint: "Every line of the file must be one JSON object.",
      });
    yield value as DataRow;
  }
}

/** Each row, not yet looked at, with its line; in Parquet, with its number from 1. */
export async function* readNumberedRows(path: string): AsyncGenerator<{ line: number; value: unknown }> {
  await requireDataFile(path);
  if (!isParquet(path)) {
    yield* readNumberedJsonLines(path);
    return;
  }
  let line = 0;
  for await (const value of (await import("./parquet.ts")).readParquetRows(path)) {
    line += 1;
    yield { line, value };
  }
}

export async function countDataRows(path: string): Promise<number> {
  await requireDataFile(path);
  if (isParquet(path)) return (await import("./parquet.ts")).countParquetRows(path);
  let count = 0;
  let isBlank = true;
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>) {
    let start = 0;
    for (let end = chunk.indexOf(LINE_FEED); end >= 0; end = chunk.indexOf(LINE_FEED, start)) {
      if (!isBlank || holdsText(chunk, start, end)) count += 1;
      isBlank = true;
      start = end + 1;
    }
    isBlank &&= !holdsText(chunk, start, chunk.length);
  }
  return isBlank ? count : count + 1;
}

const LINE_FEED = 10;

/** Nearly always at the first byte. */
function holdsText(bytes: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if (bytes[at]! > 32) return true;
  return false;
}

/** How often `writeDataFile` goes through the rows: the columns of Parquet must be known first. */
export function passesOver(path: string): number {
  return isParquet(path) ? 2 : 1;
}

/** @param rows called `passesOver(path)` times. */
export async function writeDataFile(
  path: string,
  rows: () => AsyncIterable<DataRow>,
  style: JsonStyle = "pandas",
): Promise<void> {
  if (isParquet(path)) {
    await (await import("./parquet.ts")).writeParquetFile(path, rows);
    return;
  }
  await writeAtomically(path, async (file) => {
    let pending = "";
    for await (const row of rows()) {
      pending += toStyledJsonLine(row, style);
      if (pending.length < 1 << 20) continue;
      await file.writeFile(pending);
      pending = "";
    }
    await file.writeFile(pending);
  });
}

function isParquet(path: string): boolean {
  return extname(path).toLowerCase() === ".parquet";
}

async function requireDataFile(path: string): Promise<void> {
  if ((await stat(path).catch(() => undefined))?.isFile()) return;
  throw new IlabError({
    code: "DATA_NOT_FOUND",
    message: `there is no data file ${path}`,
    hint: "Data files are JSON lines (.jsonl) or Parquet (.parquet).",
  });
}
