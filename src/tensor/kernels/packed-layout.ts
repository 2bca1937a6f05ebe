/**
 * Packed panels: how the packed product wants a matrix W `[inner, rows]` in memory. As many rows as a tile of results has are a panel; inside it, for
 * every pair of inner positions (k, k + 1), the rows' pairs stand side by side: panel[k / 2][row][k % 2], BF16. The last panel is filled up
 * with zeros.
 */
import type { VectorSet } from "./vector-set.ts";

/** What inner sizes and parts must be multiples of. */
export const PACKING_MULTIPLE = 32;

export interface PackedProductShape {
  /** Rows of x; W's inner positions are filled up to a multiple of 32. */
  inputRows: number;
  /** Rows of z, a multiple of 32 (0: there is no z). */
  extraRows: number;
  /** Rows of Y. */
  outputRows: number;
}

/** Inner positions of W: those of x, filled up, then those of z. */
export function innerSize({ inputRows, extraRows }: Pick<PackedProductShape, "inputRows" | "extraRows">): number {
  return Math.ceil(inputRows / PACKING_MULTIPLE) * PACKING_MULTIPLE + extraRows;
}

export function packedElements({ tileRows }: VectorSet, inner: number, rows: number): number {
  return Math.ceil(rows / tileRows) * tileRows * inner;
}

/** Bytes of one pair of inner positions in a panel. */
export function pairBytes({ tileRows }: VectorSet): number {
  return tileRows * 4;
}

/** Bytes between a panel and the next. */
export function panelBytes(set: VectorSet, inner: number): number {
  return (inner / 2) * pairBytes(set);
}
