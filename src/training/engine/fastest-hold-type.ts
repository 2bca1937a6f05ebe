/**
 * Which type this processor or device multiplies fastest, at the model's own largest shapes: types differ two- to threefold between processors, and
 * the same type can be first on one and last on the next.
 */
import { Backend, GraphAllocator, TensorContext } from "../../tensor/context.ts";
import type { Device } from "../../tensor/devices.ts";
import { TensorType, type TensorTypeName } from "../../tensor/ggml.ts";
import { createMatrixHolder, type HoldType, suitsPacking } from "./held-matrix.ts";
import type { ModelSpec } from "./model-spec.ts";

/** BF16 first: with equal speed it has half the memory of F32 and the range that F16 lacks. */
export const HOLD_TYPES: readonly HoldType[] = ["BF16", "F16", "F32"];
const TOKENS = 256;
const REPETITIONS = 3;
/** Another type must be clearly faster to be preferred. */
const MARGIN = 1.15;

/** Devices round what F16 is multiplied with to F16 as well, in which small gradients become zero. */
const DEVICE_HOLD_TYPES: readonly HoldType[] = ["BF16", "F32"];

export function fastestHoldType(spec: ModelSpec, threads: number, device?: Device): HoldType {
  using backend = new Backend(threads, { device });
  let best: { type: HoldType; speed: number } | undefined;
  for (const type of holdTypesOf(backend, device)) {
    const speed = productSpeed(backend, type, spec.width, spec.feedForward, TOKENS);
    if (best === undefined || speed > best.speed * MARGIN) best = { type, speed };
  }
  return best!.type;
}

/** The types that are worth measuring there. */
export function holdTypesOf(backend: Backend, device: Device | undefined): readonly HoldType[] {
  return device === undefined ? HOLD_TYPES : DEVICE_HOLD_TYPES.filter((type) => canMultiply(backend, type));
}

function canMultiply(backend: Backend, type: HoldType): boolean {
  using context = backend.context(4);
  const [a, b] = [context.tensor(TensorType[type], 32, 32), context.tensor(TensorType.F32, 32, 32)];
  return backend.supports(context.mulMat(a, b).pointer);
}

/** Best of several products `[k, m] x [k, n]`, in floating-point operations per second. */
export function productSpeed(backend: Backend, type: TensorTypeName, k: number, m: number, n: number): number {
  using memory = new TensorContext(4);
  const holder = createMatrixHolder(memory, backend, type, suitsPacking([k, m], 0));
  const matrix = holder.make(k, m);
  const input = memory.tensor(TensorType.F32, k, n);
  memory.allocatePersistent(backend);
  holder.clear();
  input.writeFloats(new Float32Array(k * n).fill(1));
  using context = backend.context(4);
  context.expand(matrix.multiply(context, input));
  using allocator = new GraphAllocator(backend);
  allocator.allocate(context.graph);
  let seconds = Number.POSITIVE_INFINITY;
  for (let i = 0; i < REPETITIONS; i++) {
    const start = performance.now();
    backend.compute(context.graph);
    seconds = Math.min(seconds, (performance.now() - start) / 1000);
  }
  return (2 * k * m * n) / seconds;
}
