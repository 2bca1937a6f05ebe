/**
 * Machine code for S += X · Yᵀ, summed over columns (tokens), in 32 bits, as a ggml custom operation in place: operand 0 is S `[m, n]` (contiguous), operand 1
 * X `[m, tokens]`, operand 2 Y `[n, tokens]`. The gradients of weights and adapters are such sums.
 */
import { type Address, Assembler } from "./assembler.ts";
import { DATA, EXTENT_1, enter, FLOAT_BYTES, leave, loadOperand, local, STRIDE_1, share } from "./kernel-frame.ts";
import { TILE_COLUMNS, type VectorSet } from "./vector-set.ts";

const SUM = local(0);
const X_DATA = local(1);
const Y_DATA = local(2);
const TOKENS = local(3);
const END = local(4);

export function outerProductCode(set: VectorSet, m: number, n: number): Uint8Array {
  const { lanes, tileRows } = set;
  const a = new Assembler(set);
  const strips = Math.ceil(m / tileRows);
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
  if (m % lanes !== 0) {
    a.moveImmediate("rax", (1 << (m % lanes)) - 1);
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
  a.multiplyImmediate("r9", "rax", tileRows * FLOAT_BYTES);
  a.multiplyImmediate("r10", "rdx", TILE_COLUMNS * FLOAT_BYTES);
  a.multiplyImmediate("r15", "rdx", TILE_COLUMNS * m * FLOAT_BYTES);
  a.add("r15", "r9");
  a.add("r15", SUM);
  a.add("r9", X_DATA);
  a.add("r10", Y_DATA);
  const rests = [
    { rows: tileRows, columns: TILE_COLUMNS },
    { rows: tileRows, columns: n % TILE_COLUMNS },
    { rows: m % tileRows, columns: TILE_COLUMNS },
    { rows: m % tileRows, columns: n % TILE_COLUMNS },
  ];
  const next = a.label();
  const labels = rests.map(() => a.label());
  const lastStrip = a.label();
  if (m % tileRows !== 0) {
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
  const { lanes, vectorBytes, leftRegister: X, rightRegister: Y } = a.vectors;
  const vectors = Math.ceil(rows / lanes);
  const sum = (column: number, vector: number) => column * vectors + vector;
  const isPart = (vector: number) => vector === vectors - 1 && rows % lanes !== 0;
  const eachSum = (visit: (register: number, address: Address, mask: number) => void) => {
    a.move("rax", "r15");
    for (let column = 0; column < columns; column++) {
      for (let v = 0; v < vectors; v++)
        visit(sum(column, v), { base: "rax", displacement: v * vectorBytes }, isPart(v) ? 1 : 0);
      a.addImmediate("rax", m * FLOAT_BYTES);
    }
  };
  for (let i = 0; i < vectors * columns; i++) a.zero(i);
  const tokens = a.label();
  a.loadInteger("rcx", TOKENS);
  a.place(tokens);
  for (let v = 0; v < vectors; v++) a.load(X + v, { base: "r9", displacement: v * vectorBytes }, isPart(v) ? 1 : 0);
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
