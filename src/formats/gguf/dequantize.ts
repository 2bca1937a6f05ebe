/**
 * Weights of every supported type as 64-bit numbers: slow and plain, the reference that faster paths are held against.
 * Block layouts: ggml's `ggml-common.h` (block_q4_0 … block_q6_K).
 */
import { GGML_TYPES } from "./types.ts";

/** @param bytes the tensor's bytes; @returns its elements, fastest dimension first. @throws RangeError for an unknown type. */
export function dequantize(type: number, bytes: Uint8Array, elements: number): Float64Array {
  const layout = GGML_TYPES[type];
  const decode = layout && DECODERS[layout.name];
  if (layout === undefined || decode === undefined)
    throw new RangeError(`weights of type ${layout?.name ?? type} cannot be read`);
  const result = new Float64Array(elements);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let block = 0; block * layout.blockSize < elements; block++)
    decode(view, block * layout.blockBytes, result.subarray(block * layout.blockSize, (block + 1) * layout.blockSize));
  return result;
}

type Decoder = (view: DataView, at: number, out: Float64Array) => void;

/** IEEE 754 half precision. */
export function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

const half = (view: DataView, at: number) => halfToNumber(view.getUint16(at, true));
const scratch = new DataView(new ArrayBuffer(4));

const DECODERS: Record<string, Decoder> = {
  F32: (view, at, out) => {
    out[0] = view.getFloat32(at, true);
  },
  F16: (view, at, out) => {
    out[0] = half(view, at);
  },
  BF16: (view, at, out) => {
    scratch.setUint32(0, view.getUint16(at, true) << 16);
    out[0] = scratch.getFloat32(0);
  },
  Q8_0: (view, at, out) => {
    const d = half(view, at);
    for (let i = 0; i < 32; i++) out[i] = d * view.getInt8(at + 2 + i);
  },
  Q4_0: (view, at, out) => {
    const d = half(view, at);
    for (let i = 0; i < 16; i++) {
      const byte = view.getUint8(at + 2 + i);
      out[i] = d * ((byte & 15) - 8);
      out[i + 16] = d * ((byte >> 4) - 8);
    }
  },
  Q4_1: (view, at, out) => {
    const d = half(view, at);
    const m = half(view, at + 2);
    for (let i = 0; i < 16; i++) {
      const byte = view.getUint8(at + 4 + i);
      out[i] = d * (byte & 15) + m;
      out[i + 16] = d * (byte >> 4) + m;
    }
  },
  Q5_0: (view, at, out) => {
    const d = half(view, at);
    const high = view.getUint32(at + 2, true);
    for (let i = 0; i < 32; i++) out[i] = d * (fiveBits(view, at + 6, high, i) - 16);
  },
  Q5_1: (view, at, out) => {
    const d = half(view, at);
    const m = half(view, at + 2);
    const high = view.getUint32(at + 4, true);
    for (let i = 0; i < 32; i++) out[i] = d * fiveBits(view, at + 8, high, i) + m;
  },
  Q4_K: (view, at, out) => {
    const d = half(view, at);
    const dmin = half(view, at + 2);
    for (let group = 0; group < 8; group++) {
      const { scale, minimum } = sixBitScale(view, at + 4, group);
      for (let i = 0; i < 32; i++) {
        const byte = view.getUint8(at + 16 + (group >> 1) * 32 + i);
        out[group * 32 + i] = d * scale * (group & 1 ? byte >> 4 : byte & 15) - dmin * minimum;
      }
    }
  },
  Q5_K: (view, at, out) => {
    const d = half(view, at);
    const dmin = half(view, at + 2);
    for (let group = 0; group < 8; group++) {
      const { scale, minimum } = sixBitScale(view, at + 4, group);
      for (let i = 0; i < 32; i++) {
        const byte = view.getUint8(at + 48 + (group >> 1) * 32 + i);
        const high = (view.getUint8(at + 16 + i) >> group) & 1;
        const value = (group & 1 ? byte >> 4 : byte & 15) | (high << 4);
        out[group * 32 + i] = d * scale * value - dmin * minimum;
      }
    }
  },
  Q6_K: (view, at, out) => {
    const d = half(view, at + 208);
    for (let i = 0; i < 256; i++) {
      const half128 = i >> 7;
      const quarter = (i >> 5) & 3;
      const j = i & 31;
      const low = view.getUint8(at + half128 * 64 + (quarter & 1) * 32 + j);
      const high = view.getUint8(at + 128 + half128 * 32 + j);
      const value = (quarter < 2 ? low & 15 : low >> 4) | (((high >> (2 * quarter)) & 3) << 4);
      out[i] = d * view.getInt8(at + 192 + (i >> 4)) * (value - 32);
    }
  },
};

/** Value i of a block of 32: four bits in 16 bytes (first half low, second half high), the fifth in `high`. */
function fiveBits(view: DataView, at: number, high: number, i: number): number {
  const byte = view.getUint8(at + (i & 15));
  return (i < 16 ? byte & 15 : byte >> 4) | (((high >>> i) & 1) << 4);
}

/** The 6-bit scale and minimum of one group of 32, packed into 12 bytes (ggml's `get_scale_min_k4`). */
function sixBitScale(view: DataView, at: number, group: number): { scale: number; minimum: number } {
  const byte = (i: number) => view.getUint8(at + i);
  if (group < 4) return { scale: byte(group) & 63, minimum: byte(group + 4) & 63 };
  return {
    scale: (byte(group + 4) & 15) | ((byte(group - 4) >> 6) << 4),
    minimum: (byte(group + 4) >> 4) | ((byte(group) >> 6) << 4),
  };
}
