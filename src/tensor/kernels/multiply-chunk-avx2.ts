/**
 * A chunk of columns times all panels with AVX2 and FMA, in 32 bits: of a BF16 pair, the first weight is the lower half moved up and the second the
 * upper half as it stands. A tile is 16 rows × 6 columns: 12 of the 16 vector registers are sums, 2 hold weights, 1 a value of x in every
 * lane, 1 the mask of upper halves.
 *
 * First-level caches are small where there is no AVX-512, so inner positions are taken block by block; later blocks are added to what the earlier
 * ones gave. Of the chunk's columns only a block is copied at a time, with gaps, so that columns a power of two apart do not fight for places.
 */
import type { Address, Assembler } from "./assembler.ts";
import { DATA, FLOAT_BYTES, local, STRIDE_1 } from "./kernel-frame.ts";
import {
  CHUNK_END,
  EXTRA,
  INPUT,
  inColumn,
  minimum,
  multiplyPanels,
  OUTPUT,
  OWN_LOCALS,
  PANELS,
  pointToColumns,
  SCRATCH,
  storeTile,
} from "./packed-columns.ts";
import { innerSize, PACKING_MULTIPLE, type PackedProductShape, pairBytes } from "./packed-layout.ts";

/** 96 × 384 values of x stay in the second-level cache; a panel's block (12 KiB) and a tile's columns (9 KiB) in the first. */
export const CHUNK_COLUMNS = 96;
const MOST_POSITIONS = 384;
const GAP_BYTES = 64;
const POSITIONS_PER_TURN = 8;
const HIGH_HALVES = 15;
const REST_MASK = 2;

const BLOCK_START = local(OWN_LOCALS);
const BLOCK_SIZE = local(OWN_LOCALS + 1);
const TURNS = local(OWN_LOCALS + 2);

/** Inner positions that are taken at once: as many as in other blocks, but fewer in the last. */
function blockSize(inner: number): number {
  const blocks = Math.ceil(inner / MOST_POSITIONS);
  return Math.ceil(inner / PACKING_MULTIPLE / blocks) * PACKING_MULTIPLE;
}

export function bytesPerColumn(shape: PackedProductShape): number {
  return blockSize(innerSize(shape)) * FLOAT_BYTES + GAP_BYTES;
}

/** Columns from r12 to CHUNK_END. */
export function multiplyChunk(a: Assembler, shape: PackedProductShape): void {
  const { inputRows, extraRows, outputRows } = shape;
  const inner = innerSize(shape);
  const block = blockSize(inner);
  const columnBytes = bytesPerColumn(shape);
  const outputBytes = outputRows * FLOAT_BYTES;
  a.moveImmediate("rax", 0);
  const blocks = a.label();
  a.place(blocks);
  a.storeInteger(BLOCK_START, "rax");
  a.moveImmediate("rax", inner);
  a.subtract("rax", BLOCK_START);
  a.moveImmediate("rbx", block);
  minimum(a, "rax", "rbx");
  a.storeInteger(BLOCK_SIZE, "rax");
  a.shiftRight("rax", Math.log2(POSITIONS_PER_TURN));
  a.storeInteger(TURNS, "rax");
  copyColumns(a, INPUT, 0, inputRows, columnBytes);
  if (extraRows > 0) copyColumns(a, EXTRA, inner - extraRows, extraRows, columnBytes);
  // r13: panel at the block, r14: its part of Y at the chunk's first column.
  a.loadInteger("r13", BLOCK_START);
  a.multiplyImmediate("r13", "r13", pairBytes(a.vectors) / 2);
  a.add("r13", PANELS);
  a.multiplyImmediate("r14", "r12", outputBytes);
  a.add("r14", OUTPUT);
  multiplyPanels(a, shape, columnBytes, (rows, columns) => multiplyTile(a, rows, columns, outputBytes));
  a.loadInteger("rax", BLOCK_START);
  a.addImmediate("rax", block);
  a.compareImmediate("rax", inner);
  a.jumpIf("less", blocks);
}

/** Copies what the block has of one operand, whose inner positions begin at `start`, into the scratch memory; rows that it lacks become zero. */
function copyColumns(a: Assembler, operand: Address, start: number, rows: number, columnBytes: number): void {
  const { lanes, vectorBytes } = a.vectors;
  const vectorsPerTurn = PACKING_MULTIPLE / lanes;
  const rest = rows % PACKING_MULTIPLE;
  const whole = rows - rest;
  const skip = a.label();
  // rax: first position, r11: positions, r15: those before the rest.
  a.loadInteger("rax", BLOCK_START);
  a.move("r11", "rax");
  a.add("r11", BLOCK_SIZE);
  a.moveImmediate("rbx", start + whole + (rest > 0 ? PACKING_MULTIPLE : 0));
  minimum(a, "r11", "rbx");
  const isInside = a.label();
  a.compareImmediate("rax", start);
  a.jumpIf("greaterOrEqual", isInside);
  a.moveImmediate("rax", start);
  a.place(isInside);
  a.subtract("r11", "rax");
  a.compareImmediate("r11", 0);
  a.jumpIf("lessOrEqual", skip);
  a.moveImmediate("r15", start + whole);
  a.subtract("r15", "rax");
  minimum(a, "r15", "r11");
  if (rest % lanes !== 0) {
    a.moveImmediate("rcx", (1 << (rest % lanes)) - 1);
    a.setMask(REST_MASK, "rcx");
  }
  a.move("rdi", "rax");
  a.subtract("rdi", BLOCK_START);
  a.multiplyImmediate("rdi", "rdi", FLOAT_BYTES);
  a.add("rdi", SCRATCH);
  a.loadInteger("rbx", operand);
  a.loadInteger("r9", { base: "rbx", displacement: STRIDE_1 });
  a.loadInteger("rsi", { base: "rbx", displacement: DATA });
  a.loadAddress("rsi", { base: "rsi", index: "rax", scale: FLOAT_BYTES, displacement: -start * FLOAT_BYTES });
  a.move("rax", "r12");
  a.multiply("rax", "r9");
  a.add("rsi", "rax");
  a.move("r10", "r12");
  const columns = a.label();
  a.place(columns);
  a.move("rax", "rsi");
  a.move("rdx", "rdi");
  a.move("rcx", "r15");
  const turns = a.label();
  const isCopied = a.label();
  a.place(turns);
  a.compareImmediate("rcx", 0);
  a.jumpIf("lessOrEqual", isCopied);
  for (let v = 0; v < vectorsPerTurn; v++) a.load(v, { base: "rax", displacement: v * vectorBytes });
  for (let v = 0; v < vectorsPerTurn; v++) a.store({ base: "rdx", displacement: v * vectorBytes }, v);
  a.addImmediate("rax", vectorsPerTurn * vectorBytes);
  a.addImmediate("rdx", vectorsPerTurn * vectorBytes);
  a.addImmediate("rcx", -PACKING_MULTIPLE);
  a.jump(turns);
  a.place(isCopied);
  if (rest > 0) {
    const hasNoRest = a.label();
    a.compare("r15", "r11");
    a.jumpIf("equal", hasNoRest);
    for (let v = 0; v < vectorsPerTurn; v++) {
      const count = Math.min(lanes, rest - v * lanes);
      if (count <= 0) a.zero(v);
      else a.load(v, { base: "rax", displacement: v * vectorBytes }, count < lanes ? REST_MASK : 0);
      a.store({ base: "rdx", displacement: v * vectorBytes }, v);
    }
    a.place(hasNoRest);
  }
  a.add("rsi", "r9");
  a.addImmediate("rdi", columnBytes);
  a.addImmediate("r10", 1);
  a.compare("r10", CHUNK_END);
  a.jumpIf("less", columns);
  a.place(skip);
}

function multiplyTile(a: Assembler, rows: number, columns: number, outputBytes: number): void {
  const { lanes, vectorBytes, leftRegister: WEIGHTS, rightRegister: VALUE } = a.vectors;
  const vectors = Math.ceil(rows / lanes);
  a.moveImmediate("rax", 0xffff_0000 | 0);
  a.broadcastRegister(HIGH_HALVES, "rax");
  pointToColumns(a, columns);
  for (let i = 0; i < columns * vectors; i++) a.zero(i);
  a.loadInteger("rcx", TURNS);
  const turns = a.label();
  a.place(turns);
  for (let position = 0; position < POSITIONS_PER_TURN; position++) {
    for (let v = 0; v < vectors; v++) {
      const pairs = { base: "rdx", displacement: (position >> 1) * pairBytes(a.vectors) + v * vectorBytes } as const;
      if (position % 2 === 0) {
        a.load(WEIGHTS + v, pairs);
        a.shiftLanesLeft(WEIGHTS + v, WEIGHTS + v, 16);
      } else a.and(WEIGHTS + v, HIGH_HALVES, pairs);
    }
    for (let column = 0; column < columns; column++) {
      a.broadcast(VALUE, inColumn(column, position * FLOAT_BYTES));
      for (let v = 0; v < vectors; v++) a.multiplyAdd(column * vectors + v, WEIGHTS + v, VALUE);
    }
  }
  a.addImmediate("rax", POSITIONS_PER_TURN * FLOAT_BYTES);
  if (columns > 3) a.addImmediate("rbx", POSITIONS_PER_TURN * FLOAT_BYTES);
  a.addImmediate("rdx", (POSITIONS_PER_TURN / 2) * pairBytes(a.vectors));
  a.addImmediate("rcx", -1);
  a.compareImmediate("rcx", 0);
  a.jumpIf("greater", turns);

  const isFirst = a.label();
  a.loadInteger("rax", BLOCK_START);
  a.compareImmediate("rax", 0);
  a.jumpIf("equal", isFirst);
  a.move("rax", "r9");
  for (let column = 0; column < columns; column++) {
    for (let v = 0; v < vectors; v++) {
      const isPart = v === vectors - 1 && rows % lanes !== 0;
      a.load(WEIGHTS, { base: "rax", displacement: v * vectorBytes }, isPart ? 1 : 0);
      a.addFloats(column * vectors + v, column * vectors + v, WEIGHTS);
    }
    a.addImmediate("rax", outputBytes);
  }
  a.place(isFirst);
  storeTile(a, rows, columns, outputBytes);
}
