/**
 * Machine code for the products of attention: C (+)= Σ_k A[·, k] B[k, ·] per head, in 32 bits, with any strides, as a ggml custom operation in place: operand 0
 * is C `[m, n, heads]`, operand 1 A `[m, k, A's heads]`, operand 2 B `[k, n, B's heads]`. m is contiguous in A and C. Heads of A may be
 * shared by several of B's (grouped queries), and several of B's heads may be summed into one of C's.
 *
 * What the causal mask would make zero is not computed; which part that is depends on which of m, n, k counts keys (`Causality`). All
 * sizes are read from the tensors when it runs, so one code serves every shape.
 */
import { type Address, Assembler } from "./assembler.ts";
import {
  DATA,
  EXTENT_0,
  EXTENT_1,
  EXTENT_2,
  enter,
  FLOAT_BYTES,
  leave,
  loadOperand,
  local,
  STRIDE_0,
  STRIDE_1,
  STRIDE_2,
} from "./kernel-frame.ts";
import { TILE_COLUMNS, type VectorSet } from "./vector-set.ts";

/**
 * `none`: everything is computed.
 * `rows`: m counts keys and n queries: keys after the query become zero.
 * `inner`: k counts keys and n queries: the sum ends at the query's own key.
 * `columns`: n counts keys and k queries: the sum begins at the first query that sees the key.
 * Queries are the last of the keys.
 */
export type Causality = "none" | "rows" | "inner" | "columns";

/** Masks for 0 to 64 remaining rows, a bit for each. The operation's user data points to it. */
export const ROW_MASKS = BigUint64Array.from({ length: 65 }, (_, rows) => (1n << BigInt(rows)) - 1n);

const M = local(0);
const N = local(1);
const TILES = local(2);
const TASKS = local(3);
const THREADS = local(4);
const TASK = local(5);
const C_DATA = local(6);
const C_COLUMN = local(7);
const C_HEAD = local(8);
const A_DATA = local(9);
const A_INNER = local(10);
const A_HEAD = local(11);
const B_DATA = local(12);
const B_INNER = local(13);
const B_COLUMN = local(14);
const B_HEAD = local(15);
const K = local(16);
const SUMMED_HEADS = local(17);
const SHARING_HEADS = local(18);
const HEAD = local(19);
const FIRST_COLUMN = local(20);
const FIRST_INNER = local(21);
const INNER_COUNT = local(22);
const END_ROW = local(23);
const MASKS = local(24);

export function stridedProductCode(set: VectorSet, causality: Causality, accumulates: boolean): Uint8Array {
  const a = new Assembler(set);
  enter(a);
  a.storeInteger(MASKS, "rcx");
  a.storeInteger(THREADS, "r8");
  const read = (from: "rdi" | "r9" | "r10", offset: number, to: Address) => {
    a.loadInteger("rax", { base: from, displacement: offset });
    a.storeInteger(to, "rax");
  };
  loadOperand(a, "r9", 1);
  loadOperand(a, "r10", 2);
  read("rdi", EXTENT_0, M);
  read("rdi", EXTENT_1, N);
  read("rdi", DATA, C_DATA);
  read("rdi", STRIDE_1, C_COLUMN);
  read("rdi", STRIDE_2, C_HEAD);
  read("r9", DATA, A_DATA);
  read("r9", STRIDE_1, A_INNER);
  read("r9", STRIDE_2, A_HEAD);
  read("r10", DATA, B_DATA);
  read("r10", STRIDE_0, B_INNER);
  read("r10", STRIDE_1, B_COLUMN);
  read("r10", STRIDE_2, B_HEAD);
  read("r10", EXTENT_0, K);
  a.loadInteger("rcx", { base: "rdi", displacement: EXTENT_2 });
  a.loadInteger("rax", { base: "r10", displacement: EXTENT_2 });
  a.divide("rcx");
  a.storeInteger(SUMMED_HEADS, "rax");
  a.loadInteger("rax", { base: "r10", displacement: EXTENT_2 });
  a.loadInteger("rbx", { base: "r9", displacement: EXTENT_2 });
  a.divide("rbx");
  a.storeInteger(SHARING_HEADS, "rax");
  a.loadInteger("rax", N);
  a.addImmediate("rax", TILE_COLUMNS - 1);
  a.moveImmediate("rbx", TILE_COLUMNS);
  a.divide("rbx");
  a.storeInteger(TILES, "rax");
  a.multiply("rax", "rcx");
  a.storeInteger(TASKS, "rax");
  a.storeInteger(TASK, "rsi");

  // Tasks are dealt out in turn, because later columns of a causal product are more work.
  const taskLoop = a.label();
  const nextTask = a.label();
  const done = a.label();
  a.place(taskLoop);
  a.loadInteger("rax", TASK);
  a.compare("rax", TASKS);
  a.jumpIf("greaterOrEqual", done);
  a.loadInteger("rbx", TILES);
  a.divide("rbx");
  a.storeInteger(HEAD, "rax");
  a.multiplyImmediate("rdx", "rdx", TILE_COLUMNS);
  a.storeInteger(FIRST_COLUMN, "rdx");
  // r10: columns of this tile, r11: the column behind it.
  a.loadInteger("r10", N);
  a.subtract("r10", "rdx");
  minimumImmediate(a, "r10", TILE_COLUMNS);
  a.loadAddress("r11", { base: "rdx", index: "r10" });
  limitToVisible(a, causality);
  for (let columns = 1; columns <= TILE_COLUMNS; columns++) {
    const other = a.label();
    a.compareImmediate("r10", columns);
    a.jumpIf("notEqual", other);
    multiplyTile(a, columns, accumulates);
    a.jump(nextTask);
    a.place(other);
  }
  a.place(nextTask);
  a.loadInteger("rax", TASK);
  a.add("rax", THREADS);
  a.storeInteger(TASK, "rax");
  a.jump(taskLoop);
  a.place(done);
  leave(a);
  return a.bytes();
}

/** Sets FIRST_INNER, INNER_COUNT and END_ROW for the columns from FIRST_COLUMN (rdx) to r11. */
function limitToVisible(a: Assembler, causality: Causality): void {
  const set = (to: Address, from: "rax" | "rbx" | "rcx") => a.storeInteger(to, from);
  a.loadInteger("rbx", K);
  a.loadInteger("rcx", M);
  a.moveImmediate("rax", 0);
  if (causality === "inner") {
    // Keys up to past + last query, where past = keys - queries.
    a.subtract("rbx", N);
    a.add("rbx", "r11");
  }
  if (causality === "rows") {
    a.subtract("rcx", N);
    a.add("rcx", "r11");
  }
  if (causality === "columns") {
    // First query that sees the first key: key - past, if that is not before all queries.
    const isPositive = a.label();
    a.move("rax", "rdx");
    a.subtract("rax", N);
    a.add("rax", "rbx");
    a.compareImmediate("rax", 0);
    a.jumpIf("greaterOrEqual", isPositive);
    a.moveImmediate("rax", 0);
    a.place(isPositive);
    a.subtract("rbx", "rax");
  }
  set(FIRST_INNER, "rax");
  set(INNER_COUNT, "rbx");
  set(END_ROW, "rcx");
}

function minimumImmediate(a: Assembler, register: "r10" | "rax", value: number): void {
  const isLess = a.label();
  a.compareImmediate(register, value);
  a.jumpIf("lessOrEqual", isLess);
  a.moveImmediate(register, value);
  a.place(isLess);
}

/** All rows of `columns` columns of one head. */
function multiplyTile(a: Assembler, columns: number, accumulates: boolean): void {
  const { lanes, tileVectors, tileRows } = a.vectors;
  const strips = a.label();
  const end = a.label();
  a.moveImmediate("r12", 0);
  a.place(strips);
  a.loadInteger("rax", M);
  a.subtract("rax", "r12");
  a.compareImmediate("rax", 0);
  a.jumpIf("lessOrEqual", end);
  minimumImmediate(a, "rax", tileRows);
  // Without mask registers masks are slow: whole strips do without.
  const hasWholeStrips = a.vectors.name === "avx2";
  const isPart = a.label();
  if (hasWholeStrips) {
    a.compareImmediate("rax", tileRows);
    a.jumpIf("less", isPart);
    multiplyStrip(a, columns, accumulates, false);
    a.addImmediate("r12", tileRows);
    a.jump(strips);
    a.place(isPart);
  }
  a.loadInteger("rbx", MASKS);
  a.loadInteger("rax", { base: "rbx", index: "rax", scale: 8 });
  for (let v = 0; v < tileVectors; v++) {
    a.setMask(v + 1, "rax");
    a.shiftRight("rax", lanes);
  }
  multiplyStrip(a, columns, accumulates, true);
  a.addImmediate("r12", tileRows);
  a.jump(strips);
  a.place(end);
}

/** Rows from r12 on of a tile; `isMasked`: only those that the masks name. */
function multiplyStrip(a: Assembler, columns: number, accumulates: boolean, isMasked: boolean): void {
  const { tileVectors, vectorBytes, leftRegister: A, rightRegister: B } = a.vectors;
  const mask = (vector: number) => (isMasked ? vector + 1 : 0);
  const sum = (column: number, vector: number) => column * tileVectors + vector;
  const column = (place: number): Address => {
    const base = place < 3 ? "rax" : "rbx";
    const step = place % 3;
    return step === 0 ? { base } : { base, index: "r8", scale: step as 1 | 2 };
  };
  const write = a.label();
  for (let i = 0; i < columns * tileVectors; i++) a.zero(i);
  a.compare("r12", END_ROW);
  a.jumpIf("greaterOrEqual", write);
  // rbp: head of B, r15: the one behind the last that is summed.
  a.loadInteger("rbp", HEAD);
  a.multiply("rbp", SUMMED_HEADS);
  a.move("r15", "rbp");
  a.add("r15", SUMMED_HEADS);
  const heads = a.label();
  a.place(heads);
  a.move("rax", "rbp");
  a.loadInteger("rbx", SHARING_HEADS);
  a.divide("rbx");
  a.multiply("rax", A_HEAD);
  a.loadAddress("r9", { base: "rax", index: "r12", scale: FLOAT_BYTES });
  a.add("r9", A_DATA);
  a.loadInteger("r13", A_INNER);
  a.loadInteger("rdx", FIRST_INNER);
  a.loadInteger("r14", B_INNER);
  a.move("rax", "rdx");
  a.multiply("rdx", "r13");
  a.add("r9", "rdx");
  a.multiply("rax", "r14");
  a.add("rax", B_DATA);
  a.loadInteger("r8", B_COLUMN);
  a.loadInteger("rdx", FIRST_COLUMN);
  a.multiply("rdx", "r8");
  a.add("rax", "rdx");
  a.move("rdx", "rbp");
  a.multiply("rdx", B_HEAD);
  a.add("rax", "rdx");
  a.loadAddress("rbx", { base: "rax", index: "r8", scale: 2 });
  a.add("rbx", "r8");
  a.loadInteger("rcx", INNER_COUNT);
  const inner = a.label();
  a.place(inner);
  for (let v = 0; v < tileVectors; v++) a.load(A + v, { base: "r9", displacement: v * vectorBytes }, mask(v));
  for (let c = 0; c < columns; c++) {
    a.broadcast(B, column(c));
    for (let v = 0; v < tileVectors; v++) a.multiplyAdd(sum(c, v), A + v, B);
  }
  a.add("r9", "r13");
  a.add("rax", "r14");
  a.add("rbx", "r14");
  a.addImmediate("rcx", -1);
  a.compareImmediate("rcx", 0);
  a.jumpIf("greater", inner);
  a.addImmediate("rbp", 1);
  a.compare("rbp", "r15");
  a.jumpIf("less", heads);

  a.place(write);
  a.loadInteger("rax", HEAD);
  a.multiply("rax", C_HEAD);
  a.loadInteger("rdx", FIRST_COLUMN);
  a.multiply("rdx", C_COLUMN);
  a.add("rax", "rdx");
  a.loadAddress("rax", { base: "rax", index: "r12", scale: FLOAT_BYTES });
  a.add("rax", C_DATA);
  for (let c = 0; c < columns; c++) {
    for (let v = 0; v < tileVectors; v++) {
      const address: Address = { base: "rax", displacement: v * vectorBytes };
      if (accumulates) {
        a.load(B, address, mask(v));
        a.addFloats(sum(c, v), sum(c, v), B);
      }
      a.store(address, sum(c, v), mask(v));
    }
    a.add("rax", C_COLUMN);
  }
}
