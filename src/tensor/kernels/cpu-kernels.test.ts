/** The machine code against plain loops, at shapes with every kind of rest. For whichever vector set this processor has; skipped where it has none. */
import { expect, test } from "vitest";
import { dequantize } from "../../formats/gguf/dequantize.ts";
import { createRandomSource } from "../../util/rng.ts";
import { Backend, GraphAllocator, type Tensor, TensorContext } from "../context.ts";
import { openGgml, TensorType, type TensorTypeName } from "../ggml.ts";
import { openCpuKernels } from "./cpu-kernels.ts";

const random = createRandomSource(5);
const normal = (length: number) => Float32Array.from({ length }, () => random.normal());
const available = openCpuKernels(2);
const kernels = available!;
const cases = available === undefined ? test.skip : test;

function toBf16(value: number): number {
  const bits = new Uint32Array(Float32Array.of(value).buffer);
  bits[0] = (bits[0]! + 0x7fff + ((bits[0]! >> 16) & 1)) & 0xffff_0000;
  return new Float32Array(bits.buffer)[0]!;
}

/** What a product sees of its input: AVX2 multiplies in 32 bits. */
const asMultiplied = available?.set.name === "avx2" ? (value: number) => value : toBf16;

/** Makes persistent tensors, runs a graph over them with one thread and with two, and hands the results to `check`. */
function compute(
  sizes: { type?: TensorTypeName; shape: number[]; data?: Uint8Array | Float32Array }[],
  build: (c: TensorContext, tensors: Tensor[]) => Tensor,
  check: (result: Float32Array) => void,
): void {
  for (const threads of [1, 2]) {
    using backend = new Backend(threads);
    using memory = new TensorContext(sizes.length + 1);
    const tensors = sizes.map(({ type = "F32", shape }) => memory.tensor(TensorType[type], ...shape));
    memory.allocatePersistent(backend);
    for (const [i, { data }] of sizes.entries()) {
      const bytes = tensors[i]!.bytes(tensors[i]!.strides[3]);
      bytes.fill(0);
      if (data !== undefined) bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    }
    using context = new TensorContext(32);
    const result = context.output(build(context, tensors));
    using allocator = new GraphAllocator(backend);
    allocator.allocate(context.graph);
    backend.compute(context.graph);
    check(result.floats().slice());
  }
}

const PRODUCTS = [
  { x: 32, extra: 0, rows: 5, columns: 1 },
  { x: 64, extra: 32, rows: 64, columns: 6 },
  { x: 96, extra: 0, rows: 100, columns: 17 },
  { x: 32, extra: 64, rows: 130, columns: 49 },
  { x: 160, extra: 32, rows: 241, columns: 103 },
  { x: 41, extra: 0, rows: 16, columns: 7 },
  { x: 70, extra: 32, rows: 20, columns: 9 },
  // More inner positions than are taken at once, and more columns; with 64 of z the last block begins inside x or at its end.
  { x: 800, extra: 32, rows: 37, columns: 211 },
  { x: 757, extra: 0, rows: 27, columns: 11 },
  { x: 384, extra: 64, rows: 48, columns: 14 },
  { x: 320, extra: 448, rows: 8, columns: 3 },
];
for (const { x, extra, rows, columns } of PRODUCTS)
  cases(`product of ${rows} rows with ${x} + ${extra} inner positions and ${columns} columns`, () => {
    const padded = Math.ceil(x / 32) * 32;
    const inner = padded + extra;
    // Where x is shorter than its padded length, whatever stands in W must not count.
    const w = normal(inner * rows).map(toBf16);
    const input = normal(x * columns).map(asMultiplied);
    const more = normal(Math.max(1, extra) * columns).map(asMultiplied);
    const packed = Math.ceil(rows / 64) * 64 * inner;
    // Rounding adds up over the sum.
    const tolerance = Math.max(1e-4, 3e-7 * inner);
    compute(
      [
        { type: "BF16", shape: [packed] },
        { shape: [inner, rows], data: w },
        { shape: [x, columns], data: input },
        { shape: [Math.max(1, extra), columns], data: more },
      ],
      (c, [tensor, source, a, b]) => {
        const matrix = { tensor: tensor!, inner, rows };
        c.expand(kernels.packRows(c, source!, matrix, 0, 0));
        return kernels.product(c, matrix, a!, extra === 0 ? undefined : b!);
      },
      (y) => {
        for (let n = 0; n < columns; n++)
          for (let m = 0; m < rows; m++) {
            let sum = 0;
            for (let k = 0; k < x; k++) sum += w[m * inner + k]! * input[n * x + k]!;
            for (let k = 0; k < extra; k++) sum += w[m * inner + padded + k]! * more[n * extra + k]!;
            expect(Math.abs(y[n * rows + m]! - sum)).toBeLessThan(tolerance);
          }
      },
    );
  });

for (const type of ["F32", "F16", "BF16", "Q8_0", "Q4_0", "Q4_1", "Q5_1", "Q6_K"] as const)
  cases(`${type} matrices are packed as they are and transposed, at any place`, () => {
    const columns = type === "Q6_K" ? 256 : 96;
    const rows = 34;
    const values = normal(columns * rows);
    // In the middle between two BF16 numbers: the even one counts.
    values.set([1 + 1 / 256, 1 + 3 / 256, -1 - 3 / 256, -1 - 1 / 256], 30);
    const quantised = quantise(type, values, columns);
    // Multiplied by unit vectors, a packed matrix shows what is in it.
    const plain: Float32Array[] = [];
    for (const orientation of ["rows", "columns"] as const) {
      const [inner, total, firstInner, firstRow] =
        orientation === "rows" ? [columns + 64, rows + 40, 32, 39] : [rows + 62, columns + 80, 30, 80];
      const unit = new Float32Array(inner * inner);
      for (let i = 0; i < inner; i++) unit[i * inner + i] = 1;
      const paddedInner = Math.ceil(inner / 32) * 32;
      const input = new Float32Array(paddedInner * inner);
      for (let i = 0; i < inner; i++) input[i * paddedInner + i] = 1;
      compute(
        [
          { type: "BF16", shape: [Math.ceil(total / 64) * 64 * paddedInner] },
          { type, shape: [columns, rows], data: quantised },
          { shape: [paddedInner, inner], data: input },
          { shape: [columns, rows] },
        ],
        (c, [tensor, source, x]) => {
          const matrix = { tensor: tensor!, inner: paddedInner, rows: total };
          c.expand(
            orientation === "rows"
              ? kernels.packRows(c, source!, matrix, firstRow, firstInner)
              : kernels.packColumns(c, source!, matrix, firstRow, firstInner),
          );
          return kernels.product(c, matrix, x!);
        },
        (y) => {
          const found = new Float32Array(columns * rows);
          for (let r = 0; r < rows; r++)
            for (let k = 0; k < columns; k++) {
              const [row, at] =
                orientation === "rows" ? [firstRow + r, firstInner + k] : [firstRow + k, firstInner + r];
              found[r * columns + k] = y[at * total + row]!;
            }
          expect(y.reduce((sum, v) => sum + Math.abs(v), 0)).toBeCloseTo(
            found.reduce((sum, v) => sum + Math.abs(v), 0),
            1,
          );
          plain.push(found);
        },
      );
    }
    for (const found of plain) expect(found).toEqual(plain[0]);
    const largest = Math.max(...values.map(Math.abs));
    for (const [i, v] of plain[0]!.entries()) expect(Math.abs(v - values[i]!)).toBeLessThan(largest / 8);
    // As the format's own definition unpacks them, up to the rounding to BF16.
    const unpacked = dequantize(TensorType[type], quantised, values.length);
    for (const [i, v] of plain[0]!.entries()) expect(Math.abs(v - unpacked[i]!)).toBeLessThanOrEqual(largest / 256);
    if (type === "F32" || type === "BF16") expect(plain[0]).toEqual(values.map(toBf16));
  });

for (const [m, n, tokens] of [
  [64, 6, 1],
  [96, 16, 7],
  [37, 5, 33],
  [200, 13, 20],
] as const)
  cases(`sums of outer products, ${m} × ${n} over ${tokens} columns`, () => {
    const [sum, x, y] = [normal(m * n), normal(m * tokens), normal(n * tokens)];
    compute(
      [
        { shape: [m, n], data: sum },
        { shape: [m, tokens], data: x },
        { shape: [n, tokens], data: y },
      ],
      (c, [s, a, b]) => kernels.addOuterProduct(c, s!, a!, b!),
      (result) => {
        for (let j = 0; j < n; j++)
          for (let i = 0; i < m; i++) {
            let expected = sum[j * m + i]!;
            for (let t = 0; t < tokens; t++) expected += x[t * m + i]! * y[t * n + j]!;
            expect(Math.abs(result[j * m + i]! - expected)).toBeLessThan(1e-4);
          }
      },
    );
  });

const STRIDED = [
  { causality: "rows", heads: 4, sharing: 2, past: 0, queries: 13, size: 32 },
  { causality: "rows", heads: 2, sharing: 1, past: 70, queries: 9, size: 80 },
  { causality: "inner", heads: 4, sharing: 2, past: 5, queries: 20, size: 64 },
  { causality: "inner", heads: 3, sharing: 3, past: 0, queries: 7, size: 80 },
  { causality: "columns", heads: 4, sharing: 2, past: 3, queries: 15, size: 40 },
  { causality: "columns", heads: 2, sharing: 1, past: 0, queries: 6, size: 128 },
  { causality: "none", heads: 4, sharing: 2, past: 4, queries: 11, size: 64 },
] as const;
for (const { causality, heads, sharing, past, queries, size } of STRIDED)
  for (const accumulates of [false, true])
    cases(
      `${accumulates ? "added " : ""}products per head where ${causality} are causal: ${heads} heads, ${past} + ${queries}`,
      () => {
        const keys = past + queries;
        const fewer = heads / sharing;
        // Shapes of C, A and B as attention has them; B of \`columns\` is a transposed view.
        const [m, n, k] = {
          none: [keys, queries, size],
          rows: [keys, queries, size],
          inner: [size, queries, keys],
          columns: [size, keys, queries],
        }[causality] as [number, number, number];
        const [cHeads, aHeads] = causality === "columns" ? [fewer, heads] : [heads, fewer];
        const [start, x, y] = [normal(m * n * cHeads), normal(m * k * aHeads), normal(k * n * heads)];
        // What is masked is never read: there the operands hold what would spoil the sum.
        const isSeen = (key: number, query: number) => key <= past + query;
        for (let h = 0; h < heads; h++)
          for (let j = 0; j < n; j++)
            for (let i = 0; i < k; i++) {
              const [key, query] = causality === "inner" ? [i, j] : [j, i];
              if (causality !== "rows" && causality !== "none" && !isSeen(key, query)) y[(h * n + j) * k + i] = 0;
            }
        const at = (h: number, i: number, j: number) => y[(h * n + j) * k + i]!;
        const stored = causality === "columns" ? new Float32Array(y.length) : y;
        if (causality === "columns")
          for (let h = 0; h < heads; h++)
            for (let j = 0; j < n; j++) for (let i = 0; i < k; i++) stored[(h * k + i) * n + j] = at(h, i, j);
        compute(
          [
            { shape: [m, n, cHeads], data: start },
            { shape: [m, k, aHeads], data: x },
            { shape: causality === "columns" ? [n, k, heads] : [k, n, heads], data: stored },
          ],
          (c, [result, a, b]) => {
            const right = causality === "columns" ? c.permute(b!, 1, 0, 2, 3) : b!;
            return kernels.addStridedProduct(c, result!, a!, right, { causality, accumulates });
          },
          (found) => {
            for (let h = 0; h < cHeads; h++)
              for (let j = 0; j < n; j++)
                for (let i = 0; i < m; i++) {
                  if (causality === "rows" && !isSeen(i, j)) continue;
                  const own = (h * n + j) * m + i;
                  let sum = accumulates ? start[own]! : 0;
                  for (let g = 0; g < heads / cHeads; g++) {
                    const head = (h * heads) / cHeads + g;
                    const aHead = Math.floor((head * aHeads) / heads);
                    for (let l = 0; l < k; l++) sum += x[(aHead * k + l) * m + i]! * at(head, l, j);
                  }
                  expect(Math.abs(found[own]! - sum)).toBeLessThan(1e-4);
                }
          },
        );
      },
    );

cases("a matrix full of zeros is made of whatever was there", () => {
  for (const threads of [1, 2]) {
    using backend = new Backend(threads);
    using context = new TensorContext(8);
    const { tensor } = kernels.zeroMatrix(context, context.input(TensorType.F32, 1), 64, 21);
    context.output(tensor);
    using allocator = new GraphAllocator(backend);
    allocator.allocate(context.graph);
    const bytes = tensor.bytes(tensor.strides[3]);
    bytes.fill(0xff);
    backend.compute(context.graph);
    expect(bytes.length).toBeGreaterThanOrEqual(64 * 21 * 2);
    expect(bytes.every((byte) => byte === 0)).toBe(true);
  }
});

function quantise(type: TensorTypeName, values: Float32Array, rowLength: number): Uint8Array {
  const bytes = new Uint8Array(values.length * 4);
  if (type === "F32") return new Uint8Array(values.buffer);
  const rows = values.length / rowLength;
  const size = Number(openGgml().quantizeChunk(TensorType[type], values, bytes, 0, rows, rowLength, null));
  return bytes.subarray(0, size);
}
