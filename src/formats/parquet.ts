/** Rows from and to Parquet files (hyparquet), a row group at a time. Loaded lazily: import it inside the function that needs it. */
import zlib from "node:zlib";
import { asyncBufferFromFile, type Compressors, parquetMetadataAsync, parquetReadObjects } from "hyparquet";
import { ByteWriter, parquetWriteRows } from "hyparquet-writer";
import { IlabError } from "../util/errors.ts";
import { writeAtomically } from "../util/fs.ts";
import { noteWholeFloat } from "../util/whole-floats.ts";
import { inferParquetSchema } from "./parquet-schema.ts";

type JsonRow = Record<string, unknown>;

/** Rows that are held in memory at once when a file is written. */
const ROWS_PER_GROUP = 2000;

export async function countParquetRows(path: string): Promise<number> {
  return Number((await openParquet(path)).metadata.num_rows);
}

/** @throws IlabError `PARQUET_INVALID`. */
export async function* readParquetRows(path: string): AsyncGenerator<JsonRow> {
  const { file, metadata } = await openParquet(path);
  const floats = metadata.schema.filter(({ type }) => type === "DOUBLE" || type === "FLOAT").map(({ name }) => name);
  let rowStart = 0;
  for (const group of metadata.row_groups) {
    const rowEnd = rowStart + Number(group.num_rows);
    const options = { file, metadata, rowStart, rowEnd, compressors: decompressors() };
    const rows = await parquetReadObjects(options).catch((cause: unknown) => {
      throw invalid(path, cause);
    });
    for (const row of rows) {
      const made = toJsonValue(row) as JsonRow;
      for (const column of floats) if (typeof row[column] === "number") noteWholeFloat(made, column);
      yield made;
    }
    rowStart = rowEnd;
  }
}

/** @param rows called twice: once to learn the columns and their types, once to write. */
export async function writeParquetFile(path: string, rows: () => AsyncIterable<JsonRow>): Promise<void> {
  const { columns, schema, encode } = await inferParquetSchema(rows());
  async function* encoded() {
    for await (const row of rows()) yield encode(row);
  }
  await writeAtomically(path, async (file) => {
    const writer = new ByteWriter();
    const flush = async () => {
      await file.writeFile(new Uint8Array(writer.buffer, 0, writer.index));
      writer.index = 0;
    };
    Object.assign(writer, { flush, finish: flush });
    await parquetWriteRows({ writer, rows: encoded(), columns, schema, rowGroupSize: ROWS_PER_GROUP });
  });
}

async function openParquet(path: string) {
  try {
    const file = await asyncBufferFromFile(path);
    return { file, metadata: await parquetMetadataAsync(file) };
  } catch (cause) {
    throw invalid(path, cause);
  }
}

/** What Node.js can decompress; zstd since 22.15. */
function decompressors(): Compressors {
  const zstd = (zlib as { zstdDecompressSync?: (input: Uint8Array) => Uint8Array }).zstdDecompressSync;
  return {
    GZIP: (input) => zlib.gunzipSync(input),
    BROTLI: (input) => zlib.brotliDecompressSync(input),
    ...(zstd === undefined ? {} : { ZSTD: (input: Uint8Array) => zstd(input) }),
  };
}

/** Parquet knows more types than JSON: large integers and dates become numbers and texts. */
function toJsonValue(value: unknown): unknown {
  if (typeof value === "bigint") return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  if (value instanceof Date) return value.toISOString();
  if (ArrayBuffer.isView(value)) return Array.from(value as unknown as ArrayLike<unknown>, toJsonValue);
  if (Array.isArray(value)) return value.map(toJsonValue);
  if (typeof value !== "object" || value === null) return value ?? null;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, toJsonValue(item)]));
}

function invalid(path: string, cause: unknown): IlabError {
  return new IlabError({
    code: "PARQUET_INVALID",
    message: `${path} cannot be read as Parquet: ${(cause as Error).message}`,
    hint: "Is the file whole? Compressions that are read: none, snappy, gzip, brotli, and zstd with Node.js 22.15 or newer.",
    cause,
  });
}
