/**
 * The embeddings of a file's rows, kept on disk: what was embedded once, by that model, never is again, and a run that was stopped goes on. The
 * file holds the number of dimensions (32 bits) and the unit vectors (32-bit floats), both in the byte order of the machine.
 */
import { createHash } from "node:crypto";
import { type FileHandle, mkdir, open, rename, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Row } from "../artifacts.ts";
import { readDataFile } from "../formats/data-file.ts";
import { IlabError, throwIfAborted } from "../util/errors.ts";
import type { Work } from "../util/events.ts";
import { readTurns } from "./read-turns.ts";
import type { Embeddings } from "./select-subset.ts";

export interface Embedder {
  readonly identity: string;
  readonly concurrency: number;
  embed(texts: string[]): Promise<Float32Array[]>;
}

export interface EmbedRowsOptions {
  cacheDirectory: string;
  signal?: AbortSignal;
}

const HEADER_BYTES = 4;
/** Texts of one request. */
const BATCH_ROWS = 32;

export interface OpenEmbeddings extends Embeddings, AsyncDisposable {}

export async function* embedRows(dataFile: string, model: Embedder, options: EmbedRowsOptions): Work<OpenEmbeddings> {
  const { cacheDirectory, signal } = options;
  const { key, count } = await identify(dataFile, model.identity);
  const file = join(cacheDirectory, `${key}.f32`);
  if ((await stat(file).catch(() => undefined)) === undefined) {
    const step = "embed";
    const startedAt = performance.now();
    yield { type: "step-start", stage: "datasets", step, total: count, unit: "rows" };
    await mkdir(cacheDirectory, { recursive: true });
    const part = `${file}.part`;
    const handle = await open(part, "a+");
    try {
      let done = await wholeVectors(handle);
      for await (const texts of batches(dataFile, done, BATCH_ROWS * Math.max(1, model.concurrency))) {
        throwIfAborted(signal);
        await handle.appendFile(toBytes(await embedAll(texts, model), done === 0));
        done += texts.length;
        yield { type: "step-progress", stage: "datasets", step, done, total: count, unit: "rows" };
      }
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(part, file);
    yield { type: "step-end", stage: "datasets", step, seconds: (performance.now() - startedAt) / 1000 };
  }
  return await openEmbeddings(file, count);
}

/** What the vectors follow from: the model and every row's text. */
async function identify(dataFile: string, modelId: string): Promise<{ key: string; count: number }> {
  const hash = createHash("sha256").update(JSON.stringify(modelId));
  let count = 0;
  for await (const row of readDataFile(dataFile)) {
    hash.update(JSON.stringify(textOf(row as Row)));
    count += 1;
  }
  if (count === 0)
    throw new IlabError({ code: "DATA_EMPTY", message: `${dataFile} has no rows`, hint: "Name a file with rows." });
  return { key: hash.digest("hex"), count };
}

function textOf(row: Row): string {
  return readTurns(row)
    .filter(({ role }) => role !== "system")
    .map(({ role, content }) => `${role}: ${content}`)
    .join("\n");
}

async function* batches(dataFile: string, skip: number, size: number): AsyncGenerator<string[]> {
  let position = 0;
  let batch: string[] = [];
  for await (const row of readDataFile(dataFile)) {
    position += 1;
    if (position <= skip) continue;
    batch.push(textOf(row as Row));
    if (batch.length < size) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

async function embedAll(texts: readonly string[], model: Embedder): Promise<Float32Array[]> {
  const starts = Array.from({ length: Math.ceil(texts.length / BATCH_ROWS) }, (_, index) => index * BATCH_ROWS);
  const batches = starts.map((start) => model.embed(texts.slice(start, start + BATCH_ROWS)));
  const vectors = (await Promise.all(batches)).flat();
  if (vectors.length !== texts.length) throw invalid(`${vectors.length} vectors for ${texts.length} texts`);
  return vectors;
}

function toBytes(vectors: readonly Float32Array[], withHeader: boolean): Uint8Array {
  const dimensions = vectors[0]!.length;
  const words = new Float32Array((withHeader ? 1 : 0) + vectors.length * dimensions);
  let at = 0;
  if (withHeader) new Uint32Array(words.buffer)[at++] = dimensions;
  for (const vector of vectors) {
    const norm = Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));
    if (vector.length !== dimensions || !Number.isFinite(norm))
      throw invalid(`a vector of ${vector.length} numbers and length ${norm} beside one of ${dimensions}`);
    for (const value of vector) words[at++] = norm === 0 ? 0 : value / norm;
  }
  return new Uint8Array(words.buffer);
}

function invalid(what: string): IlabError {
  return new IlabError({
    code: "EMBEDDING_INVALID",
    message: `the model gave ${what}`,
    hint: "Is it an embedding model?",
  });
}

/** Vectors of a file that was begun; a torn one at its end is cut off. */
async function wholeVectors(handle: FileHandle): Promise<number> {
  const { size } = await handle.stat();
  const dimensions = await readDimensions(handle);
  const done = dimensions === 0 ? 0 : Math.floor((size - HEADER_BYTES) / (4 * dimensions));
  await handle.truncate(done === 0 ? 0 : HEADER_BYTES + done * dimensions * 4);
  return done;
}

async function readDimensions(handle: FileHandle): Promise<number> {
  const header = Buffer.alloc(HEADER_BYTES);
  const { bytesRead } = await handle.read(header, 0, HEADER_BYTES, 0);
  return bytesRead === HEADER_BYTES ? header.readUInt32LE() : 0;
}

async function openEmbeddings(file: string, count: number): Promise<OpenEmbeddings> {
  const handle = await open(file, "r");
  const dimensions = await readDimensions(handle);
  return {
    count,
    async read(rows) {
      const vectors = new Float32Array(rows.length * dimensions);
      const bytes = new Uint8Array(vectors.buffer);
      const size = dimensions * 4;
      for (const [index, row] of rows.entries())
        await handle.read(bytes, index * size, size, HEADER_BYTES + row * size);
      return vectors;
    },
    [Symbol.asyncDispose]: () => handle.close(),
  };
}
