/**
 * Writes x86-64 machine code: the few integer and vector instructions that the kernels beside this file use, with labels and jumps. A vector instruction
 * is encoded for the set that the assembler was made for: 512 bits with EVEX, or 256 bits with VEX.
 * Encodings follow Intel's Software Developer's Manual, volume 2 (REX, VEX and EVEX prefixes, ModRM, SIB, compressed displacement).
 */
import type { VectorSet } from "./vector-set.ts";

export const Register = {
  rax: 0,
  rcx: 1,
  rdx: 2,
  rbx: 3,
  rsp: 4,
  rbp: 5,
  rsi: 6,
  rdi: 7,
  r8: 8,
  r9: 9,
  r10: 10,
  r11: 11,
  r12: 12,
  r13: 13,
  r14: 14,
  r15: 15,
} as const;
export type RegisterName = keyof typeof Register;

/** `[base + index * scale + displacement]` */
export interface Address {
  base: RegisterName;
  index?: RegisterName;
  scale?: 1 | 2 | 4 | 8;
  displacement?: number;
}

/** Condition codes of `jcc`. */
const CONDITIONS = {
  equal: 0x4,
  notEqual: 0x5,
  less: 0xc,
  greaterOrEqual: 0xd,
  lessOrEqual: 0xe,
  greater: 0xf,
} as const;
export type Condition = keyof typeof CONDITIONS;

/** A jump's destination: `place` puts it, before or after the jumps that name it. */
export type Label = symbol;

interface VectorOpcode {
  /** 1: 0F, 2: 0F 38 */
  map: 1 | 2;
  /** Implied prefix: 0 none, 1: 66, 2: F3, 3: F2 */
  prefix: 0 | 1 | 2 | 3;
  opcode: number;
  /** Bytes that a memory operand of 512-bit instructions spans, which scale an 8-bit displacement. */
  memoryBytes: number;
  /** The W bit is set. */
  isWide?: true;
}

const FULL = 64;
/** With a mask: lanes that it does not name become zero. */
const ZEROING = 0x80;
const OPCODES = {
  load: { map: 1, prefix: 0, opcode: 0x10, memoryBytes: FULL },
  store: { map: 1, prefix: 0, opcode: 0x11, memoryBytes: FULL },
  broadcast32: { map: 2, prefix: 1, opcode: 0x58, memoryBytes: 4 },
  addFloats: { map: 1, prefix: 0, opcode: 0x58, memoryBytes: FULL },
  multiplyAddFloats: { map: 2, prefix: 1, opcode: 0xb8, memoryBytes: FULL },
  dotPairsBf16: { map: 2, prefix: 2, opcode: 0x52, memoryBytes: FULL },
  toBf16: { map: 2, prefix: 3, opcode: 0x72, memoryBytes: FULL },
  permuteWords: { map: 2, prefix: 1, opcode: 0x8d, memoryBytes: FULL, isWide: true },
  broadcastHalf: { map: 2, prefix: 1, opcode: 0x79, memoryBytes: 2 },
  broadcastRegister: { map: 2, prefix: 1, opcode: 0x7c, memoryBytes: 4 },
  halvesToFloats: { map: 2, prefix: 1, opcode: 0x13, memoryBytes: 32 },
  extendBytes: { map: 2, prefix: 1, opcode: 0x31, memoryBytes: 16 },
  extendSignedBytes: { map: 2, prefix: 1, opcode: 0x21, memoryBytes: 16 },
  integersToFloats: { map: 1, prefix: 0, opcode: 0x5b, memoryBytes: FULL },
  multiplyFloats: { map: 1, prefix: 0, opcode: 0x59, memoryBytes: FULL },
  multiplyThenAdd: { map: 2, prefix: 1, opcode: 0xa8, memoryBytes: FULL },
  and: { map: 1, prefix: 1, opcode: 0xdb, memoryBytes: FULL },
  shiftLanes: { map: 1, prefix: 1, opcode: 0x72, memoryBytes: FULL },
  exclusiveOr: { map: 1, prefix: 1, opcode: 0xef, memoryBytes: FULL },
  // Only with VEX:
  or: { map: 1, prefix: 1, opcode: 0xeb, memoryBytes: 0 },
  addIntegers: { map: 1, prefix: 1, opcode: 0xfe, memoryBytes: 0 },
  equalIntegers: { map: 1, prefix: 1, opcode: 0x76, memoryBytes: 0 },
  shiftPairs: { map: 1, prefix: 1, opcode: 0x73, memoryBytes: 0 },
  fromInteger: { map: 1, prefix: 1, opcode: 0x6e, memoryBytes: 0 },
  maskedLoad: { map: 2, prefix: 1, opcode: 0x2c, memoryBytes: 0 },
  maskedStore: { map: 2, prefix: 1, opcode: 0x2e, memoryBytes: 0 },
} as const satisfies Record<string, VectorOpcode>;

/** Lost by everything that takes a mask in 256 bits, where masks are ordinary vectors. */
const MASK_REGISTER = 15;
/** Bit i of an integer stands for lane i. */
const LANE_BITS = Int32Array.from({ length: 8 }, (_, lane) => 1 << lane);

export class Assembler {
  readonly vectors: VectorSet;
  readonly #code: number[] = [];
  readonly #laneBits = this.label();
  readonly #places = new Map<Label, number>();
  readonly #jumps: { at: number; label: Label }[] = [];

  constructor(vectors: VectorSet) {
    this.vectors = vectors;
  }

  /** The finished code. */
  bytes(): Uint8Array {
    if (this.#jumps.some(({ label }) => label === this.#laneBits)) {
      this.place(this.#laneBits);
      this.#code.push(...new Uint8Array(LANE_BITS.buffer));
    }
    const code = Uint8Array.from(this.#code);
    const view = new DataView(code.buffer);
    for (const { at, label } of this.#jumps) view.setInt32(at, this.#places.get(label)! - (at + 4), true);
    return code;
  }

  label(): Label {
    return Symbol();
  }
  place(label: Label): void {
    this.#places.set(label, this.#code.length);
  }
  jump(label: Label): void {
    this.#code.push(0xe9);
    this.#jumpTo(label);
  }
  jumpIf(condition: Condition, label: Label): void {
    this.#code.push(0x0f, 0x80 | CONDITIONS[condition]);
    this.#jumpTo(label);
  }
  #jumpTo(label: Label): void {
    this.#jumps.push({ at: this.#code.length, label });
    this.#immediate32(0);
  }
  ret(): void {
    this.#code.push(0xc3);
  }
  push(register: RegisterName): void {
    const r = Register[register];
    if (r >= 8) this.#code.push(0x41);
    this.#code.push(0x50 | (r & 7));
  }
  pop(register: RegisterName): void {
    const r = Register[register];
    if (r >= 8) this.#code.push(0x41);
    this.#code.push(0x58 | (r & 7));
  }

  /** `destination = source` */
  move(destination: RegisterName, source: RegisterName): void {
    this.#integer(0x8b, Register[destination], source);
  }
  moveImmediate(destination: RegisterName, value: number): void {
    this.#integer(0xc7, 0, destination);
    this.#immediate32(value);
  }
  /** Sign-extends 32 bits to 64. */
  extend(destination: RegisterName, source: RegisterName): void {
    this.#integer(0x63, Register[destination], source);
  }
  loadInteger(destination: RegisterName, address: Address): void {
    this.#integer(0x8b, Register[destination], address);
  }
  storeInteger(address: Address, source: RegisterName): void {
    this.#integer(0x89, Register[source], address);
  }
  loadAddress(destination: RegisterName, address: Address): void {
    this.#integer(0x8d, Register[destination], address);
  }
  add(destination: RegisterName, source: RegisterName | Address): void {
    this.#integer(0x03, Register[destination], source);
  }
  subtract(destination: RegisterName, source: RegisterName | Address): void {
    this.#integer(0x2b, Register[destination], source);
  }
  compare(a: RegisterName, b: RegisterName | Address): void {
    this.#integer(0x3b, Register[a], b);
  }
  multiply(destination: RegisterName, source: RegisterName | Address): void {
    this.#integer([0x0f, 0xaf], Register[destination], source);
  }
  addImmediate(destination: RegisterName, value: number): void {
    this.#integer(0x81, 0, destination);
    this.#immediate32(value);
  }
  compareImmediate(a: RegisterName, value: number): void {
    this.#integer(0x81, 7, a);
    this.#immediate32(value);
  }
  multiplyImmediate(destination: RegisterName, source: RegisterName, value: number): void {
    this.#integer(0x69, Register[destination], source);
    this.#immediate32(value);
  }
  /** `rax = rax / divisor`, `rdx = rax % divisor`, signed. */
  divide(divisor: RegisterName): void {
    this.#code.push(0x48, 0x99);
    this.#integer(0xf7, 7, divisor);
  }
  shiftRight(destination: RegisterName, bits: number): void {
    this.#integer(0xc1, 5, destination);
    this.#code.push(bits);
  }
  andImmediate(destination: RegisterName, value: number): void {
    this.#integer(0x81, 4, destination);
    this.#immediate32(value);
  }
  /** Calls the function at an absolute address; rax is lost. */
  call(address: bigint): void {
    this.#code.push(0x48, 0xb8);
    this.#immediate32(Number(address & 0xffff_ffffn));
    this.#immediate32(Number(address >> 32n));
    this.#code.push(0xff, 0xd0);
  }
  /** The low 32 bits of one of the first eight registers, from and to memory there. */
  load32(destination: RegisterName, address: Address): void {
    this.#code.push(0x40 | (Register[address.base] >> 3), 0x8b);
    this.#memory(Register[destination], address, 1);
  }
  store32(address: Address, source: RegisterName): void {
    this.#code.push(0x40 | (Register[address.base] >> 3), 0x89);
    this.#memory(Register[source], address, 1);
  }
  /**
   * Mask number `mask` (from 1) = as many low bits of `source` (one of the first eight registers) as there are lanes. In 256 bits it lies below the
   * stack pointer, where the System V convention leaves functions that call no others 128 bytes.
   */
  setMask(mask: number, source: RegisterName): void {
    if (this.#isWide) {
      this.#code.push(0xc5, 0xf8, 0x92, 0xc0 | (mask << 3) | Register[source]);
      return;
    }
    this.broadcastRegister(MASK_REGISTER, source);
    this.#vex(OPCODES.and, MASK_REGISTER, MASK_REGISTER, this.#laneBits);
    this.#vex(OPCODES.equalIntegers, MASK_REGISTER, MASK_REGISTER, this.#laneBits);
    this.store(maskAddress(mask), MASK_REGISTER);
  }

  /** A vector of floats from memory; those that `mask` does not name become zero (0: all are loaded). */
  load(destination: number, address: Address, mask = 0): void {
    if (this.#isWide || mask === 0)
      this.#vector(OPCODES.load, destination, 0, address, mask === 0 ? 0 : mask | ZEROING);
    else {
      this.load(MASK_REGISTER, maskAddress(mask));
      this.#vex(OPCODES.maskedLoad, destination, MASK_REGISTER, address);
    }
  }
  /** A vector of floats to memory, those that `mask` names (0: all). */
  store(address: Address, source: number, mask = 0): void {
    if (this.#isWide || mask === 0) this.#vector(OPCODES.store, source, 0, address, mask);
    else {
      this.load(MASK_REGISTER, maskAddress(mask));
      this.#vex(OPCODES.maskedStore, source, MASK_REGISTER, address);
    }
  }
  /** The 32 bits at the address in every lane. */
  broadcast(destination: number, address: Address): void {
    this.#vector(OPCODES.broadcast32, destination, 0, address);
  }
  zero(destination: number): void {
    this.#vector(OPCODES.exclusiveOr, destination, destination, destination);
  }
  addFloats(destination: number, a: number, b: number | Address): void {
    this.#vector(OPCODES.addFloats, destination, a, b);
  }
  /** `sum += a * b`, floats. */
  multiplyAdd(sum: number, a: number, b: number | Address): void {
    this.#vector(OPCODES.multiplyAddFloats, sum, a, b);
  }
  /** `sum += a.low * b.low + a.high * b.high` per 32-bit lane of BF16 pairs. */
  dotPairs(sum: number, a: number, b: number | Address): void {
    this.#evex(OPCODES.dotPairsBf16, sum, a, b, 0);
  }
  /** 32 BF16 values: those of `low` first, then those of `high`. */
  toBf16(destination: number, high: number, low: number | Address): void {
    this.#evex(OPCODES.toBf16, destination, high, low, 0);
  }
  /** The 32 words of `source` in the order that `indices` gives. */
  permuteWords(destination: number, indices: number, source: number): void {
    this.#evex(OPCODES.permuteWords, destination, indices, source, 0);
  }

  /** The half-precision number at the address, as a float in every lane. */
  broadcastHalf(destination: number, address: Address): void {
    this.#vector(OPCODES.broadcastHalf, destination, 0, address);
    this.#vector(OPCODES.halvesToFloats, destination, 0, destination);
  }
  /** The low 32 bits of an integer register in every lane. */
  broadcastRegister(destination: number, source: RegisterName): void {
    if (this.#isWide) {
      this.#evex(OPCODES.broadcastRegister, destination, 0, Register[source], 0);
      return;
    }
    this.#vex(OPCODES.fromInteger, destination, 0, Register[source], true);
    this.#vex(OPCODES.broadcast32, destination, 0, destination);
  }
  /** One byte from memory for every lane, as 32-bit integers. */
  extendBytes(destination: number, address: Address, isSigned: boolean): void {
    this.#vector(isSigned ? OPCODES.extendSignedBytes : OPCODES.extendBytes, destination, 0, address);
  }
  integersToFloats(destination: number, source: number): void {
    this.#vector(OPCODES.integersToFloats, destination, 0, source);
  }
  multiplyFloats(destination: number, a: number, b: number): void {
    this.#vector(OPCODES.multiplyFloats, destination, a, b);
  }
  /** `product = product * factor + addend`, floats. */
  multiplyThenAdd(product: number, factor: number, addend: number): void {
    this.#vector(OPCODES.multiplyThenAdd, product, factor, addend);
  }
  and(destination: number, a: number, b: number | Address): void {
    this.#vector(OPCODES.and, destination, a, b);
  }
  /** 32-bit lanes of `source`, moved right by some bits. */
  shiftLanesRight(destination: number, source: number, bits: number): void {
    // The register field holds a part of the opcode here, and the second operand is the destination.
    this.#vector(OPCODES.shiftLanes, 2, destination, source);
    this.#code.push(bits);
  }

  // What follows is there in 256 bits alone.

  or(destination: number, a: number, b: number): void {
    this.#vex(OPCODES.or, destination, a, b);
  }
  addIntegers(destination: number, a: number, b: number): void {
    this.#vex(OPCODES.addIntegers, destination, a, b);
  }
  shiftLanesLeft(destination: number, source: number, bits: number): void {
    this.#vex(OPCODES.shiftLanes, 6, destination, source);
    this.#code.push(bits);
  }
  /** 64-bit lanes of `source`, moved right by some bits. */
  shiftPairsRight(destination: number, source: number, bits: number): void {
    this.#vex(OPCODES.shiftPairs, 2, destination, source);
    this.#code.push(bits);
  }

  /** Code that uses 128 bits alone would wait for the upper halves otherwise. */
  clearUpperHalves(): void {
    this.#code.push(0xc5, 0xf8, 0x77);
  }

  #immediate32(value: number): void {
    this.#code.push(value & 0xff, (value >> 8) & 0xff, (value >> 16) & 0xff, (value >> 24) & 0xff);
  }

  /** A 64-bit integer instruction with one register field and one register-or-memory operand. */
  #integer(opcode: number | number[], field: number, operand: RegisterName | Address): void {
    const isRegister = typeof operand === "string";
    const base = Register[isRegister ? operand : operand.base];
    const index = isRegister || operand.index === undefined ? 0 : Register[operand.index];
    this.#code.push(0x48 | ((field >> 3) << 2) | ((index >> 3) << 1) | (base >> 3));
    this.#code.push(...(typeof opcode === "number" ? [opcode] : opcode));
    if (isRegister) this.#code.push(0xc0 | ((field & 7) << 3) | (base & 7));
    else this.#memory(field, operand, 1);
  }

  get #isWide(): boolean {
    return this.vectors.name === "avx512";
  }

  /** A vector instruction that both sets have. */
  #vector(opcode: VectorOpcode, field: number, second: number, operand: number | Address, mask = 0): void {
    if (this.#isWide) this.#evex(opcode, field, second, operand, mask);
    else this.#vex(opcode, field, second, operand);
  }

  /** A 256-bit VEX instruction (128-bit if `isHalf`); operands as for EVEX, or constants behind the code. */
  #vex(opcode: VectorOpcode, field: number, second: number, operand: number | Address | Label, isHalf = false): void {
    const isMemory = typeof operand === "object";
    const base = isMemory ? Register[operand.base] : typeof operand === "number" ? operand : 0;
    const index = isMemory && operand.index !== undefined ? Register[operand.index] : 0;
    const inverted = (value: number) => (value >> 3) ^ 1;
    this.#code.push(
      0xc4,
      (inverted(field) << 7) | (inverted(index) << 6) | (inverted(base) << 5) | opcode.map,
      ((~second & 0xf) << 3) | (isHalf ? 0 : 0x04) | opcode.prefix,
      opcode.opcode,
    );
    if (isMemory) this.#memory(field, operand, 1);
    else if (typeof operand === "number") this.#code.push(0xc0 | ((field & 7) << 3) | (base & 7));
    else {
      // Relative to the instruction's end, as a jump's destination is.
      this.#code.push(((field & 7) << 3) | 5);
      this.#jumpTo(operand);
    }
  }

  /** A 512-bit EVEX instruction: `field` and `second` are vector registers, `operand` a third or memory. */
  #evex(opcode: VectorOpcode, field: number, second: number, operand: number | Address, mask: number): void {
    const isRegister = typeof operand === "number";
    const base = isRegister ? operand : Register[operand.base];
    // With a register operand, X carries its fourth bit.
    const index = isRegister ? operand >> 1 : operand.index === undefined ? 0 : Register[operand.index];
    const inverted = (value: number, bit: number) => ((value >> bit) & 1) ^ 1;
    this.#code.push(
      0x62,
      (inverted(field, 3) << 7) |
        (inverted(index, 3) << 6) |
        (inverted(base, 3) << 5) |
        (inverted(field, 4) << 4) |
        opcode.map,
      (opcode.isWide === true ? 0x80 : 0) | ((~second & 0xf) << 3) | 0x04 | opcode.prefix,
      0x40 | (inverted(second, 4) << 3) | mask,
      opcode.opcode,
    );
    if (isRegister) this.#code.push(0xc0 | ((field & 7) << 3) | (base & 7));
    else this.#memory(field, operand, opcode.memoryBytes);
  }

  /** ModRM, SIB and displacement; an 8-bit displacement counts in steps of `unit` bytes. */
  #memory(field: number, { base, index, scale = 1, displacement = 0 }: Address, unit: number): void {
    const b = Register[base] & 7;
    const needsSib = index !== undefined || b === Register.rsp;
    const steps = displacement / unit;
    const isShort = Number.isInteger(steps) && steps >= -128 && steps <= 127;
    // Base rbp and r13 cannot stand without a displacement.
    const mode = displacement === 0 && b !== Register.rbp ? 0 : isShort ? 1 : 2;
    this.#code.push((mode << 6) | ((field & 7) << 3) | (needsSib ? 4 : b));
    if (needsSib) {
      const i = index === undefined ? 4 : Register[index] & 7;
      this.#code.push((Math.log2(scale) << 6) | (i << 3) | b);
    }
    if (mode === 1) this.#code.push(steps & 0xff);
    if (mode === 2) this.#immediate32(displacement);
  }
}

function maskAddress(mask: number): Address {
  return { base: "rsp", displacement: -32 * mask };
}
