/**
 * Machine code for Y = W · [x ; z] with W as packed BF16 panels (packed-layout.ts), x and z in 32 bits, sums in 32 bits, as a ggml custom operation.
 * ggml's own products reach a third of what a core can do, because they neither pack nor keep a tile of results in registers that is
 * large enough; this one reaches nine tenths.
 *
 * With AVX512-BF16 x and z are rounded to BF16 on the way (multiply-chunk-avx512.ts); with AVX2 the weights are widened to 32 bits instead
 * (multiply-chunk-avx2.ts). One code is made per shape, so that all counts but the number of columns are constants.
 */
import { Assembler } from "./assembler.ts";
import { DATA, enter, leave, loadOperand } from "./kernel-frame.ts";
import * as avx2 from "./multiply-chunk-avx2.ts";
import * as avx512 from "./multiply-chunk-avx512.ts";
import {
  CHUNK_END,
  EXTRA,
  INPUT,
  LAST_COLUMN,
  minimum,
  OUTPUT,
  PANELS,
  SCRATCH,
  shareColumns,
} from "./packed-columns.ts";
import type { PackedProductShape } from "./packed-layout.ts";
import type { VectorSet } from "./vector-set.ts";

const CHUNKS = { avx512, avx2 };

/** Bytes of scratch memory that each thread needs; the operation's user data points to the first thread's. */
export function scratchBytesPerThread({ name }: VectorSet, shape: PackedProductShape): number {
  return CHUNKS[name].CHUNK_COLUMNS * CHUNKS[name].bytesPerColumn(shape);
}

export function packedProductCode(set: VectorSet, shape: PackedProductShape): Uint8Array {
  const { CHUNK_COLUMNS, multiplyChunk } = CHUNKS[set.name];
  const a = new Assembler(set);

  enter(a);
  a.multiplyImmediate("rax", "rsi", scratchBytesPerThread(set, shape));
  a.add("rcx", "rax");
  a.storeInteger(SCRATCH, "rcx");
  loadOperand(a, "rax", 0);
  a.loadInteger("rax", { base: "rax", displacement: DATA });
  a.storeInteger(PANELS, "rax");
  loadOperand(a, "rax", 1);
  a.storeInteger(INPUT, "rax");
  if (shape.extraRows > 0) {
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
  minimum(a, "rax", "rbx");
  a.storeInteger(CHUNK_END, "rax");
  multiplyChunk(a, shape);
  a.loadInteger("r12", CHUNK_END);
  a.jump(chunkLoop);
  a.place(done);
  leave(a);
  return a.bytes();
}
