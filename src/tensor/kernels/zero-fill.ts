/** Machine code that fills the operation's result with zeros. */
import { Assembler } from "./assembler.ts";
import { DATA, enter, leave, share } from "./kernel-frame.ts";
import type { VectorSet } from "./vector-set.ts";

/** @param bytes a multiple of 64. */
export function zeroFillCode(set: VectorSet, bytes: number): Uint8Array {
  const { vectorBytes } = set;
  const a = new Assembler(set);
  enter(a);
  a.loadInteger("rbx", { base: "rdi", displacement: DATA });
  a.moveImmediate("r11", bytes / vectorBytes);
  share(a, "r11", "r12", "r13");
  a.zero(0);
  a.multiplyImmediate("rax", "r12", vectorBytes);
  a.add("rax", "rbx");
  const again = a.label();
  const done = a.label();
  a.place(again);
  a.compare("r12", "r13");
  a.jumpIf("greaterOrEqual", done);
  a.store({ base: "rax" }, 0);
  a.addImmediate("rax", vectorBytes);
  a.addImmediate("r12", 1);
  a.jump(again);
  a.place(done);
  leave(a);
  return a.bytes();
}
