/** Finds a weight that is NaN or infinite without decoding: only a block's scales can be, its integers cannot. */
import { GGML_TYPES } from "./types.ts";

/** All exponent bits set means NaN or infinity: of half precision, and of the upper half of single precision, which is BF16. */
const HALF_EXPONENT = 0x7c00;
const SINGLE_EXPONENT = 0x7f80;

/** Where a block's floating-point numbers begin, in bytes. */
const HALVES_AT: Record<string, number[]> = {
  F16: [0],
  Q8_0: [0],
  Q4_0: [0],
  Q4_1: [0, 2],
  Q5_0: [0],
  Q5_1: [0, 2],
  Q4_K: [0, 2],
  Q5_K: [0, 2],
  Q6_K: [208],
};
const UPPER_HALVES_AT: Record<string, number[]> = { F32: [2], BF16: [0] };

/**
 * @param bytes whole blocks of a tensor of this type.
 * @returns the index of the first element that is not finite (of its block's first element); undefined: all are finite.
 * @throws RangeError for a type that is not known here.
 */
export function findNotFinite(type: number, bytes: Uint8Array): number | undefined {
  const layout = GGML_TYPES[type];
  const exponent = layout !== undefined && layout.name in UPPER_HALVES_AT ? SINGLE_EXPONENT : HALF_EXPONENT;
  const offsets = layout && (UPPER_HALVES_AT[layout.name] ?? HALVES_AT[layout.name]);
  if (layout === undefined || offsets === undefined)
    throw new RangeError(`weights of type ${layout?.name ?? type} cannot be checked`);
  // Every block is an even number of bytes; memory that begins at an odd address is copied.
  const aligned = bytes.byteOffset % 2 === 0 ? bytes : bytes.slice();
  const words = new Uint16Array(aligned.buffer, aligned.byteOffset, aligned.length >> 1);
  const step = layout.blockBytes / 2;
  let first: number | undefined;
  for (const offset of offsets)
    for (let at = offset / 2; at < words.length; at += step)
      if ((words[at]! & exponent) === exponent) {
        const element = Math.floor(at / step) * layout.blockSize;
        first = Math.min(first ?? element, element);
        break;
      }
  return first;
}
