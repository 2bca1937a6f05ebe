/**
 * Products faster than ggml's own, for processors with AVX512-BF16 or AVX2 under Linux: machine code written at run time (one piece per shape, kept as
 * long as the process) and called by ggml as custom operations on its threads. Elsewhere `openCpuKernels` gives nothing and ggml's operations are
 * used. Which vector set is written for is decided here alone.
 */
import koffi from "koffi";
import type { Shape, Tensor, TensorContext } from "../context.ts";
import { openGgml, type Pointer, TensorType } from "../ggml.ts";
import { makeExecutable, mapMemory } from "./executable-memory.ts";
import { outerProductCode } from "./outer-product.ts";
import {
  INTERLEAVING,
  type PackingShape,
  packColumnsCode,
  packingScratchBytesPerThread,
  packRowsCode,
} from "./pack-weights.ts";
import { innerSize, packedElements } from "./packed-layout.ts";
import { packedProductCode, scratchBytesPerThread } from "./packed-product.ts";
import { type Causality, ROW_MASKS, stridedProductCode } from "./strided-product.ts";
import { unpackWeightsCode } from "./unpack-weights.ts";
import { AVX2, AVX512, type VectorSet } from "./vector-set.ts";
import { zeroFillCode } from "./zero-fill.ts";

export { PACKING_MULTIPLE } from "./packed-layout.ts";

/** A matrix `[inner, rows]` in packed panels, `inner` filled up to a multiple of 32. */
export interface PackedMatrix {
  tensor: Tensor;
  inner: number;
  rows: number;
}

/** Operands that a custom operation in place may have. */
const MOST_WRITES = 8;
const RETURN = Uint8Array.of(0xc3);

export class CpuKernels {
  /** Which instructions they are written in. */
  readonly set: VectorSet;
  readonly #threads: number;
  readonly #codes = new Map<string, Pointer>();
  #scratch: { address: Pointer; sizeBytes: number } = { address: 0n, sizeBytes: 0 };
  #packingScratch: { address: Pointer; sizeBytes: number } = { address: 0n, sizeBytes: 0 };

  #rowMasks: Pointer = 0n;

  constructor(set: VectorSet, threads: number) {
    this.set = set;
    this.#threads = threads;
  }

  /** Memory for a packed matrix; it must be zeroed before anything is packed into it. */
  matrix(context: TensorContext, size: number, rows: number): PackedMatrix {
    const inner = innerSize({ inputRows: size, extraRows: 0 });
    return { tensor: context.tensor(TensorType.BF16, packedElements(this.set, inner, rows)), inner, rows };
  }

  /** `W · [x ; extra]`: x `[rows of x, columns]` and extra in 32 bits, together `inner` rows. */
  product(c: TensorContext, { tensor, rows }: PackedMatrix, x: Tensor, extra?: Tensor): Tensor {
    const shape = { inputRows: x.shape[0], extraRows: extra?.shape[0] ?? 0, outputRows: rows };
    const code = this.#code(`product ${shape.inputRows} ${shape.extraRows} ${rows}`, () =>
      packedProductCode(this.set, shape),
    );
    const needed = scratchBytesPerThread(this.set, shape) * this.#threads;
    if (this.#scratch.sizeBytes < needed) this.#scratch = memory(needed);
    const operands = extra === undefined ? [tensor, x] : [tensor, x, extra];
    return c.custom(TensorType.F32, [rows, x.shape[1], 1, 1], operands, code, this.#scratch.address);
  }

  /** Writes the source's rows as rows `firstRow …` of the packed matrix, from inner position `firstInner` on. */
  packRows(c: TensorContext, source: Tensor, matrix: PackedMatrix, firstRow: number, firstInner: number): Tensor {
    return this.#pack(c, packRowsCode, source, matrix, firstRow, firstInner);
  }

  /** Writes the source's columns as rows `firstRow …` of the packed matrix. */
  packColumns(c: TensorContext, source: Tensor, matrix: PackedMatrix, firstRow: number, firstInner: number): Tensor {
    return this.#pack(c, packColumnsCode, source, matrix, firstRow, firstInner);
  }

  /** `sum[m, n] += x[m, tokens] · y[n, tokens]ᵀ` in `sum`'s own memory. */
  addOuterProduct(c: TensorContext, sum: Tensor, x: Tensor, y: Tensor): Tensor {
    const [m, n] = sum.shape;
    const code = this.#code(`outer ${m} ${n}`, () => outerProductCode(this.set, m, n));
    return c.customInplace(sum, [x, y], code, 0n);
  }

  /**
   * `C (+)= Σ_k A[·, k] B[k, ·]` per head, in C's own memory (strided-product.ts gives the shapes). The sum must not be empty for any
   * column: keys count at least as many as queries.
   */
  addStridedProduct(
    c: TensorContext,
    result: Tensor,
    a: Tensor,
    b: Tensor,
    { causality, accumulates = false }: { causality: Causality; accumulates?: boolean },
  ): Tensor {
    const code = this.#code(`strided ${causality} ${accumulates}`, () =>
      stridedProductCode(this.set, causality, accumulates),
    );
    if (this.#rowMasks === 0n) {
      const { address } = memory(ROW_MASKS.byteLength);
      new BigUint64Array(koffi.view(address, ROW_MASKS.byteLength)).set(ROW_MASKS);
      this.#rowMasks = address;
    }
    return c.customInplace(result, [a, b], code, this.#rowMasks);
  }

  /** A tensor whose values nobody has written yet, in the order of execution after `after`. */
  unwritten(c: TensorContext, after: Tensor, ...shape: Shape): Tensor {
    const code = this.#code("nothing", () => RETURN);
    return c.custom(TensorType.F32, shape, [after], code, 0n);
  }

  /**
   * `whole`, seen after all writes into parts of it. A write whose result nobody reads would keep the memory from being given back: ggml frees
   * a tensor when all views of it have been used.
   */
  written(c: TensorContext, whole: Tensor, writes: readonly Tensor[]): Tensor {
    const code = this.#code("nothing", () => RETURN);
    let result = whole;
    for (let from = 0; from < writes.length; from += MOST_WRITES)
      result = c.customInplace(result, writes.slice(from, from + MOST_WRITES), code, 0n);
    return result;
  }

  /** A matrix full of zeros in the graph's own memory, which is given back after its last use. */
  zeroMatrix(c: TensorContext, after: Tensor, size: number, rows: number): PackedMatrix {
    const inner = innerSize({ inputRows: size, extraRows: 0 });
    const elements = packedElements(this.set, inner, rows);
    const code = this.#code(`zeros ${elements}`, () => zeroFillCode(this.set, elements * 2));
    return { tensor: c.custom(TensorType.BF16, [elements, 1, 1, 1], [after], code, 0n), inner, rows };
  }

  #pack(
    c: TensorContext,
    makeCode: (set: VectorSet, shape: PackingShape) => Uint8Array,
    source: Tensor,
    matrix: PackedMatrix,
    firstRow: number,
    firstInner: number,
  ): Tensor {
    const [columns, rows] = source.shape;
    const type = source.type;
    const shape = { columns, rows, toFloat: this.#toFloat(type), inner: matrix.inner, firstRow, firstInner };
    const key = `${makeCode.name} ${type} ${columns} ${rows} ${matrix.inner} ${firstRow} ${firstInner}`;
    const code = this.#code(key, () => makeCode(this.set, shape));
    const needed = INTERLEAVING.byteLength + packingScratchBytesPerThread(this.set, columns) * this.#threads;
    if (this.#packingScratch.sizeBytes < needed) {
      this.#packingScratch = memory(needed);
      const table = koffi.view(this.#packingScratch.address, INTERLEAVING.byteLength);
      new Uint16Array(table).set(INTERLEAVING);
    }
    return c.customInplace(matrix.tensor, [source], code, this.#packingScratch.address);
  }

  /** What turns a row of the type into floats: code of our own, or ggml's; undefined for floats. */
  #toFloat(type: number): bigint | undefined {
    if (type === TensorType.F32) return undefined;
    const own = unpackWeightsCode(this.set, type);
    return own === undefined ? toFloatAddress(type) : this.#code(`unpack ${type}`, () => own);
  }

  #code(key: string, make: () => Uint8Array): Pointer {
    let address = this.#codes.get(key);
    if (address === undefined) {
      address = makeExecutable(make());
      if (address === undefined) throw new Error("memory could not be made executable");
      this.#codes.set(key, address);
    }
    return address;
  }
}

/** Undefined where the processor, the system or its safety rules do not allow these kernels. */
export function openCpuKernels(threads: number): CpuKernels | undefined {
  if (process.platform !== "linux" || process.arch !== "x64") return undefined;
  const ggml = openGgml();
  const set = ggml.hasAvx512Bf16() ? AVX512 : ggml.hasAvx2() ? AVX2 : undefined;
  if (set === undefined || makeExecutable(RETURN) === undefined) return undefined;
  return new CpuKernels(set, threads);
}

function memory(sizeBytes: number): { address: Pointer; sizeBytes: number } {
  const address = mapMemory(sizeBytes);
  if (address === undefined) throw new Error(`${sizeBytes} bytes of working memory could not be had`);
  return { address, sizeBytes };
}

/** Field `to_float` of `struct ggml_type_traits`. */
const TO_FLOAT_OFFSET = 40n;

function toFloatAddress(type: number): bigint {
  const traits = openGgml().typeTraits(type);
  return new BigUint64Array(koffi.view(traits + TO_FLOAT_OFFSET, 8))[0]!;
}
