/** Writes a GGUF version 3 file atomically: header, then each tensor's bytes as they are produced. */
import { writeAtomically } from "../../util/fs.ts";
import { GGUF_MAGIC, type GgufMetadataEntry, type GgufScalar, GgufValueType, tensorSizeBytes } from "./types.ts";

export interface GgufTensorSource {
  name: string;
  /** Elements per dimension, fastest first. */
  shape: number[];
  /** Id of `enum ggml_type`. */
  type: number;
  /** The tensor's bytes in ggml's layout, whole or piece by piece; called once, in order. */
  data: () => Uint8Array | Promise<Uint8Array> | AsyncIterable<Uint8Array>;
}

const ALIGNMENT = 32;

export async function writeGguf(
  path: string,
  metadata: Map<string, GgufMetadataEntry>,
  tensors: readonly GgufTensorSource[],
): Promise<void> {
  await writeAtomically(path, async (file) => {
    const head = header(metadata, tensors);
    await file.writeFile(head);
    await file.writeFile(Buffer.alloc(padding(head.length)));
    for (const tensor of tensors) {
      const data = await tensor.data();
      let length = 0;
      for await (const piece of data instanceof Uint8Array ? [data] : data) {
        await file.writeFile(piece);
        length += piece.length;
      }
      const expected = tensorSizeBytes(tensor.type, tensor.shape);
      if (length !== expected) throw new RangeError(`tensor ${tensor.name}: ${length} bytes, expected ${expected}`);
      await file.writeFile(Buffer.alloc(padding(length)));
    }
  });
}

function padding(length: number): number {
  return (ALIGNMENT - (length % ALIGNMENT)) % ALIGNMENT;
}

function header(metadata: Map<string, GgufMetadataEntry>, tensors: readonly GgufTensorSource[]): Buffer {
  const pieces: Buffer[] = [u32(GGUF_MAGIC), u32(3), u64(tensors.length), u64(metadata.size)];
  for (const [key, entry] of metadata) {
    pieces.push(text(key), u32(GgufValueType[entry.type]));
    if (entry.type === "array") {
      pieces.push(u32(GgufValueType[entry.elementType]), u64(entry.value.length));
      for (const value of entry.value) pieces.push(scalar(entry.elementType, value));
    } else pieces.push(scalar(entry.type, entry.value));
  }
  let offset = 0;
  for (const tensor of tensors) {
    pieces.push(text(tensor.name), u32(tensor.shape.length), ...tensor.shape.map(u64), u32(tensor.type), u64(offset));
    offset += Math.ceil(tensorSizeBytes(tensor.type, tensor.shape)! / ALIGNMENT) * ALIGNMENT;
  }
  return Buffer.concat(pieces);
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function u64(value: number | bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value, "utf8");
  return Buffer.concat([u64(bytes.length), bytes]);
}

function scalar(type: string, value: GgufScalar): Buffer {
  if (type === "string") return text(value as string);
  const bytes = Buffer.alloc(8);
  const number = Number(value);
  switch (type) {
    case "uint8":
    case "bool":
      return bytes.subarray(0, bytes.writeUInt8(number));
    case "int8":
      return bytes.subarray(0, bytes.writeInt8(number));
    case "uint16":
      return bytes.subarray(0, bytes.writeUInt16LE(number));
    case "int16":
      return bytes.subarray(0, bytes.writeInt16LE(number));
    case "uint32":
      return bytes.subarray(0, bytes.writeUInt32LE(number));
    case "int32":
      return bytes.subarray(0, bytes.writeInt32LE(number));
    case "float32":
      return bytes.subarray(0, bytes.writeFloatLE(number));
    case "uint64":
      return bytes.subarray(0, bytes.writeBigUInt64LE(BigInt(value as number)));
    case "int64":
      return bytes.subarray(0, bytes.writeBigInt64LE(BigInt(value as number)));
    default:
      return bytes.subarray(0, bytes.writeDoubleLE(number));
  }
}
