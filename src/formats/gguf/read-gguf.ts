/**
 * Reads the header of a GGUF file: metadata and tensor descriptions, never the weights. Files are untrusted: every count and
 * length is checked against a named limit and against what is left of the file, so a lying header ends in an error.
 */
import { type FileHandle, open } from "node:fs/promises";
import { IlabError } from "../../util/errors.ts";
import {
  GGML_TYPES,
  GGUF_MAGIC,
  type GgufFile,
  type GgufMetadataEntry,
  type GgufScalar,
  GgufValueType,
  type GgufValueTypeName,
  ggufError,
  tensorSizeBytes,
} from "./types.ts";

/** Large models have under 1,000 entries; 64 Ki bounds the work that a lying count can cause. */
const MAX_METADATA_ENTRIES = 65_536;
/** A 100-layer mixture-of-experts model has a few thousand tensors. */
const MAX_TENSORS = 65_536;
/** Chat templates reach tens of KiB; vocabularies hold short strings. */
const MAX_STRING_BYTES = 16 * 1024 * 1024;
/** Vocabularies and merge lists reach about half a million entries. */
const MAX_ARRAY_LENGTH = 8 * 1024 * 1024;
/** Largest file that a 64-bit offset is believed for; what lies behind the end of this file is reported as truncation. */
const MAX_FILE_BYTES = 2 ** 48;
/** `GGML_MAX_DIMS` */
const MAX_DIMENSIONS = 4;
const READ_AHEAD_BYTES = 1 << 20;

const VALUE_TYPE_NAMES = new Map(Object.entries(GgufValueType).map(([name, id]) => [id as number, name]));
const FIXED_SIZES: Record<string, number> = {
  uint8: 1,
  int8: 1,
  bool: 1,
  uint16: 2,
  int16: 2,
  uint32: 4,
  int32: 4,
  float32: 4,
  uint64: 8,
  int64: 8,
  float64: 8,
};

/** Sequential reader with a window over the file. */
class HeaderReader {
  #window = Buffer.alloc(0);
  #windowStart = 0;
  position = 0;

  private readonly file: FileHandle;
  private readonly path: string;
  private readonly size: number;

  constructor(file: FileHandle, path: string, size: number) {
    this.file = file;
    this.path = path;
    this.size = size;
  }

  async take(length: number): Promise<Buffer> {
    if (length > this.size - this.position)
      throw ggufError(this.path, `the file ends at byte ${this.size}, inside its header`, "GGUF_TRUNCATED");
    if (this.position + length > this.#windowStart + this.#window.length) {
      const wanted = Math.min(Math.max(length, READ_AHEAD_BYTES), this.size - this.position);
      const window = Buffer.alloc(wanted);
      let filled = 0;
      while (filled < wanted) {
        const { bytesRead } = await this.file.read(window, filled, wanted - filled, this.position + filled);
        if (bytesRead === 0) throw ggufError(this.path, "the file became shorter while it was read", "GGUF_TRUNCATED");
        filled += bytesRead;
      }
      this.#window = window;
      this.#windowStart = this.position;
    }
    const start = this.position - this.#windowStart;
    this.position += length;
    return this.#window.subarray(start, start + length);
  }

  async count(what: string, limit: number): Promise<number> {
    const value = (await this.take(8)).readBigUInt64LE();
    if (value > BigInt(limit)) throw ggufError(this.path, `${what} is ${value}, the limit is ${limit}`);
    return Number(value);
  }

  async string(): Promise<string> {
    return (await this.take(await this.count("a string's length", MAX_STRING_BYTES))).toString("utf8");
  }

  async scalar(type: string): Promise<GgufScalar> {
    if (type === "string") return await this.string();
    return decodeScalar(await this.take(FIXED_SIZES[type]!), type);
  }
}

function decodeScalar(bytes: Buffer, type: string): GgufScalar {
  switch (type) {
    case "uint8":
      return bytes.readUInt8();
    case "int8":
      return bytes.readInt8();
    case "bool":
      return bytes.readUInt8() !== 0;
    case "uint16":
      return bytes.readUInt16LE();
    case "int16":
      return bytes.readInt16LE();
    case "uint32":
      return bytes.readUInt32LE();
    case "int32":
      return bytes.readInt32LE();
    case "float32":
      return bytes.readFloatLE();
    case "uint64":
      return bytes.readBigUInt64LE();
    case "int64":
      return bytes.readBigInt64LE();
    default:
      return bytes.readDoubleLE();
  }
}

/**
 * @throws IlabError `GGUF_NOT_FOUND`, `GGUF_TRUNCATED` (the file is shorter than its header says), `GGUF_INVALID`.
 */
export async function readGguf(path: string): Promise<GgufFile> {
  const file = await open(path, "r").catch((cause: NodeJS.ErrnoException) => {
    throw cause.code === "ENOENT" || cause.code === "EISDIR"
      ? new IlabError({
          code: "GGUF_NOT_FOUND",
          message: `there is no model file ${path}`,
          hint: "See `ilab model list`.",
          cause,
        })
      : cause;
  });
  try {
    const status = await file.stat();
    if (!status.isFile()) throw ggufError(path, "it is not a file", "GGUF_NOT_FOUND");
    return await readHeader(new HeaderReader(file, path, status.size), path, status.size);
  } finally {
    await file.close();
  }
}

async function readHeader(reader: HeaderReader, path: string, sizeBytes: number): Promise<GgufFile> {
  if ((await reader.take(4)).readUInt32LE() !== GGUF_MAGIC)
    throw ggufError(path, "it does not begin with the letters GGUF");
  const version = (await reader.take(4)).readUInt32LE();
  if (version !== 2 && version !== 3) throw ggufError(path, `GGUF version ${version} is not supported (2 and 3 are)`);
  const tensorCount = await reader.count("the number of tensors", MAX_TENSORS);
  const metadataCount = await reader.count("the number of metadata entries", MAX_METADATA_ENTRIES);

  const metadata = new Map<string, GgufMetadataEntry>();
  for (let i = 0; i < metadataCount; i++) {
    const key = await reader.string();
    if (metadata.has(key)) throw ggufError(path, `the metadata key '${key}' stands twice`);
    metadata.set(key, await readValue(reader, path, key));
  }

  const descriptions: { name: string; shape: number[]; type: number; offset: number }[] = [];
  const names = new Set<string>();
  for (let i = 0; i < tensorCount; i++) {
    const name = await reader.string();
    if (names.has(name)) throw ggufError(path, `the tensor '${name}' stands twice`);
    names.add(name);
    const dimensions = (await reader.take(4)).readUInt32LE();
    if (dimensions < 1 || dimensions > MAX_DIMENSIONS)
      throw ggufError(path, `the tensor '${name}' has ${dimensions} dimensions, 1 to ${MAX_DIMENSIONS} are possible`);
    const shape: number[] = [];
    for (let d = 0; d < dimensions; d++) shape.push(await reader.count(`a dimension of '${name}'`, 2 ** 40));
    const type = (await reader.take(4)).readUInt32LE();
    const offset = await reader.count(`the offset of '${name}'`, MAX_FILE_BYTES);
    descriptions.push({ name, shape, type, offset });
  }

  const alignment = Number(metadata.get("general.alignment")?.value ?? 32);
  if (!Number.isInteger(alignment) || alignment < 1 || alignment > 1 << 20 || (alignment & (alignment - 1)) !== 0)
    throw ggufError(path, `the alignment ${alignment} is not a power of two`);
  const dataStart = Math.ceil(reader.position / alignment) * alignment;

  const tensors: GgufFile["tensors"] = new Map();
  for (const { name, shape, type, offset } of descriptions) {
    const blockSize = GGML_TYPES[type]?.blockSize ?? 1;
    if (shape.some((n) => n < 1) || shape[0]! % blockSize !== 0)
      throw ggufError(path, `the tensor '${name}' has the impossible shape [${shape.join(", ")}] for its type`);
    const size = tensorSizeBytes(type, shape);
    if (size !== undefined && dataStart + offset + size > sizeBytes)
      throw ggufError(
        path,
        `the file is ${sizeBytes} bytes long, but the tensor '${name}' would end at ${dataStart + offset + size}`,
        "GGUF_TRUNCATED",
      );
    tensors.set(name, { name, shape, type, offset: dataStart + offset, sizeBytes: size ?? 0 });
  }
  return { path, version, metadata, tensors, sizeBytes };
}

async function readValue(reader: HeaderReader, path: string, key: string): Promise<GgufMetadataEntry> {
  const type = await readType(reader, path, key);
  if (type !== "array") return { type: type as GgufValueTypeName, value: await reader.scalar(type) };
  const elementType = await readType(reader, path, key);
  if (elementType === "array") throw ggufError(path, `the metadata value '${key}' is an array of arrays`);
  const length = await reader.count(`the length of '${key}'`, MAX_ARRAY_LENGTH);
  const value: GgufScalar[] = [];
  const size = FIXED_SIZES[elementType];
  if (size === undefined) for (let i = 0; i < length; i++) value.push(await reader.string());
  else {
    const bytes = Buffer.from(await reader.take(size * length));
    for (let i = 0; i < length; i++) value.push(decodeScalar(bytes.subarray(i * size, (i + 1) * size), elementType));
  }
  return { type: "array", elementType: elementType as GgufValueTypeName, value };
}

async function readType(reader: HeaderReader, path: string, key: string): Promise<string> {
  const id = (await reader.take(4)).readUInt32LE();
  const name = VALUE_TYPE_NAMES.get(id);
  if (name === undefined) throw ggufError(path, `the metadata value '${key}' has the unknown type ${id}`);
  return name;
}
