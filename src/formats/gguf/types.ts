/** GGUF version 3 as data (specification: ggml's docs/gguf.md): typed metadata, tensor descriptions, the weight types of language models. */
import { IlabError } from "../../util/errors.ts";

export type GgufScalar = string | number | bigint | boolean;
export type GgufValue = GgufScalar | GgufScalar[];

/** `enum gguf_type` */
export const GgufValueType = {
  uint8: 0,
  int8: 1,
  uint16: 2,
  int16: 3,
  uint32: 4,
  int32: 5,
  float32: 6,
  bool: 7,
  string: 8,
  array: 9,
  uint64: 10,
  int64: 11,
  float64: 12,
} as const;
export type GgufValueTypeName = Exclude<keyof typeof GgufValueType, "array">;

/** A metadata value with the type it has in the file, so that a read file can be written again unchanged. */
export type GgufMetadataEntry =
  | { type: GgufValueTypeName; value: GgufScalar }
  | { type: "array"; elementType: GgufValueTypeName; value: GgufScalar[] };

export interface GgufTensorInfo {
  name: string;
  /** Elements per dimension, fastest first. */
  shape: number[];
  /** Id of `enum ggml_type`. */
  type: number;
  /** Byte position from the start of the file. */
  offset: number;
  sizeBytes: number;
}

export interface GgufFile {
  path: string;
  version: number;
  metadata: Map<string, GgufMetadataEntry>;
  tensors: Map<string, GgufTensorInfo>;
  sizeBytes: number;
}

/** Weight types: id -> name, elements per block, bytes per block. */
export const GGML_TYPES: Record<number, { name: string; blockSize: number; blockBytes: number }> = {
  0: { name: "F32", blockSize: 1, blockBytes: 4 },
  1: { name: "F16", blockSize: 1, blockBytes: 2 },
  2: { name: "Q4_0", blockSize: 32, blockBytes: 18 },
  3: { name: "Q4_1", blockSize: 32, blockBytes: 20 },
  6: { name: "Q5_0", blockSize: 32, blockBytes: 22 },
  7: { name: "Q5_1", blockSize: 32, blockBytes: 24 },
  8: { name: "Q8_0", blockSize: 32, blockBytes: 34 },
  10: { name: "Q2_K", blockSize: 256, blockBytes: 84 },
  11: { name: "Q3_K", blockSize: 256, blockBytes: 110 },
  12: { name: "Q4_K", blockSize: 256, blockBytes: 144 },
  13: { name: "Q5_K", blockSize: 256, blockBytes: 176 },
  14: { name: "Q6_K", blockSize: 256, blockBytes: 210 },
  16: { name: "IQ2_XXS", blockSize: 256, blockBytes: 66 },
  17: { name: "IQ2_XS", blockSize: 256, blockBytes: 74 },
  18: { name: "IQ3_XXS", blockSize: 256, blockBytes: 98 },
  19: { name: "IQ1_S", blockSize: 256, blockBytes: 50 },
  20: { name: "IQ4_NL", blockSize: 32, blockBytes: 18 },
  21: { name: "IQ3_S", blockSize: 256, blockBytes: 110 },
  22: { name: "IQ2_S", blockSize: 256, blockBytes: 82 },
  23: { name: "IQ4_XS", blockSize: 256, blockBytes: 136 },
  29: { name: "IQ1_M", blockSize: 256, blockBytes: 56 },
  30: { name: "BF16", blockSize: 1, blockBytes: 2 },
  34: { name: "TQ1_0", blockSize: 256, blockBytes: 54 },
  35: { name: "TQ2_0", blockSize: 256, blockBytes: 66 },
  39: { name: "MXFP4", blockSize: 32, blockBytes: 17 },
  41: { name: "Q1_0", blockSize: 128, blockBytes: 18 },
  42: { name: "Q2_0", blockSize: 64, blockBytes: 18 },
};

export const GGUF_MAGIC = 0x46554747;

export function ggufError(path: string, problem: string, code = "GGUF_INVALID"): IlabError {
  return new IlabError({
    code,
    message: `${path} is not a usable GGUF model file: ${problem}`,
    hint: "Download the model again (`ilab model download`), or point to another .gguf file.",
  });
}

/** Bytes of a tensor of this type and shape; undefined for a type that is not known here. */
export function tensorSizeBytes(type: number, shape: readonly number[]): number | undefined {
  const layout = GGML_TYPES[type];
  if (layout === undefined) return undefined;
  return (shape.reduce((product, n) => product * n, 1) / layout.blockSize) * layout.blockBytes;
}

/** A metadata number (integers that fit are numbers); undefined when missing or of another kind. */
export function metadataNumber(file: Pick<GgufFile, "metadata">, key: string): number | undefined {
  const value = file.metadata.get(key)?.value;
  return typeof value === "number" ? value : typeof value === "bigint" ? Number(value) : undefined;
}

export function metadataString(file: Pick<GgufFile, "metadata">, key: string): string | undefined {
  const value = file.metadata.get(key)?.value;
  return typeof value === "string" ? value : undefined;
}
