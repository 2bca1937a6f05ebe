/**
 * Machine code for S += X · Yᵀ, summed over columns (tokens), in 32 bits, as a ggml custom operation in place: operand 0 is S `[m, n]` (contiguous), operand 1
 * X `[m, tokens]`, operand 2 Y `[n, tokens]`. The gradients of weights and adapters are such sums.
 */
import { type Address, Assembler } from "./assembler.ts";
import {
  DATA,
  EXTENT_1,
  enter,
  FLOAT_BYTES,
  LANES,
  leave,
  loadOperand,
  local,
  STRIDE_1,
  share,
  VECTOR_BYTES,
} from "./kernel-frame.ts";

const TILE_ROWS = 64;
const TILE_COLUMNS = 6;
/** First vector registers of X and of a broadcast value of Y; the sums come before. */
const X = 24;
const Y = 28;

const SUM = local(0);
const X_DATA = local(1);
const Y_DATA = local(2);
const TOKENS = local(3);
const END = local(4);

export function outerProductCode(m: number, n: number): Uint8Array {
  const a = new Assembler();
  const strips = Math.ceil(m / TILE_ROWS);
  const tilesPerStrip = Math.ceil(n / TILE_COLUMNS);
  enter(a);
  a.loadInteger("rax", { base: "rdi", displacement: DATA });
  a.storeInteger(SUM, "rax");
  loadOperand(a, "rbx", 1);
  a.loadInteger("rax", { base: "rbx", displacement: EXTENT_1 });
  a.storeInteger(TOKENS, "rax");
  a.loadInteger("rax", { base: "rbx", displacement: DATA });
  a.storeInteger(X_DATA, "rax");
  a.loadInteger("r13", { base: "rbx", displacement: STRIDE_1 });
  loadOperand(a, "rbx", 2);
  a.loadInteger("rax", { base: "rbx", displacement: DATA });
  a.storeInteger(Y_DATA, "rax");
  a.loadInteger("r14", { base: "rbx", displacement: STRIDE_1 });
  a.moveImmediate("r11", strips * tilesPerStrip);
  share(a, "r11", "r12", "rax");
  a.storeInteger(END, "rax");
  if (m % LANES !== 0) {
    a.moveImmediate("rax", (1 << (m % LANES)) - 1);
    a.setMask(1, "rax");
  }

  const loop = a.label();
  const done = a.label();
  a.place(loop);
  a.compare("r12", END);
  a.jumpIf("greaterOrEqual", done);
  a.move("rax", "r12");
  a.moveImmediate("rcx", tilesPerStrip);
  a.divide("rcx");
  // rax: strip, rdx: tile; r9: X, r10: Y, r15: S.
  a.multiplyImmediate("r9", "rax", TILE_ROWS * FLOAT_BYTES);
  a.multiplyImmediate("r10", "rdx", TILE_COLUMNS * FLOAT_BYTES);
  a.multiplyImmediate("r15", "rdx", TILE_COLUMNS * m * FLOAT_BYTES);
  a.add("r15", "r9");
  a.add("r15", SUM);
  a.add("r9", X_DATA);
  a.add("r10", Y_DATA);
  const rests = [
    { rows: TILE_ROWS, columns: TILE_COLUMNS },
    { rows: TILE_ROWS, columns: n % TILE_COLUMNS },
    { rows: m % TILE_ROWS, columns: TILE_COLUMNS },
    { rows: m % TILE_ROWS, columns: n % TILE_COLUMNS },
  ];
  const next = a.label();
  const labels = rests.map(() => a.label());
  const lastStrip = a.label();
  if (m % TILE_ROWS !== 0) {
    a.compareImmediate("rax", strips - 1);
    a.jumpIf("equal", lastStrip);
  }
  if (n % TILE_COLUMNS !== 0) {
    a.compareImmediate("rdx", tilesPerStrip - 1);
    a.jumpIf("equal", labels[1]!);
  }
  a.jump(labels[0]!);
  a.place(lastStrip);
  if (n % TILE_COLUMNS !== 0) {
    a.compareImmediate("rdx", tilesPerStrip - 1);
    a.jumpIf("equal", labels[3]!);
  }
  a.jump(labels[2]!);
  for (const [i, { rows, columns }] of rests.entries()) {
    a.place(labels[i]!);
    addTile(a, m, rows, columns);
    a.jump(next);
  }
  a.place(next);
  a.addImmediate("r12", 1);
  a.jump(loop);
  a.place(done);
  leave(a);
  return a.bytes();
}

/** One tile of S at r15: X at r9 (stride r13) times Y at r10 (stride r14), over all tokens. */
function addTile(a: Assembler, m: number, rows: number, columns: number): void {
  const vectors = Math.ceil(rows / LANES);
  const sum = (column: number, vector: number) => column * vectors + vector;
  const isPart = (vector: number) => vector === vectors - 1 && rows % LANES !== 0;
  const eachSum = (visit: (register: number, address: Address, mask: number) => void) => {
    a.move("rax", "r15");
    for (let column = 0; column < columns; column++) {
      for (let v = 0; v < vectors; v++)
        visit(sum(column, v), { base: "rax", displacement: v * VECTOR_BYTES }, isPart(v) ? 1 : 0);
      a.addImmediate("rax", m * FLOAT_BYTES);
    }
  };
  for (let i = 0; i < vectors * columns; i++) a.zero(i);
  const tokens = a.label();
  a.loadInteger("rcx", TOKENS);
  a.place(tokens);
  for (let v = 0; v < vectors; v++) a.load(X + v, { base: "r9", displacement: v * VECTOR_BYTES }, isPart(v) ? 1 : 0);
  for (let column = 0; column < columns; column++) {
    a.broadcast(Y, { base: "r10", displacement: column * FLOAT_BYTES });
    for (let v = 0; v < vectors; v++) a.multiplyAdd(sum(column, v), X + v, Y);
  }
  a.add("r9", "r13");
  a.add("r10", "r14");
  a.addImmediate("rcx", -1);
  a.compareImmediate("rcx", 0);
  a.jumpIf("greater", tokens);
  eachSum((register, address, mask) => {
    a.load(Y, address, mask);
    a.addFloats(register, register, Y);
    a.store(address, register, mask);
  });
}
