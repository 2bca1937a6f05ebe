/**
 * Machine code that writes a matrix of any ggml type into packed BF16 panels (packed-layout.ts), as a ggml custom operation in place: operand 0 is the packed
 * memory, operand 1 the source, row after row. ggml's own conversion to 32 bits is called for one row (or two) at a time, so that
 * no second copy of the matrix is ever needed.
 */
import { Assembler, type RegisterName } from "./assembler.ts";
import {
  DATA,
  enter,
  FLOAT_BYTES,
  LANES,
  leave,
  loadOperand,
  local,
  repeat,
  STRIDE_1,
  share,
  VECTOR_BYTES,
} from "./kernel-frame.ts";
import { PAIR_BYTES, PANEL_ROWS, panelBytes } from "./packed-layout.ts";

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

const DESTINATION = local(0);
const SOURCE = local(1);
const STRIDE = local(2);
const SCRATCH = local(3);
const END = local(4);
const DWORDS_PER_TURN = 8;

/** The scratch memory begins with `INTERLEAVING`; behind it each thread has this many bytes. */
export function packingScratchBytesPerThread(columns: number): number {
  return columns * (2 * FLOAT_BYTES + 2) + VECTOR_BYTES;
}

/** Row r of the source becomes row `firstRow + r` of the packed matrix: what W · x needs. */
export function packRowsCode(shape: PackingShape): Uint8Array {
  const { columns, rows, inner, firstRow, firstInner } = shape;
  const a = new Assembler();
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
  a.move("rax", "r14");
  repeat(a, "rcx", columns / (2 * LANES), () => {
    a.load(0, { base: "r13", displacement: VECTOR_BYTES });
    a.toBf16(0, 0, { base: "r13" });
    a.store({ base: "rax" }, 0);
    a.addImmediate("r13", 2 * VECTOR_BYTES);
    a.addImmediate("rax", VECTOR_BYTES);
  });
  a.loadAddress("rax", { base: "rbx", displacement: firstRow });
  a.move("rdx", "rax");
  a.shiftRight("rax", Math.log2(PANEL_ROWS));
  a.multiplyImmediate("rax", "rax", panelBytes(inner));
  a.andImmediate("rdx", PANEL_ROWS - 1);
  a.loadAddress("rdx", { base: "rax", index: "rdx", scale: 4, displacement: (firstInner / 2) * PAIR_BYTES });
  a.add("rdx", DESTINATION);
  repeat(a, "rcx", columns / 2 / DWORDS_PER_TURN, () => {
    for (let i = 0; i < DWORDS_PER_TURN; i++) {
      a.load32("rax", { base: "r14", displacement: 4 * i });
      a.store32({ base: "rdx", displacement: PAIR_BYTES * i }, "rax");
    }
    a.addImmediate("r14", 4 * DWORDS_PER_TURN);
    a.addImmediate("rdx", PAIR_BYTES * DWORDS_PER_TURN);
  });
  a.add("r12", STRIDE);
  a.addImmediate("rbx", 1);
  a.jump(loop);
  a.place(done);
  leave(a);
  return a.bytes();
}

/** Column c of the source becomes row `firstRow + c` of the packed matrix: what Wᵀ · y needs. `rows` must be even, `firstRow` a multiple of 16. */
export function packColumnsCode(shape: PackingShape): Uint8Array {
  const { columns, rows, inner, firstRow, firstInner } = shape;
  const a = new Assembler();
  start(a, shape, rows / 2);
  a.load(INDICES, { base: "rcx" });
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
  if (shape.toFloat !== undefined) {
    // The call may have used every vector register.
    a.loadInteger("rax", INTERLEAVING_SLOT);
    a.load(INDICES, { base: "rax" });
  }
  a.loadAddress("rdx", { base: "rbx", displacement: firstInner / 2 });
  a.multiplyImmediate("rdx", "rdx", PAIR_BYTES);
  a.add("rdx", DESTINATION);
  const firstPanel = Math.floor(firstRow / PANEL_ROWS);
  const before = firstRow % PANEL_ROWS;
  a.addImmediate("rdx", firstPanel * panelBytes(inner));
  const group = (lane: number, source: number) => {
    a.load(0, { base: "r14", displacement: source * FLOAT_BYTES });
    a.toBf16(0, 0, { base: "r13", displacement: source * FLOAT_BYTES });
    a.permuteWords(0, INDICES, 0);
    a.store({ base: "rdx", displacement: lane * FLOAT_BYTES }, 0);
  };
  const panel = (first: number, count: number) => {
    for (let i = 0; i < count; i += LANES) group(first + i, i);
    a.addImmediate("r13", count * FLOAT_BYTES);
    a.addImmediate("r14", count * FLOAT_BYTES);
    a.addImmediate("rdx", panelBytes(inner));
  };
  const opening = Math.min(columns, (PANEL_ROWS - before) % PANEL_ROWS);
  if (opening > 0) panel(before, opening);
  repeat(a, "rcx", Math.floor((columns - opening) / PANEL_ROWS), () => panel(0, PANEL_ROWS));
  const rest = (columns - opening) % PANEL_ROWS;
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
  a.multiplyImmediate("rax", "rsi", packingScratchBytesPerThread(columns));
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
