/**
 * The order of a head's values. transformers rotates value i with value i + half of the head, llama.cpp neighbouring values; so row
 * h + 2 i + s of a head's block in llama.cpp is row h + s half + i in transformers, for every matrix that makes queries or keys.
 */

export type RotaryLayout = "halves" | "neighbours";

/** @returns for row `row` of a matrix in the layout `to`, the row of the same matrix in the other layout. */
export function rotaryRow(row: number, headSize: number, to: RotaryLayout): number {
  const inHead = row % headSize;
  const half = headSize / 2;
  const source =
    to === "neighbours" ? (inHead % 2) * half + (inHead >> 1) : (inHead % half) * 2 + (inHead < half ? 0 : 1);
  return row - inHead + source;
}

/** Rows of `width` elements each, put into the layout `to`. */
export function reorderRows<Values extends Uint8Array | Float32Array>(
  values: Values,
  width: number,
  headSize: number,
  to: RotaryLayout,
): Values {
  const result = values.slice() as Values;
  for (let row = 0; row * width < values.length; row++) {
    const source = rotaryRow(row, headSize, to);
    result.set(values.subarray(source * width, (source + 1) * width), row * width);
  }
  return result;
}
