/**
 * A frozen matrix W `[inner, rows]` in memory, in the form that its product wants: a plain ggml matrix, or packed panels where this
 * processor has kernels for them. It is filled part by part: from the model file, and after every step from the adapter.
 */
import type { Backend, Tensor, TensorContext } from "../../tensor/context.ts";
import { TensorType, type TensorTypeName } from "../../tensor/ggml.ts";
import { type CpuKernels, PACKING_MULTIPLE, type PackedMatrix } from "../../tensor/kernels/cpu-kernels.ts";

export type HoldType = "F32" | "F16" | "BF16";

/** A piece of the matrix and where it comes from. */
export interface MatrixPart {
  /** `[columns, rows]` of any weight type; made in the context that is given. */
  source: (c: TensorContext) => Tensor;
  /** false: the source's rows become rows of the matrix; true: its columns do. */
  isTransposed: boolean;
  /** Row and inner position at which it begins. */
  firstRow: number;
  firstInner: number;
}

export interface HeldMatrix {
  /** `W · [x ; extra]` in 32 bits: `[inner, columns]` -> `[rows, columns]`. */
  multiply(c: TensorContext, x: Tensor, extra?: Tensor): Tensor;
  /** Adds to the graph what copies the part into the matrix. */
  write(c: TensorContext, part: MatrixPart): void;
}

/** A matrix in the graph's own memory. */
interface TransientMatrix extends HeldMatrix {
  /** Tells the graph that all parts are written; products come after. */
  finish(): void;
}

/** Makes matrices of one type in a context; `clear` zeroes them after allocation: spare places take part in every product. */
export interface MatrixHolder {
  make(inner: number, rows: number): HeldMatrix;
  /**
   * A matrix that is written anew from its parts whenever it is used, for models that fit into memory only in the file's own type. What is
   * remembered per graph is written once for all products of a graph.
   */
  makeStreamed(inner: number, rows: number, options?: { isRememberedPerGraph?: boolean }): HeldMatrix;
  clear(): void;
}

/** @param isPackable inner sizes, parts and ranks suit the kernels. */
export function createMatrixHolder(
  context: TensorContext,
  backend: Backend,
  holdType: TensorTypeName,
  isPackable: boolean,
): MatrixHolder {
  const tensors: Tensor[] = [];
  const keep = (tensor: Tensor): Tensor => {
    tensors.push(tensor);
    return tensor;
  };
  const kernels = holdType === "BF16" && isPackable ? backend.kernels : undefined;
  const shared = new Map<string, HeldMatrix>();
  const make = (inner: number, rows: number): HeldMatrix => {
    if (kernels === undefined) return plainMatrix(keep(context.tensor(TensorType[holdType], inner, rows)));
    const matrix = kernels.matrix(context, inner, rows);
    keep(matrix.tensor);
    return packedMatrix(kernels, matrix);
  };
  return {
    make,
    makeStreamed(inner, rows, { isRememberedPerGraph = false } = {}) {
      if (kernels !== undefined)
        return streamedMatrix(
          (c, x) => transientMatrix(c, kernels, kernels.zeroMatrix(c, x, inner, rows)),
          isRememberedPerGraph,
        );
      // Without kernels all matrices of a size share memory of their own; nodes of a graph run in the order in which they are expanded.
      const key = `${inner} ${rows}`;
      const target = shared.get(key) ?? make(inner, rows);
      shared.set(key, target);
      return streamedMatrix(() => ({ ...target, finish: () => {} }), false);
    },
    clear() {
      for (const tensor of tensors) tensor.clear();
    },
  };
}

/** Whether the sizes of all parts suit the packed kernels: multiples of 32, and of rows that are transposed an even number. */
export function suitsPacking(sizes: readonly number[], transposedRows: number): boolean {
  return transposedRows % 2 === 0 && sizes.every((size) => size % PACKING_MULTIPLE === 0);
}

function packedMatrix(kernels: CpuKernels, matrix: PackedMatrix): HeldMatrix {
  return {
    multiply: (c, x, extra) => kernels.product(c, matrix, x, extra),
    write(c, { source, isTransposed, firstRow, firstInner }) {
      const pack = isTransposed ? kernels.packColumns : kernels.packRows;
      c.expand(pack.call(kernels, c, source(c), matrix, firstRow, firstInner));
    },
  };
}

function transientMatrix(c: TensorContext, kernels: CpuKernels, matrix: PackedMatrix): TransientMatrix {
  const writes: Tensor[] = [];
  let current = matrix;
  return {
    multiply: (_, x, extra) => kernels.product(c, current, x, extra),
    write(_, { source, isTransposed, firstRow, firstInner }) {
      const pack = isTransposed ? kernels.packColumns : kernels.packRows;
      writes.push(c.expand(pack.call(kernels, c, source(c), matrix, firstRow, firstInner)));
    },
    finish() {
      current = { ...matrix, tensor: kernels.written(c, matrix.tensor, writes) };
    },
  };
}

function plainMatrix(matrix: Tensor): HeldMatrix {
  return {
    multiply: (c, x, extra) => c.mulMat(matrix, extra === undefined ? x : c.concat(x, extra, 0)),
    write(c, { source, isTransposed, firstRow, firstInner }) {
      const stored = source(c);
      // ggml copies only 32-bit values into any other type.
      const floats = stored.type === TensorType.F32 ? stored : c.cast(stored, TensorType.F32);
      const values = isTransposed ? c.transpose(floats) : floats;
      const [inner, rows] = values.shape;
      const [element, row] = matrix.strides;
      const place = firstRow * row + firstInner * element;
      c.expand(c.copy(values, c.view(matrix, [inner, rows, 1, 1], [row, row * rows, row * rows], place)));
    },
  };
}

/** @param target the memory it is written to; x is what it will be multiplied with first. */
function streamedMatrix(
  target: (c: TensorContext, x: Tensor) => TransientMatrix,
  isRememberedPerGraph: boolean,
): HeldMatrix {
  const parts: MatrixPart[] = [];
  const written = new WeakMap<TensorContext, HeldMatrix>();
  const writtenMatrix = (c: TensorContext, x: Tensor): HeldMatrix => {
    const matrix = target(c, x);
    for (const part of parts) matrix.write(c, part);
    matrix.finish();
    if (isRememberedPerGraph) written.set(c, matrix);
    return matrix;
  };
  return {
    multiply(c, x, extra) {
      // The operands first, so that what makes them cannot come between writing and multiplying.
      c.expand(x);
      if (extra !== undefined) c.expand(extra);
      return c.expand((written.get(c) ?? writtenMatrix(c, x)).multiply(c, x, extra));
    },
    write(_, part) {
      parts.push(part);
    },
  };
}
