/**
 * Machine code that turns a row of quantised weights into floats, as ggml's `to_float` does: `void (const void *rdi, float *rsi, int64_t rdx elements)`. ggml's own
 * functions for this are plain C, and would take a fifth of the time of training with streamed weights. Layouts: ggml-common.h.
 */
import { TensorType } from "../ggml.ts";
import { Assembler } from "./assembler.ts";
import type { VectorSet } from "./vector-set.ts";

const BLOCK = 32;
const [SCALE, OFFSET, LOW] = [0, 1, 2] as const;
/** -8 as a 32-bit float. */
const MINUS_EIGHT_BITS = 0xc100_0000 | 0;

/** Undefined for types that are left to ggml. */
export function unpackWeightsCode(set: VectorSet, type: number): Uint8Array | undefined {
  const blockBytes = { [TensorType.Q4_0]: 18, [TensorType.Q4_1]: 20, [TensorType.Q8_0]: 34 }[type];
  if (blockBytes === undefined) return undefined;
  const { lanes, vectorBytes } = set;
  const a = new Assembler(set);
  // A block is this many vectors from LOW on, half of them before HIGH; constants stand behind.
  const vectors = BLOCK / lanes;
  const HIGH = LOW + vectors / 2;
  const [NIBBLE, MINUS_EIGHT] = [lanes, lanes + 1];
  a.moveImmediate("rax", 15);
  a.broadcastRegister(NIBBLE, "rax");
  a.moveImmediate("rax", MINUS_EIGHT_BITS);
  a.broadcastRegister(MINUS_EIGHT, "rax");
  const blocks = a.label();
  a.place(blocks);
  a.broadcastHalf(SCALE, { base: "rdi" });
  if (type === TensorType.Q8_0) {
    for (let v = 0; v < vectors; v++) a.extendBytes(LOW + v, { base: "rdi", displacement: 2 + v * lanes }, true);
  } else {
    // Low halves of the bytes are the first 16 weights, high halves the others.
    for (let v = 0; v < vectors / 2; v++) {
      a.extendBytes(LOW + v, { base: "rdi", displacement: blockBytes - BLOCK / 2 + v * lanes }, false);
      a.shiftLanesRight(HIGH + v, LOW + v, 4);
      a.and(LOW + v, LOW + v, NIBBLE);
    }
    if (type === TensorType.Q4_1) a.broadcastHalf(OFFSET, { base: "rdi", displacement: 2 });
    else a.multiplyFloats(OFFSET, SCALE, MINUS_EIGHT);
  }
  for (let v = 0; v < vectors; v++) {
    const part = LOW + v;
    a.integersToFloats(part, part);
    if (type === TensorType.Q8_0) a.multiplyFloats(part, part, SCALE);
    else a.multiplyThenAdd(part, SCALE, OFFSET);
    a.store({ base: "rsi", displacement: v * vectorBytes }, part);
  }
  a.addImmediate("rdi", blockBytes);
  a.addImmediate("rsi", vectors * vectorBytes);
  a.addImmediate("rdx", -BLOCK);
  a.compareImmediate("rdx", 0);
  a.jumpIf("greater", blocks);
  a.ret();
  return a.bytes();
}
