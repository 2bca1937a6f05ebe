/**
 * Packed panels: how the packed product wants a matrix W `[inner, rows]` in memory. 64 rows are a panel; inside it, for every pair of
 * inner positions (k, k + 1), the 64 rows' pairs stand side by side: panel[k / 2][row][k % 2], BF16. The last panel is filled up with zeros.
 */

export const PANEL_ROWS = 64;
/** Bytes of one pair of inner positions in a panel. */
export const PAIR_BYTES = PANEL_ROWS * 4;

export function packedElements(inner: number, rows: number): number {
  return Math.ceil(rows / PANEL_ROWS) * PANEL_ROWS * inner;
}

/** Bytes between a panel and the next. */
export function panelBytes(inner: number): number {
  return (inner / 2) * PAIR_BYTES;
}
