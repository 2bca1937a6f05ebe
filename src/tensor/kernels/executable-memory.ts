/** Puts machine code into memory that may be executed (and never written again), through the C library's mmap and mprotect. */
import koffi from "koffi";
import type { Pointer } from "../ggml.ts";

const PROT_READ = 1;
const PROT_WRITE = 2;
const PROT_EXEC = 4;
/** MAP_PRIVATE | MAP_ANONYMOUS on Linux */
const MAP_PRIVATE_ANONYMOUS = 0x22;
const MAP_FAILED = 0xffff_ffff_ffff_ffffn;

/** Address of the code, which stays as long as the process; undefined where the system does not allow it. */
export function makeExecutable(code: Uint8Array): Pointer | undefined {
  const address = mapMemory(code.length);
  if (address === undefined) return undefined;
  new Uint8Array(koffi.view(address, code.length)).set(code);
  const protect = koffi.load(null).func("mprotect", "int", ["void *", "size_t", "int"]);
  return protect(address, code.length, PROT_READ | PROT_EXEC) === 0 ? address : undefined;
}

/** Zeroed memory for as long as the process lives. */
export function mapMemory(sizeBytes: number): Pointer | undefined {
  const map = koffi.load(null).func("mmap", "void *", ["void *", "size_t", "int", "int", "int", "int64_t"]);
  const address = map(null, sizeBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE_ANONYMOUS, -1, 0) as Pointer | null;
  return address === null || address === MAP_FAILED ? undefined : address;
}
