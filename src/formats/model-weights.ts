/**
 * A model as data that streams: typed GGUF metadata, and tensors whose rows are read when somebody wants them. Readers make it (a GGUF
 * file, a Hugging Face directory), steps wrap it (merging, another weight type), writers drain it; only a few rows are in memory.
 */
import { GGML_TYPES, type GgufMetadataEntry } from "./gguf/types.ts";

export interface WeightTensor {
  /** GGUF name: `blk.0.attn_q.weight`. */
  name: string;
  /** Elements per dimension, fastest first; a row is a run of `shape[0]` elements. */
  shape: number[];
  /** Id of `enum ggml_type`. */
  type: number;
  /** Bytes of `count` rows from row `start`; the caller may keep and change them. */
  rows: (start: number, count: number) => Promise<Uint8Array>;
}

export interface ModelWeights extends AsyncDisposable {
  /** Where it was read from, for messages. */
  source: string;
  metadata: Map<string, GgufMetadataEntry>;
  tensors: WeightTensor[];
  /** What could not be kept and the user should know. */
  warnings: string[];
}

/** Memory that one read of rows may take; larger reads are hardly faster. */
const CHUNK_BYTES = 8 * 1024 * 1024;

export function rowCount({ shape }: Pick<WeightTensor, "shape">): number {
  return shape.slice(1).reduce((product, n) => product * n, 1);
}

export function rowBytes({ shape, type }: Pick<WeightTensor, "shape" | "type">): number {
  const layout = GGML_TYPES[type]!;
  return (shape[0]! / layout.blockSize) * layout.blockBytes;
}

/** All rows of a tensor, a few MiB at a time. */
export async function* allRows(tensor: WeightTensor): AsyncGenerator<Uint8Array, void, void> {
  const rows = rowCount(tensor);
  // As much as the same rows take as F32, since most readers and writers pass through that.
  const perChunk = Math.max(1, Math.floor(CHUNK_BYTES / Math.max(rowBytes(tensor), tensor.shape[0]! * 4)));
  for (let start = 0; start < rows; start += perChunk) yield await tensor.rows(start, Math.min(perChunk, rows - start));
}
