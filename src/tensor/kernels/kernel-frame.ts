/**
 * What the kernels share: they are functions `void (ggml_tensor *destination, int thread, int threads, void *scratch)` in the System V
 * calling convention, which ggml calls on each of its threads.
 */
import type { Address, Assembler, RegisterName } from "./assembler.ts";

export const FLOAT_BYTES = 4;

const SAVED = ["rbx", "rbp", "r12", "r13", "r14", "r15"] as const;
/** 27 locals; with the saved registers and the return address a multiple of 16, as calls demand. */
const FRAME_BYTES = 216;

/** Offsets inside `struct ggml_tensor`, fixed by the ABI check in library.ts. */
export const EXTENT_0 = 16;
export const EXTENT_1 = 24;
export const EXTENT_2 = 32;
export const STRIDE_0 = 48;
export const STRIDE_1 = 56;
export const STRIDE_2 = 64;
export const DATA = 248;
const OPERANDS = 152;

export function local(index: number): Address {
  return { base: "rsp", displacement: 8 * index };
}

export function enter(a: Assembler): void {
  for (const register of SAVED) a.push(register);
  a.addImmediate("rsp", -FRAME_BYTES);
  a.extend("rsi", "rsi");
  a.extend("r8", "rdx");
}

export function leave(a: Assembler): void {
  if (a.vectors.name === "avx2") a.clearUpperHalves();
  a.addImmediate("rsp", FRAME_BYTES);
  for (const register of SAVED.toReversed()) a.pop(register);
  a.ret();
}

/** `destination` = pointer to the operand's tensor; `rdi` must still point to the operation's own. */
export function loadOperand(a: Assembler, destination: RegisterName, operand: number): void {
  a.loadInteger(destination, { base: "rdi", displacement: OPERANDS + 8 * operand });
}

/** This thread's part of `total` (a register other than rax, rdx): `first` to `end`. Thread in rsi, threads in r8; rax and rdx are lost. */
export function share(a: Assembler, total: RegisterName, first: RegisterName, end: RegisterName): void {
  a.move("rax", total);
  a.multiply("rax", "rsi");
  a.divide("r8");
  a.move(first, "rax");
  a.loadAddress("rax", { base: "rsi", displacement: 1 });
  a.multiply("rax", total);
  a.divide("r8");
  a.move(end, "rax");
}

/** Runs `body` `times` times; the counter must not be changed by it. */
export function repeat(a: Assembler, counter: RegisterName, times: number, body: () => void): void {
  if (times <= 0) return;
  if (times === 1) {
    body();
    return;
  }
  const again = a.label();
  a.moveImmediate(counter, times);
  a.place(again);
  body();
  a.addImmediate(counter, -1);
  a.compareImmediate(counter, 0);
  a.jumpIf("greater", again);
}
