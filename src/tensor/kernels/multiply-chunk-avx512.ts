/**
 * A chunk of columns times all panels with AVX512-BF16: the columns are rounded to BF16 pairs first, then two positions of x and W are multiplied at
 * once. A tile is 64 rows × 6 columns: 24 of the 32 vector registers are sums, 4 hold weights, 1 a pair of x in every lane.
 */
import type { Address, Assembler } from "./assembler.ts";
import { DATA, FLOAT_BYTES, repeat, STRIDE_1 } from "./kernel-frame.ts";
import {
  CHUNK_END,
  EXTRA,
  INPUT,
  inColumn,
  multiplyPanels,
  OUTPUT,
  PANELS,
  pointToColumns,
  SCRATCH,
  storeTile,
} from "./packed-columns.ts";
import { innerSize, type PackedProductShape, pairBytes } from "./packed-layout.ts";

/** Columns that are converted at once: 48 × 2,000 rows × 2 bytes stay in the second-level cache beside a panel. */
export const CHUNK_COLUMNS = 48;
const PAIRS_PER_TURN = 4;
const REST_MASK = 2;

export function bytesPerColumn(shape: PackedProductShape): number {
  return innerSize(shape) * 2;
}

/** Columns from r12 to CHUNK_END. */
export function multiplyChunk(a: Assembler, shape: PackedProductShape): void {
  const { inputRows, extraRows, outputRows } = shape;
  const inner = innerSize(shape);
  const columnBytes = bytesPerColumn(shape);
  const outputBytes = outputRows * FLOAT_BYTES;
  convertColumns(a, INPUT, inputRows, 0, columnBytes);
  if (extraRows > 0) convertColumns(a, EXTRA, extraRows, (inner - extraRows) * 2, columnBytes);
  // r13: panel, r14: its part of Y at the chunk's first column.
  a.loadInteger("r13", PANELS);
  a.multiplyImmediate("r14", "r12", outputBytes);
  a.add("r14", OUTPUT);
  multiplyPanels(a, shape, columnBytes, (rows, columns) => multiplyTile(a, rows, columns, inner, outputBytes));
}

/** Rounds the chunk's columns of one operand into the scratch memory, `offset` bytes into each column there. */
function convertColumns(a: Assembler, operand: Address, rows: number, offset: number, columnBytes: number): void {
  const { lanes, vectorBytes } = a.vectors;
  const columns = a.label();
  a.loadInteger("rax", operand);
  a.loadInteger("r9", { base: "rax", displacement: STRIDE_1 });
  a.loadInteger("rsi", { base: "rax", displacement: DATA });
  a.move("rax", "r12");
  a.multiply("rax", "r9");
  a.add("rsi", "rax");
  a.loadInteger("rdi", SCRATCH);
  a.addImmediate("rdi", offset);
  a.move("r10", "r12");
  a.place(columns);
  a.move("rax", "rsi");
  a.move("rdx", "rdi");
  repeat(a, "rcx", Math.floor(rows / (2 * lanes)), () => {
    a.load(0, { base: "rax", displacement: vectorBytes });
    a.toBf16(0, 0, { base: "rax" });
    a.store({ base: "rdx" }, 0);
    a.addImmediate("rax", 2 * vectorBytes);
    a.addImmediate("rdx", vectorBytes);
  });
  const rest = rows % (2 * lanes);
  if (rest > 0) {
    for (const [half, register] of [0, 1].entries()) {
      const count = Math.min(lanes, Math.max(0, rest - half * lanes));
      a.moveImmediate("rcx", (1 << count) - 1);
      a.setMask(REST_MASK, "rcx");
      a.load(register, { base: "rax", displacement: half * vectorBytes }, REST_MASK);
    }
    a.toBf16(0, 1, 0);
    a.store({ base: "rdx" }, 0);
  }
  a.add("rsi", "r9");
  a.addImmediate("rdi", columnBytes);
  a.addImmediate("r10", 1);
  a.compare("r10", CHUNK_END);
  a.jumpIf("less", columns);
}

function multiplyTile(a: Assembler, rows: number, columns: number, inner: number, outputBytes: number): void {
  const { lanes, vectorBytes, leftRegister: WEIGHTS, rightRegister: PAIR } = a.vectors;
  const vectors = Math.ceil(rows / lanes);
  pointToColumns(a, columns);
  for (let i = 0; i < columns * vectors; i++) a.zero(i);
  repeat(a, "rcx", inner / 2 / PAIRS_PER_TURN, () => {
    for (let pair = 0; pair < PAIRS_PER_TURN; pair++) {
      for (let v = 0; v < vectors; v++)
        a.load(WEIGHTS + v, { base: "rdx", displacement: pair * pairBytes(a.vectors) + v * vectorBytes });
      for (let column = 0; column < columns; column++) {
        a.broadcast(PAIR, inColumn(column, pair * FLOAT_BYTES));
        for (let v = 0; v < vectors; v++) a.dotPairs(column * vectors + v, WEIGHTS + v, PAIR);
      }
    }
    a.addImmediate("rax", PAIRS_PER_TURN * FLOAT_BYTES);
    if (columns > 3) a.addImmediate("rbx", PAIRS_PER_TURN * FLOAT_BYTES);
    a.addImmediate("rdx", PAIRS_PER_TURN * pairBytes(a.vectors));
  });
  storeTile(a, rows, columns, outputBytes);
}
