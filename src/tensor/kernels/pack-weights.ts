/**
 * Machine code that writes a matrix of any ggml type into packed BF16 panels (packed-layout.ts), as a ggml custom operation in place: operand 0 is the packed
 * memory, operand 1 the source, row after row. ggml's own conversion to 32 bits is called for one row (or two) at a time, so that
 * no second copy of the matrix is ever needed.
 */
import { Assembler, type RegisterName } from "./assembler.ts";
import { DATA, enter, FLOAT_BYTES, leave, loadOperand, local, repeat, STRIDE_1, share } from "./kernel-frame.ts";
import { pairBytes, panelBytes } from "./packed-layout.ts";
import type { VectorSet } from "./vector-set.ts";

export interface PackingShape {
  /** Of the source: elements per row (multiple of 32), and rows. */
  columns: number;
  rows: number;
  /** Address of ggml's `to_float` for the source's type; undefined for 32-bit floats. */
  toFloat: bigint | undefined;
  /** Inner size of the whole packed matrix. */
  inner: number;
  /** Where in it the source begins: row of the packed matrix, and inner position (even). */
  firstRow: number;
  firstInner: number;
}

/** Byte order in which two rows' values alternate: 16 from the low half, 16 from the high half. */
export const INTERLEAVING = Uint16Array.from({ length: 32 }, (_, i) => (i >> 1) + (i & 1) * 16);
const INTERLEAVING_BYTES = INTERLEAVING.byteLength;
const INDICES = 31;
/** With AVX2: half of BF16's unit in the last place less one, one, and the upper half of every lane. */
const [ROUNDING, ONE, HIGH_HALVES] = [13, 14, 15] as const;

const DESTINATION = local(0);
const SOURCE = local(1);
const STRIDE = local(2);
const SCRATCH = local(3);
const END = local(4);
const DWORDS_PER_TURN = 8;

/** The scratch memory begins with `INTERLEAVING`; behind it each thread has this many bytes. */
export function packingScratchBytesPerThread(set: VectorSet, columns: number): number {
  return columns * (2 * FLOAT_BYTES + bytesPerRounded(set)) + set.vectorBytes;
}

/** Of a row that waits for being laid out in panels: AVX2 leaves gaps between pairs. */
function bytesPerRounded({ name }: VectorSet): number {
  return name === "avx512" ? 2 : 4;
}

/** Row r of the source becomes row `firstRow + r` of the packed matrix: what W · x needs. */
export function packRowsCode(set: VectorSet, shape: PackingShape): Uint8Array {
  const { columns, rows, inner, firstRow, firstInner } = shape;
  const { tileRows } = set;
  const a = new Assembler(set);
  start(a, shape, rows);
  const loop = a.label();
  const done = a.label();
  // rbx: row, r12: its memory.
  a.place(loop);
  a.compare("rbx", END);
  a.jumpIf("greaterOrEqual", done);
  toFloats(a, shape, "r12", 0, "r13");
  a.loadInteger("r14", SCRATCH);
  a.addImmediate("r14", 2 * columns * FLOAT_BYTES);
  roundRow(a, columns);
  a.loadAddress("rax", { base: "rbx", displacement: firstRow });
  a.move("rdx", "rax");
  a.shiftRight("rax", Math.log2(tileRows));
  a.multiplyImmediate("rax", "rax", panelBytes(set, inner));
  a.andImmediate("rdx", tileRows - 1);
  a.loadAddress("rdx", { base: "rax", index: "rdx", scale: 4, displacement: (firstInner / 2) * pairBytes(set) });
  a.add("rdx", DESTINATION);
  repeat(a, "rcx", columns / 2 / DWORDS_PER_TURN, () => {
    for (let i = 0; i < DWORDS_PER_TURN; i++) {
      a.load32("rax", { base: "r14", displacement: 2 * bytesPerRounded(set) * i });
      a.store32({ base: "rdx", displacement: pairBytes(set) * i }, "rax");
    }
    a.addImmediate("r14", 2 * bytesPerRounded(set) * DWORDS_PER_TURN);
    a.addImmediate("rdx", pairBytes(set) * DWORDS_PER_TURN);
  });
  a.add("r12", STRIDE);
  a.addImmediate("rbx", 1);
  a.jump(loop);
  a.place(done);
  leave(a);
  return a.bytes();
}

/** Column c of the source becomes row `firstRow + c` of the packed matrix: what Wᵀ · y needs. `rows` must be even, `firstRow` a multiple of 16. */
export function packColumnsCode(set: VectorSet, shape: PackingShape): Uint8Array {
  const { columns, rows, inner, firstRow, firstInner } = shape;
  const { lanes, tileRows } = set;
  const a = new Assembler(set);
  start(a, shape, rows / 2);
  if (set.name === "avx512") a.load(INDICES, { base: "rcx" });
  const loop = a.label();
  const done = a.label();
  // rbx: pair of rows, r12: memory of its first.
  a.add("r12", "r12");
  a.subtract("r12", SOURCE);
  a.place(loop);
  a.compare("rbx", END);
  a.jumpIf("greaterOrEqual", done);
  toFloats(a, shape, "r12", 0, "r13");
  a.add("r12", STRIDE);
  toFloats(a, shape, "r12", 1, "r14");
  a.add("r12", STRIDE);
  // A call may have used every vector register.
  if (set.name === "avx2") loadRoundingConstants(a);
  else if (shape.toFloat !== undefined) {
    a.loadInteger("rax", INTERLEAVING_SLOT);
    a.load(INDICES, { base: "rax" });
  }
  a.loadAddress("rdx", { base: "rbx", displacement: firstInner / 2 });
  a.multiplyImmediate("rdx", "rdx", pairBytes(set));
  a.add("rdx", DESTINATION);
  const firstPanel = Math.floor(firstRow / tileRows);
  const before = firstRow % tileRows;
  a.addImmediate("rdx", firstPanel * panelBytes(set, inner));
  const group = (lane: number, source: number) => {
    a.load(0, { base: "r14", displacement: source * FLOAT_BYTES });
    if (set.name === "avx512") {
      a.toBf16(0, 0, { base: "r13", displacement: source * FLOAT_BYTES });
      a.permuteWords(0, INDICES, 0);
    } else {
      a.load(1, { base: "r13", displacement: source * FLOAT_BYTES });
      for (const register of [0, 1]) round(a, register);
      a.and(0, 0, HIGH_HALVES);
      a.shiftLanesRight(1, 1, 16);
      a.or(0, 0, 1);
    }
    a.store({ base: "rdx", displacement: lane * FLOAT_BYTES }, 0);
  };
  const panel = (first: number, count: number) => {
    for (let i = 0; i < count; i += lanes) group(first + i, i);
    a.addImmediate("r13", count * FLOAT_BYTES);
    a.addImmediate("r14", count * FLOAT_BYTES);
    a.addImmediate("rdx", panelBytes(set, inner));
  };
  const opening = Math.min(columns, (tileRows - before) % tileRows);
  if (opening > 0) panel(before, opening);
  repeat(a, "rcx", Math.floor((columns - opening) / tileRows), () => panel(0, tileRows));
  const rest = (columns - opening) % tileRows;
  if (rest > 0) panel(0, rest);
  a.addImmediate("rbx", 1);
  a.jump(loop);
  a.place(done);
  leave(a);
  return a.bytes();
}

const INTERLEAVING_SLOT = local(5);

/** This thread's share of `units` in rbx to END, and r12 = SOURCE + rbx * STRIDE. */
function start(a: Assembler, { columns }: PackingShape, units: number): void {
  enter(a);
  a.storeInteger(INTERLEAVING_SLOT, "rcx");
  a.multiplyImmediate("rax", "rsi", packingScratchBytesPerThread(a.vectors, columns));
  a.loadAddress("rax", { base: "rax", index: "rcx", displacement: INTERLEAVING_BYTES });
  a.storeInteger(SCRATCH, "rax");
  a.loadInteger("rax", { base: "rdi", displacement: DATA });
  a.storeInteger(DESTINATION, "rax");
  loadOperand(a, "r9", 1);
  a.loadInteger("r10", { base: "r9", displacement: STRIDE_1 });
  a.storeInteger(STRIDE, "r10");
  a.loadInteger("r9", { base: "r9", displacement: DATA });
  a.storeInteger(SOURCE, "r9");
  a.moveImmediate("r11", units);
  share(a, "r11", "rbx", "rax");
  a.storeInteger(END, "rax");
  a.move("r12", "rbx");
  a.multiply("r12", "r10");
  a.add("r12", "r9");
}

/** `floats` = address of the row at `row` in 32 bits: the row itself, or scratch memory number `slot`. */
function toFloats(
  a: Assembler,
  { columns, toFloat }: PackingShape,
  row: RegisterName,
  slot: number,
  floats: RegisterName,
): void {
  if (toFloat === undefined) {
    a.move(floats, row);
    return;
  }
  a.loadInteger(floats, SCRATCH);
  a.addImmediate(floats, slot * columns * FLOAT_BYTES);
  a.move("rdi", row);
  a.move("rsi", floats);
  a.moveImmediate("rdx", columns);
  a.call(toFloat);
}

/** The row of floats at r13 as BF16 pairs to r14; r13 and rax are lost. */
function roundRow(a: Assembler, columns: number): void {
  const { name, lanes, vectorBytes } = a.vectors;
  if (name === "avx2") loadRoundingConstants(a);
  a.move("rax", "r14");
  if (name === "avx512") {
    repeat(a, "rcx", columns / (2 * lanes), () => {
      a.load(0, { base: "r13", displacement: vectorBytes });
      a.toBf16(0, 0, { base: "r13" });
      a.store({ base: "rax" }, 0);
      a.addImmediate("r13", 2 * vectorBytes);
      a.addImmediate("rax", vectorBytes);
    });
    return;
  }
  repeat(a, "rcx", columns / lanes, () => {
    a.load(0, { base: "r13" });
    round(a, 0);
    // In the lower half of each 64 bits: its upper value's high half above its lower value's.
    a.shiftPairsRight(1, 0, 32);
    a.and(1, 1, HIGH_HALVES);
    a.shiftLanesRight(0, 0, 16);
    a.or(0, 0, 1);
    a.store({ base: "rax" }, 0);
    a.addImmediate("r13", vectorBytes);
    a.addImmediate("rax", vectorBytes);
  });
}

/** rax is lost. */
function loadRoundingConstants(a: Assembler): void {
  for (const [register, value] of [
    [ROUNDING, 0x7fff],
    [ONE, 1],
    [HIGH_HALVES, 0xffff_0000 | 0],
  ] as const) {
    a.moveImmediate("rax", value);
    a.broadcastRegister(register, "rax");
  }
}

/** To the nearest BF16 (to the even one of two) in the upper half of every lane; the lower half is left as it comes. */
function round(a: Assembler, register: number): void {
  const even = 2;
  a.shiftLanesRight(even, register, 16);
  a.and(even, even, ONE);
  a.addIntegers(register, register, ROUNDING);
  a.addIntegers(register, register, even);
}
