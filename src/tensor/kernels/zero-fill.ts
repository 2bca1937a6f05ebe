/** Machine code that fills the operation's result with zeros. */
import { Assembler } from "./assembler.ts";
import { DATA, enter, leave, share, VECTOR_BYTES } from "./kernel-frame.ts";

/** @param bytes a multiple of 64. */
export function zeroFillCode(bytes: number): Uint8Array {
  const a = new Assembler();
  enter(a);
  a.loadInteger("rbx", { base: "rdi", displacement: DATA });
  a.moveImmediate("r11", bytes / VECTOR_BYTES);
  share(a, "r11", "r12", "r13");
  a.zero(0);
  a.multiplyImmediate("rax", "r12", VECTOR_BYTES);
  a.add("rax", "rbx");
  const again = a.label();
  const done = a.label();
  a.place(again);
  a.compare("r12", "r13");
  a.jumpIf("greaterOrEqual", done);
  a.store({ base: "rax" }, 0);
  a.addImmediate("rax", VECTOR_BYTES);
  a.addImmediate("r12", 1);
  a.jump(again);
  a.place(done);
  leave(a);
  return a.bytes();
}
