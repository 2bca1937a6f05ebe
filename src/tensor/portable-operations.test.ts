/** Operations on every device of this machine against the same on the processor: where none is, on the processor behind a device's interface. */
import { describe, expect, test } from "vitest";
import { createRandomSource } from "../util/rng.ts";
import { Backend, GraphAllocator, type Shape, type Tensor, TensorContext } from "./context.ts";
import { type Device, findDevices, listDevices } from "./devices.ts";
import { TensorType } from "./ggml.ts";

interface Case {
  shapes: number[][];
  build: (c: TensorContext, tensors: Tensor[]) => Tensor;
}

const FLOAT = 4;
const EPSILON = 1e-5;
const indices = (c: TensorContext, count: number, factor: number) =>
  c.cast(c.scale(c.range(count), factor), TensorType.I32);
/** `[features, tokens]` as heads: `[headSize, tokens, heads]`. */
const byHead = (c: TensorContext, a: Tensor, headSize: number, heads: number, first = 0): Tensor => {
  const row = a.strides[1];
  const shape: Shape = [headSize, a.shape[1], heads, 1];
  return c.view(a, shape, [row, headSize * FLOAT, headSize * heads * FLOAT], first * headSize * FLOAT);
};

const rope = {
  dimensions: 16,
  mode: 2,
  originalContext: 64,
  frequencyBase: 10_000,
  frequencyScale: 1,
  extrapolation: 0,
  attentionFactor: 1,
};

const CASES: Record<string, Case> = {
  product: {
    shapes: [
      [64, 96],
      [64, 21],
    ],
    build: (c, [a, b]) => c.mulMat(a!, b!),
  },
  "product of few columns": {
    shapes: [
      [64, 96],
      [64, 3],
    ],
    build: (c, [a, b]) => c.mulMat(a!, b!),
  },
  "product per head, shared": {
    shapes: [
      [128, 9],
      [64, 9],
    ],
    build: (c, [a, b]) => c.mulMat(byHead(c, b!, 16, 2, 1), byHead(c, a!, 16, 4, 2)),
  },
  "product with joined keys": {
    shapes: [
      [64, 5],
      [64, 9],
    ],
    build: (c, [a, b]) => c.mulMat(c.concat(byHead(c, a!, 16, 2), byHead(c, b!, 16, 2), 1), byHead(c, b!, 16, 4)),
  },
  "outer product of parts": {
    shapes: [
      [64, 9],
      [32, 9],
    ],
    build: (c, [a, b]) => c.outProd(c.rows(a!, 16, 32), c.rows(b!, 4, 8)),
  },
  "outer product per head": {
    shapes: [
      [64, 9],
      [7, 9, 4],
    ],
    build: (c, [a, b]) => c.outProd(byHead(c, a!, 16, 4), b!),
  },
  "outer product in a vector": {
    shapes: [[400], [16, 9], [20, 9]],
    build: (c, [sum, a, b]) =>
      c.addInplace(c.view(sum!, [16, 20, 1, 1], [64, 1280, 1280], 80 * FLOAT), c.outProd(a!, b!)),
  },
  norm: { shapes: [[64, 9]], build: (c, [a]) => c.rmsNorm(a!, EPSILON) },
  "norm of heads": {
    shapes: [[96, 9]],
    build: (c, [a]) => c.rmsNorm(c.view(a!, [16, 4, 9, 1], [64, 384, 3456], 0), EPSILON),
  },
  "norm, backward": {
    shapes: [
      [64, 9],
      [64, 9],
    ],
    build: (c, [g, a]) => c.rmsNormBack(g!, a!, EPSILON),
  },
  softmax: { shapes: [[9, 7, 4]], build: (c, [a]) => c.softMax(a!, 0.25) },
  "softmax, backward": {
    shapes: [
      [9, 7, 4],
      [9, 7, 4],
    ],
    build: (c, [g, p]) => c.softMaxBack(g!, p!, 0.25),
  },
  "sum over shared heads": {
    shapes: [
      [16, 9, 2, 3],
      [16, 9, 1, 3],
    ],
    build: (c, [a, like]) => c.repeatBack(a!, like!),
  },
  "sum over columns": {
    shapes: [
      [16, 9],
      [16, 1],
    ],
    build: (c, [a, like]) => c.repeatBack(a!, like!),
  },
  rotation: {
    shapes: [[96, 9]],
    build: (c, [a]) => c.rope(c.view(a!, [16, 4, 9, 1], [64, 384, 3456], 0), indices(c, 9, 3), undefined, rope),
  },
  "rotation, backward": {
    shapes: [[16, 4, 9]],
    build: (c, [a]) => c.ropeBack(a!, indices(c, 9, 3), undefined, rope),
  },
  rows: { shapes: [[16, 9]], build: (c, [a]) => c.getRows(a!, indices(c, 4, 2)) },
  "single values": { shapes: [[1, 500]], build: (c, [a]) => c.getRows(a!, indices(c, 7, 61)) },
  "placed rows": {
    shapes: [
      [16, 4],
      [16, 9],
    ],
    build: (c, [a, like]) => c.placeRows(a!, indices(c, 4, 2), like!),
  },
  "written values": {
    shapes: [
      [1, 500],
      [1, 7],
    ],
    build: (c, [a, b]) => c.setRows(a!, b!, indices(c, 7, 61)),
  },
  "written part": {
    shapes: [
      [16, 6, 9],
      [16, 12, 4],
    ],
    build: (c, [a, b]) =>
      c.setInplace(a!, c.view(b!, [16, 3, 4, 1], [64, 768, 3072], 128), [384, 64, 3456], 2 * 384 + 64),
  },
  "added part": {
    shapes: [
      [16, 6, 9],
      [16, 12, 4],
    ],
    build: (c, [a, b]) =>
      c.accumulateInplace(a!, c.view(b!, [16, 3, 4, 1], [64, 768, 3072], 128), [384, 64, 3456], 2 * 384 + 64),
  },
  "joined features": {
    shapes: [
      [64, 9],
      [32, 9],
    ],
    build: (c, [a, b]) => c.concat(c.rows(a!, 3, 40), b!, 0),
  },
  "joined columns": {
    shapes: [
      [64, 9],
      [64, 5],
    ],
    build: (c, [a, b]) => c.concat(a!, b!, 1),
  },
  gate: { shapes: [[64, 9]], build: (c, [a]) => c.swiglu(a!) },
  silu: { shapes: [[64, 9]], build: (c, [a]) => c.silu(a!) },
  "tanh of squares": { shapes: [[64, 9]], build: (c, [a]) => c.tanh(c.square(a!)) },
  "products with parts": {
    shapes: [
      [32, 9],
      [64, 9],
    ],
    build: (c, [a, b]) => c.mul(a!, c.rows(b!, 8, 32)),
  },
  "products with a row": {
    shapes: [
      [32, 9],
      [1, 9],
    ],
    build: (c, [a, b]) => c.mul(a!, b!),
  },
  "row sums": { shapes: [[32, 9]], build: (c, [a]) => c.clamp(c.scaleBias(c.sumRows(a!), -1, 1), -1, 1) },
  "turned heads": {
    shapes: [[64, 9]],
    build: (c, [a]) => c.contiguous(c.permute(byHead(c, a!, 16, 4), 1, 0, 2, 3)),
  },
  "a transposed copy": {
    shapes: [
      [32, 48],
      [64, 40],
    ],
    build: (c, [a, b]) => c.copy(c.transpose(a!), c.view(b!, [48, 32, 1, 1], [256, 8192, 8192], 256 + 4 * FLOAT)),
  },
  "a transposed copy in BF16": {
    shapes: [[32, 48]],
    build: (c, [a]) => c.cast(c.cast(c.contiguous(c.transpose(a!)), TensorType.BF16), TensorType.F32),
  },
};

function compute({ shapes, build }: Case, device: Device | undefined): Float32Array {
  using backend = new Backend(1, { usesKernels: false, device });
  using memory = new TensorContext(shapes.length + 1);
  const inputs = shapes.map((shape) => memory.tensor(TensorType.F32, ...shape));
  memory.allocatePersistent(backend);
  const random = createRandomSource(3);
  for (const input of inputs) input.writeFloats(Float32Array.from({ length: input.elements }, () => random.normal()));
  using context = backend.context(32);
  const result = context.output(build(context, inputs));
  using allocator = new GraphAllocator(backend);
  allocator.allocate(context.graph);
  backend.compute(context.graph);
  return result.floats().slice();
}

const found = findDevices().devices;
const devices = found.length > 0 ? found : listDevices("cpu");

describe.each(devices)("$kind $description", (device) => {
  test.each(Object.entries(CASES))("%s", (_, entry) => {
    const [expected, values] = [compute(entry, undefined), compute(entry, device)];
    expect(values.length).toBe(expected.length);
    const size = Math.hypot(...expected);
    const difference = Math.hypot(...values.map((value, i) => value - expected[i]!));
    expect(difference).toBeLessThan(1e-5 * size);
  });
});
