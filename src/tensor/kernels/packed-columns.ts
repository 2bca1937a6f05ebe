/**
 * What the packed product has in common for both vector sets: columns are dealt out to threads, taken chunk by chunk into scratch memory, and every
 * panel of weights is multiplied with the chunk, one tile of results after another. Registers: r12 is the chunk's first column, r13 the
 * panel, r14 its part of Y there; in a tile rsi is its first column in the scratch memory, r8 the bytes between columns, r9 its part of Y.
 */
import type { Address, Assembler } from "./assembler.ts";
import { EXTENT_1, FLOAT_BYTES, local, repeat, share } from "./kernel-frame.ts";
import { innerSize, type PackedProductShape, panelBytes } from "./packed-layout.ts";
import { TILE_COLUMNS } from "./vector-set.ts";

export const LAST_COLUMN = local(0);
export const CHUNK_END = local(1);
export const OUTPUT = local(2);
export const PANELS = local(3);
export const SCRATCH = local(4);
export const INPUT = local(5);
export const EXTRA = local(6);
/** From this local on a vector set's own. */
export const OWN_LOCALS = 7;

/** Columns `[r12, LAST_COLUMN)` of this thread: whole tiles, as even as they can be. */
export function shareColumns(a: Assembler): void {
  a.loadInteger("r9", { base: "rdi", displacement: EXTENT_1 });
  a.loadAddress("rax", { base: "r9", displacement: TILE_COLUMNS - 1 });
  a.moveImmediate("rcx", TILE_COLUMNS);
  a.divide("rcx");
  a.move("r10", "rax");
  share(a, "r10", "r12", "rax");
  a.multiplyImmediate("r12", "r12", TILE_COLUMNS);
  a.multiplyImmediate("rax", "rax", TILE_COLUMNS);
  minimum(a, "rax", "r9");
  a.storeInteger(LAST_COLUMN, "rax");
}

/** `register = min(register, other)` */
export function minimum(a: Assembler, register: "rax" | "r11" | "r15", other: "rbx" | "r9" | "r11"): void {
  const isLess = a.label();
  a.compare(register, other);
  a.jumpIf("lessOrEqual", isLess);
  a.move(register, other);
  a.place(isLess);
}

/** All panels from r13 on times the columns of the chunk, into r14; `multiplyTile` writes a tile of rows and columns to r9 and moves r9 behind its columns. */
export function multiplyPanels(
  a: Assembler,
  shape: PackedProductShape,
  columnBytes: number,
  multiplyTile: (rows: number, columns: number) => void,
): void {
  const { tileRows } = a.vectors;
  const { outputRows } = shape;
  repeat(a, "rbp", Math.floor(outputRows / tileRows), () => {
    multiplyPanel(a, tileRows, columnBytes, multiplyTile);
    a.addImmediate("r13", panelBytes(a.vectors, innerSize(shape)));
    a.addImmediate("r14", tileRows * FLOAT_BYTES);
  });
  const rest = outputRows % tileRows;
  if (rest > 0) multiplyPanel(a, rest, columnBytes, multiplyTile);
}

function multiplyPanel(
  a: Assembler,
  rows: number,
  columnBytes: number,
  multiplyTile: (rows: number, columns: number) => void,
): void {
  const { lanes } = a.vectors;
  const tiles = a.label();
  const end = a.label();
  a.loadInteger("rsi", SCRATCH);
  a.move("r9", "r14");
  a.loadInteger("r11", CHUNK_END);
  a.subtract("r11", "r12");
  a.moveImmediate("r8", columnBytes);
  if (rows % lanes !== 0) {
    a.moveImmediate("rax", (1 << (rows % lanes)) - 1);
    a.setMask(1, "rax");
  }
  a.place(tiles);
  for (let columns = TILE_COLUMNS; columns >= 1; columns--) {
    const fewer = a.label();
    a.compareImmediate("r11", columns);
    a.jumpIf("less", fewer);
    multiplyTile(rows, columns);
    if (columns === TILE_COLUMNS) {
      a.addImmediate("rsi", TILE_COLUMNS * columnBytes);
      a.addImmediate("r11", -TILE_COLUMNS);
      a.jump(tiles);
    } else a.jump(end);
    a.place(fewer);
  }
  a.place(end);
}

/** rax = the tile's first column, rbx = its fourth; rdx = the panel. */
export function pointToColumns(a: Assembler, columns: number): void {
  a.move("rax", "rsi");
  if (columns > 3) {
    a.loadAddress("rbx", { base: "rsi", index: "r8", scale: 2 });
    a.add("rbx", "r8");
  }
  a.move("rdx", "r13");
}

/** A value of the tile's columns, after `pointToColumns`. */
export function inColumn(column: number, displacement: number): Address {
  const base = column < 3 ? "rax" : "rbx";
  const place = column % 3;
  return place === 0 ? { base, displacement } : { base, index: "r8", scale: place as 1 | 2, displacement };
}

/** The tile's sums, which are the first registers, column after column, to r9. */
export function storeTile(a: Assembler, rows: number, columns: number, outputBytes: number): void {
  const { lanes, vectorBytes } = a.vectors;
  const vectors = Math.ceil(rows / lanes);
  for (let column = 0; column < columns; column++) {
    for (let v = 0; v < vectors; v++) {
      const isPart = v === vectors - 1 && rows % lanes !== 0;
      a.store({ base: "r9", displacement: v * vectorBytes }, column * vectors + v, isPart ? 1 : 0);
    }
    a.addImmediate("r9", outputBytes);
  }
}
