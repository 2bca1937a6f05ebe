/**
 * Machine code that turns a row of quantised weights into floats, as ggml's `to_float` does: `void (const void *rdi, float *rsi, int64_t rdx elements)`. ggml's own
 * functions for this are plain C, and would take a fifth of the time of training with streamed weights. Layouts: ggml-common.h.
 */
import { TensorType } from "../ggml.ts";
import { Assembler } from "./assembler.ts";
import { VECTOR_BYTES } from "./kernel-frame.ts";

const BLOCK = 32;
const [SCALE, OFFSET, LOW, HIGH] = [0, 1, 2, 3] as const;
const [NIBBLE, MINUS_EIGHT] = [16, 17] as const;
/** -8 as a 32-bit float. */
const MINUS_EIGHT_BITS = 0xc100_0000 | 0;

/** Undefined for types that are left to ggml. */
export function unpackWeightsCode(type: number): Uint8Array | undefined {
  const blockBytes = { [TensorType.Q4_0]: 18, [TensorType.Q4_1]: 20, [TensorType.Q8_0]: 34 }[type];
  if (blockBytes === undefined) return undefined;
  const a = new Assembler();
  a.moveImmediate("rax", 15);
  a.broadcastRegister(NIBBLE, "rax");
  a.moveImmediate("rax", MINUS_EIGHT_BITS);
  a.broadcastRegister(MINUS_EIGHT, "rax");
  const blocks = a.label();
  a.place(blocks);
  a.broadcastHalf(SCALE, { base: "rdi" });
  if (type === TensorType.Q8_0) {
    a.extendBytes(LOW, { base: "rdi", displacement: 2 }, true);
    a.extendBytes(HIGH, { base: "rdi", displacement: 18 }, true);
  } else {
    // Low halves of the bytes are the first 16 weights, high halves the others.
    a.extendBytes(LOW, { base: "rdi", displacement: blockBytes - BLOCK / 2 }, false);
    a.shiftLanesRight(HIGH, LOW, 4);
    a.and(LOW, LOW, NIBBLE);
    if (type === TensorType.Q4_1) a.broadcastHalf(OFFSET, { base: "rdi", displacement: 2 });
    else a.multiplyFloats(OFFSET, SCALE, MINUS_EIGHT);
  }
  for (const [i, half] of [LOW, HIGH].entries()) {
    a.integersToFloats(half, half);
    if (type === TensorType.Q8_0) a.multiplyFloats(half, half, SCALE);
    else a.multiplyThenAdd(half, SCALE, OFFSET);
    a.store({ base: "rsi", displacement: i * VECTOR_BYTES }, half);
  }
  a.addImmediate("rdi", blockBytes);
  a.addImmediate("rsi", 2 * VECTOR_BYTES);
  a.addImmediate("rdx", -BLOCK);
  a.compareImmediate("rdx", 0);
  a.jumpIf("greater", blocks);
  a.ret();
  return a.bytes();
}
