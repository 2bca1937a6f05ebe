/**
 * Machine code for Y = W · [x ; z] with W as packed BF16 panels (packed-layout.ts), x and z in 32 bits, sums in 32 bits, as a ggml custom operation.
 * x and z are rounded to BF16 on the way. ggml's own BF16 product reaches a third of what a Zen 4 core can do, because it neither
 * packs nor keeps a tile of results in registers that is large enough; this one reaches nine tenths.
 *
 * A tile is 64 rows × 6 columns: 24 of the 32 vector registers are sums, 4 hold weights, 1 a pair of x in every lane. One code is
 * made per shape, so that all counts but the number of columns are constants.
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
  repeat,
  STRIDE_1,
  share,
  VECTOR_BYTES,
} from "./kernel-frame.ts";
import { PANEL_ROWS } from "./packed-layout.ts";

export interface PackedProductShape {
  /** Rows of x; W's inner positions are filled up to a multiple of 32. */
  inputRows: number;
  /** Rows of z, a multiple of 32 (0: there is no z). */
  extraRows: number;
  /** Rows of Y. */
  outputRows: number;
}

const TILE_COLUMNS = 6;
/** Columns that are converted at once: 48 × 2,000 rows × 2 bytes stay in the second-level cache beside a panel. */
const CHUNK_COLUMNS = 48;
const PAIRS_PER_TURN = 4;

/** First vector registers of weights and of the broadcast pair; the sums come before. */
const WEIGHTS = 24;
const PAIR = 28;
const REST_MASK = 2;

const LAST_COLUMN = local(0);
const CHUNK_END = local(1);
const OUTPUT = local(2);
const PANELS = local(3);
const SCRATCH = local(4);
const INPUT = local(5);
const EXTRA = local(6);

/** Inner positions of W: those of x, filled up, then those of z. */
export function innerSize({ inputRows, extraRows }: Pick<PackedProductShape, "inputRows" | "extraRows">): number {
  return Math.ceil(inputRows / (2 * LANES)) * 2 * LANES + extraRows;
}

/** Bytes of scratch memory that each thread needs; the operation's user data points to the first thread's. */
export function scratchBytesPerThread(shape: PackedProductShape): number {
  return CHUNK_COLUMNS * innerSize(shape) * 2;
}

export function packedProductCode(shape: PackedProductShape): Uint8Array {
  const { inputRows, extraRows, outputRows } = shape;
  const inner = innerSize(shape);
  const columnBytes = inner * 2;
  const outputBytes = outputRows * FLOAT_BYTES;
  const a = new Assembler();

  enter(a);
  a.multiplyImmediate("rax", "rsi", scratchBytesPerThread(shape));
  a.add("rcx", "rax");
  a.storeInteger(SCRATCH, "rcx");
  loadOperand(a, "rax", 0);
  a.loadInteger("rax", { base: "rax", displacement: DATA });
  a.storeInteger(PANELS, "rax");
  loadOperand(a, "rax", 1);
  a.storeInteger(INPUT, "rax");
  if (extraRows > 0) {
    loadOperand(a, "rax", 2);
    a.storeInteger(EXTRA, "rax");
  }
  a.loadInteger("rax", { base: "rdi", displacement: DATA });
  a.storeInteger(OUTPUT, "rax");
  shareColumns(a);

  // r12: first column of the chunk.
  const chunkLoop = a.label();
  const done = a.label();
  a.place(chunkLoop);
  a.compare("r12", LAST_COLUMN);
  a.jumpIf("greaterOrEqual", done);
  a.loadAddress("rax", { base: "r12", displacement: CHUNK_COLUMNS });
  a.loadInteger("rbx", LAST_COLUMN);
  const isWhole = a.label();
  a.compare("rax", "rbx");
  a.jumpIf("lessOrEqual", isWhole);
  a.move("rax", "rbx");
  a.place(isWhole);
  a.storeInteger(CHUNK_END, "rax");

  convertColumns(a, INPUT, inputRows, 0, columnBytes);
  if (extraRows > 0) convertColumns(a, EXTRA, extraRows, (inner - extraRows) * 2, columnBytes);

  // r13: panel, r14: its part of Y at the chunk's first column.
  a.loadInteger("r13", PANELS);
  a.multiplyImmediate("r14", "r12", outputBytes);
  a.add("r14", OUTPUT);
  const fullPanels = Math.floor(outputRows / PANEL_ROWS);
  const restRows = outputRows % PANEL_ROWS;
  repeat(a, "rbp", fullPanels, () => {
    multiplyPanel(a, PANEL_ROWS, inner, columnBytes, outputBytes);
    a.addImmediate("r13", PANEL_ROWS * columnBytes);
    a.addImmediate("r14", PANEL_ROWS * FLOAT_BYTES);
  });
  if (restRows > 0) multiplyPanel(a, restRows, inner, columnBytes, outputBytes);

  a.loadInteger("r12", CHUNK_END);
  a.jump(chunkLoop);
  a.place(done);
  leave(a);
  return a.bytes();
}

/** Columns `[r12, LAST_COLUMN)` of this thread: whole tiles, as even as they can be. */
function shareColumns(a: Assembler): void {
  a.loadInteger("r9", { base: "rdi", displacement: EXTENT_1 });
  a.loadAddress("rax", { base: "r9", displacement: TILE_COLUMNS - 1 });
  a.moveImmediate("rcx", TILE_COLUMNS);
  a.divide("rcx");
  a.move("r10", "rax");
  share(a, "r10", "r12", "rax");
  a.multiplyImmediate("r12", "r12", TILE_COLUMNS);
  a.multiplyImmediate("rax", "rax", TILE_COLUMNS);
  const isInside = a.label();
  a.compare("rax", "r9");
  a.jumpIf("lessOrEqual", isInside);
  a.move("rax", "r9");
  a.place(isInside);
  a.storeInteger(LAST_COLUMN, "rax");
}

/** Rounds the chunk's columns of one operand into the scratch memory, `offset` bytes into each column there. */
function convertColumns(a: Assembler, operand: Address, rows: number, offset: number, columnBytes: number): void {
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
  repeat(a, "rcx", Math.floor(rows / (2 * LANES)), () => {
    a.load(0, { base: "rax", displacement: VECTOR_BYTES });
    a.toBf16(0, 0, { base: "rax" });
    a.store({ base: "rdx" }, 0);
    a.addImmediate("rax", 2 * VECTOR_BYTES);
    a.addImmediate("rdx", VECTOR_BYTES);
  });
  const rest = rows % (2 * LANES);
  if (rest > 0) {
    for (const [half, register] of [0, 1].entries()) {
      const lanes = Math.min(LANES, Math.max(0, rest - half * LANES));
      a.moveImmediate("rcx", (1 << lanes) - 1);
      a.setMask(REST_MASK, "rcx");
      a.load(register, { base: "rax", displacement: half * VECTOR_BYTES }, REST_MASK);
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

/** One panel (r13) times all columns of the chunk, into r14. */
function multiplyPanel(a: Assembler, rows: number, inner: number, columnBytes: number, outputBytes: number): void {
  const tiles = a.label();
  const end = a.label();
  a.loadInteger("rsi", SCRATCH);
  a.move("r9", "r14");
  a.loadInteger("r11", CHUNK_END);
  a.subtract("r11", "r12");
  a.moveImmediate("r8", columnBytes);
  if (rows % LANES !== 0) {
    a.moveImmediate("rax", (1 << (rows % LANES)) - 1);
    a.setMask(1, "rax");
  }
  a.place(tiles);
  for (let columns = TILE_COLUMNS; columns >= 1; columns--) {
    const fewer = a.label();
    a.compareImmediate("r11", columns);
    a.jumpIf("less", fewer);
    multiplyTile(a, rows, columns, inner, outputBytes);
    if (columns === TILE_COLUMNS) {
      a.addImmediate("rsi", TILE_COLUMNS * columnBytes);
      a.addImmediate("r11", -TILE_COLUMNS);
      a.jump(tiles);
    } else a.jump(end);
    a.place(fewer);
  }
  a.place(end);
}

/** Columns at rsi (stride r8) times the panel at r13; results go to r9, which then points behind them. */
function multiplyTile(a: Assembler, rows: number, columns: number, inner: number, outputBytes: number): void {
  const vectors = Math.ceil(rows / LANES);
  const sum = (column: number, vector: number) => column * vectors + vector;
  const x = (column: number, displacement: number): Address => {
    const base = column < 3 ? "rax" : "rbx";
    const place = column % 3;
    return place === 0 ? { base, displacement } : { base, index: "r8", scale: place as 1 | 2, displacement };
  };
  a.move("rax", "rsi");
  if (columns > 3) {
    a.loadAddress("rbx", { base: "rsi", index: "r8", scale: 2 });
    a.add("rbx", "r8");
  }
  a.move("rdx", "r13");
  for (let i = 0; i < columns * vectors; i++) a.zero(i);
  repeat(a, "rcx", inner / 2 / PAIRS_PER_TURN, () => {
    for (let pair = 0; pair < PAIRS_PER_TURN; pair++) {
      for (let v = 0; v < vectors; v++)
        a.load(WEIGHTS + v, { base: "rdx", displacement: (pair * (PANEL_ROWS / LANES) + v) * VECTOR_BYTES });
      for (let column = 0; column < columns; column++) {
        a.broadcast(PAIR, x(column, pair * FLOAT_BYTES));
        for (let v = 0; v < vectors; v++) a.dotPairs(sum(column, v), WEIGHTS + v, PAIR);
      }
    }
    a.addImmediate("rax", PAIRS_PER_TURN * FLOAT_BYTES);
    if (columns > 3) a.addImmediate("rbx", PAIRS_PER_TURN * FLOAT_BYTES);
    a.addImmediate("rdx", (PAIRS_PER_TURN * PANEL_ROWS * VECTOR_BYTES) / LANES);
  });
  for (let column = 0; column < columns; column++) {
    for (let v = 0; v < vectors; v++) {
      const isPart = v === vectors - 1 && rows % LANES !== 0;
      a.store({ base: "r9", displacement: v * VECTOR_BYTES }, sum(column, v), isPart ? 1 : 0);
    }
    a.addImmediate("r9", outputBytes);
  }
}
