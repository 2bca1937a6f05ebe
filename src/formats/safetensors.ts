/**
 * The safetensors format: eight bytes of header length, a JSON header, the tensors' bytes. Files are untrusted: header size, types,
 * shapes and positions are checked against each other and against the file before anything is read by them.
 */
import { open } from "node:fs/promises";
import { z } from "zod";
import { IlabError } from "../util/errors.ts";
import { writeAtomically } from "../util/fs.ts";

/** The format's own limit. */
const MAX_HEADER_BYTES = 100_000_000;
/** Header text is padded so that the tensors begin at a multiple of this. */
const ALIGNMENT = 8;

/** Bytes per element by name. */
const ELEMENT_BYTES: Record<string, number> = {
  BOOL: 1,
  U8: 1,
  I8: 1,
  F8_E4M3: 1,
  F8_E5M2: 1,
  U16: 2,
  I16: 2,
  F16: 2,
  BF16: 2,
  U32: 4,
  I32: 4,
  F32: 4,
  U64: 8,
  I64: 8,
  F64: 8,
};

export interface SafetensorsEntry {
  name: string;
  /** `F32`, `BF16` … */
  dtype: string;
  /** Elements per dimension, slowest first. */
  shape: number[];
  /** Byte position from the start of the file. */
  offset: number;
  sizeBytes: number;
}

export interface SafetensorsFile {
  path: string;
  metadata: Record<string, string>;
  tensors: Map<string, SafetensorsEntry>;
}

const whole = z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER);
const headerSchema = z.record(z.string(), z.unknown());
const metadataSchema = z.record(z.string(), z.string());
const entrySchema = z.object({
  dtype: z.string(),
  shape: z.array(whole).max(8),
  data_offsets: z.tuple([whole, whole]),
});

/** Reads the header. Throws `SAFETENSORS_INVALID`, `SAFETENSORS_TRUNCATED`. */
export async function readSafetensors(path: string): Promise<SafetensorsFile> {
  const file = await open(path, "r");
  try {
    const { size } = await file.stat();
    const start = Buffer.alloc(8);
    if ((await file.read(start, 0, 8, 0)).bytesRead < 8) throw invalid(path, "it has fewer than 8 bytes");
    const headerBytes = Number(start.readBigUInt64LE());
    if (headerBytes > MAX_HEADER_BYTES)
      throw invalid(path, `its header would have ${headerBytes} bytes, the limit is ${MAX_HEADER_BYTES}`);
    if (8 + headerBytes > size) throw truncated(path, size, 8 + headerBytes, "its header");
    const text = Buffer.alloc(headerBytes);
    await file.read(text, 0, headerBytes, 8);
    return parseHeader(path, text.toString("utf8"), 8 + headerBytes, size);
  } finally {
    await file.close();
  }
}

function parseHeader(path: string, text: string, dataStart: number, size: number): SafetensorsFile {
  let header: Record<string, unknown>;
  try {
    header = headerSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw invalid(path, "its header is no JSON object", cause);
  }
  const { __metadata__: rawMetadata, ...entries } = header;
  const metadata = metadataSchema.safeParse(rawMetadata ?? {});
  const tensors = new Map<string, SafetensorsEntry>();
  for (const [name, raw] of Object.entries(entries)) {
    const entry = entrySchema.safeParse(raw);
    if (!entry.success) throw invalid(path, `the description of '${name}' cannot be understood`);
    const { dtype, shape, data_offsets } = entry.data;
    const bytes = ELEMENT_BYTES[dtype];
    if (bytes === undefined) throw invalid(path, `'${name}' has the unknown type ${dtype}`);
    const [begin, end] = data_offsets;
    if (shape.reduce((product, n) => product * n, bytes) !== end - begin)
      throw invalid(
        path,
        `'${name}' of type ${dtype} and shape [${shape.join(", ")}] cannot have ${end - begin} bytes`,
      );
    if (dataStart + end > size) throw truncated(path, size, dataStart + end, `'${name}'`);
    tensors.set(name, { name, dtype, shape, offset: dataStart + begin, sizeBytes: end - begin });
  }
  return { path, metadata: metadata.data ?? {}, tensors };
}

export interface SafetensorsSource {
  name: string;
  dtype: string;
  /** Slowest first. */
  shape: number[];
  /** The bytes, piece by piece; asked for once, in order. */
  data: () => Iterable<Uint8Array> | AsyncIterable<Uint8Array>;
}

export function safetensorsBytes({ dtype, shape }: Pick<SafetensorsSource, "dtype" | "shape">): number {
  return shape.reduce((product, n) => product * n, ELEMENT_BYTES[dtype]!);
}

/** Writes `path` atomically. */
export async function writeSafetensors(
  path: string,
  tensors: readonly SafetensorsSource[],
  metadata: Record<string, string> = { format: "pt" },
): Promise<void> {
  let position = 0;
  const entries = tensors.map(({ name, dtype, shape }) => {
    const begin = position;
    position += safetensorsBytes({ dtype, shape });
    return [name, { dtype, shape, data_offsets: [begin, position] }];
  });
  const json = JSON.stringify({ __metadata__: metadata, ...Object.fromEntries(entries) });
  const padded = json + " ".repeat((ALIGNMENT - (Buffer.byteLength(json) % ALIGNMENT)) % ALIGNMENT);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(Buffer.byteLength(padded)));
  await writeAtomically(path, async (file) => {
    await file.writeFile(length);
    await file.writeFile(padded);
    for (const tensor of tensors) {
      let written = 0;
      for await (const piece of tensor.data()) {
        await file.writeFile(piece);
        written += piece.length;
      }
      const expected = safetensorsBytes(tensor);
      if (written !== expected) throw new RangeError(`tensor ${tensor.name}: ${written} bytes, expected ${expected}`);
    }
  });
}

function invalid(path: string, problem: string, cause?: unknown): IlabError {
  return new IlabError({
    code: "SAFETENSORS_INVALID",
    message: `${path} is not a usable safetensors file: ${problem}`,
    hint: "Download or save the model again.",
    cause,
  });
}

function truncated(path: string, size: number, end: number, what: string): IlabError {
  return new IlabError({
    code: "SAFETENSORS_TRUNCATED",
    message: `${path} is ${size} bytes long, but ${what} would end at byte ${end}`,
    hint: "The file was probably not downloaded to its end: get it again.",
  });
}
