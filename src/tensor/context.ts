/**
 * Tensors and graphs: a thin, typed layer over ggml's contexts. Shapes follow ggml: `ne[0]` is the fastest dimension, so a matrix
 * of `ne = [k, m]` holds m rows of k values, and `mulMat(a[k, m], b[k, n])` is `[m, n]` with `result[:, j] = A b[:, j]`.
 * Nothing about language models belongs in here.
 */
import koffi from "koffi";
import { IlabError } from "../util/errors.ts";
import type { Device } from "./devices.ts";
import { type Ggml, openGgml, type Pointer, TensorType, type TensorTypeId } from "./ggml.ts";
import { type CpuKernels, openCpuKernels } from "./kernels/cpu-kernels.ts";
import { outerProduct, repeatBack, rmsNormBack, softMaxBack, unpack } from "./portable-operations.ts";

/** Offsets inside `struct ggml_tensor`, fixed by the ABI check in library.ts. */
const OFFSET_BUFFER = 8n;
const OFFSET_NE = 16n;
const OFFSET_DATA = 248n;

/** The first page of memory is never mapped. */
const PRETENDED_ADDRESS = 64n;
/** GGML_N_TASKS_MAX */
const ALL_THREADS = -1;
/** A portable graph has more tensors: 9 for a derivative of a norm, 5 for an outer product. */
const PORTABLE_GROWTH = 3;
/** GGML_PREC_F32 */
const PRECISION_F32 = 10;

export type Shape = [number, number, number, number];

export class Tensor {
  readonly pointer: Pointer;
  #shape: Shape | undefined;
  #strides: Shape | undefined;

  constructor(pointer: Pointer) {
    if (pointer === 0n || pointer === null)
      throw new IlabError({ code: "ENGINE_FAILED", message: "ggml returned no tensor" });
    this.pointer = pointer;
  }

  #read(): void {
    const values = new BigInt64Array(koffi.view(this.pointer + OFFSET_NE, 64));
    this.#shape = [Number(values[0]), Number(values[1]), Number(values[2]), Number(values[3])];
    this.#strides = [Number(values[4]), Number(values[5]), Number(values[6]), Number(values[7])];
  }

  /** Elements per dimension, fastest first. */
  get shape(): Shape {
    if (this.#shape === undefined) this.#read();
    return this.#shape!;
  }

  /** Id of `enum ggml_type`. */
  get type(): number {
    return new Int32Array(koffi.view(this.pointer, 4))[0]!;
  }

  /** Bytes per step in each dimension. */
  get strides(): Shape {
    if (this.#strides === undefined) this.#read();
    return this.#strides!;
  }

  get elements(): number {
    const [a, b, c, d] = this.shape;
    return a * b * c * d;
  }

  /** Whether the processor can address the tensor's memory. */
  get isHost(): boolean {
    const buffer = new BigUint64Array(koffi.view(this.pointer + OFFSET_BUFFER, 8))[0]!;
    return buffer === 0n || openGgml().bufferIsHost(buffer);
  }

  /** The tensor's memory: on the processor itself, valid while its buffer lives; on a device a copy, for reading only. */
  bytes(length: number): Uint8Array {
    if (!this.isHost) {
      const copy = new Uint8Array(length);
      openGgml().tensorGet(this.pointer, copy, 0, length);
      return copy;
    }
    const data = new BigUint64Array(koffi.view(this.pointer + OFFSET_DATA, 8))[0]!;
    if (data === 0n) throw new IlabError({ code: "ENGINE_FAILED", message: "the tensor has no memory yet" });
    return new Uint8Array(koffi.view(data, length));
  }

  /** As `bytes`, for contiguous f32 tensors. */
  floats(): Float32Array {
    const bytes = this.bytes(this.elements * 4);
    return new Float32Array(bytes.buffer, bytes.byteOffset, this.elements);
  }

  /** As `bytes`, for contiguous i32 tensors. */
  integers(): Int32Array {
    const bytes = this.bytes(this.elements * 4);
    return new Int32Array(bytes.buffer, bytes.byteOffset, this.elements);
  }

  /** Writes into a contiguous f32 tensor from its element `from` on, wherever its memory is. */
  writeFloats(values: ArrayLike<number>, from = 0): void {
    if (this.isHost) this.floats().set(values, from);
    else this.#send(values instanceof Float32Array ? values : Float32Array.from(values), from * 4);
  }

  /** As `writeFloats`, for i32. */
  writeIntegers(values: ArrayLike<number>, from = 0): void {
    if (this.isHost) this.integers().set(values, from);
    else this.#send(values instanceof Int32Array ? values : Int32Array.from(values), from * 4);
  }

  /** Lets `fill` write the first `length` bytes of the tensor. */
  writeBytes(length: number, fill: (bytes: Uint8Array) => void): void {
    const bytes = this.isHost ? this.bytes(length) : new Uint8Array(length);
    fill(bytes);
    if (!this.isHost) this.#send(bytes, 0);
  }

  /** Lets `change` work on some elements of a contiguous f32 tensor. */
  updateFloats(from: number, count: number, change: (values: Float32Array) => void): void {
    const { isHost } = this;
    const values = isHost ? this.floats().subarray(from, from + count) : new Float32Array(count);
    if (!isHost) openGgml().tensorGet(this.pointer, values, from * 4, count * 4);
    change(values);
    if (!isHost) this.#send(values, from * 4);
  }

  /** Makes all of a tensor that is no view zero. */
  clear(): void {
    const ggml = openGgml();
    ggml.tensorMemset(this.pointer, 0, 0, Number(ggml.tensorBytes(this.pointer)));
  }

  #send(data: ArrayBufferView, offset: number): void {
    openGgml().tensorSet(this.pointer, data, offset, data.byteLength);
  }
}

export interface RopeParameters {
  dimensions: number;
  /** 0: neighbouring pairs (llama), 2: halves (neox). */
  mode: number;
  originalContext: number;
  frequencyBase: number;
  frequencyScale: number;
  /** YaRN (arXiv 2309.00071): how much of the high frequencies stays unscaled, 0 (no YaRN) to 1. */
  extrapolation: number;
  /** Factor of the rotated values; ggml multiplies it with YaRN's own. */
  attentionFactor: number;
}

export interface BackendOptions {
  /** false: ggml's own products alone, even where this processor has faster ones. */
  usesKernels?: boolean;
  /** Compute here instead of on the processor. */
  device?: Device;
  /** Take no memory and compute nothing: only sizes are wanted. */
  isPlanned?: boolean;
}

/** What computes graphs: the processor with some threads, or a device. */
export class Backend {
  readonly ggml: Ggml = openGgml();
  readonly pointer: Pointer;
  readonly bufferType: Pointer;
  /** Products faster than ggml's, where this processor has them. */
  readonly kernels: CpuKernels | undefined;
  readonly isPlanned: boolean;
  readonly #device: Device | undefined;

  constructor(threads: number, { usesKernels = true, device, isPlanned = false }: BackendOptions = {}) {
    this.#device = device;
    this.isPlanned = isPlanned;
    if (usesKernels && device === undefined) this.kernels = openCpuKernels(threads);
    this.pointer = device === undefined ? this.ggml.backendCpuInit() : this.ggml.deviceInit(device.pointer, null);
    if (this.pointer === 0n || this.pointer === null)
      throw new IlabError({
        code: "DEVICE_UNAVAILABLE",
        message: `the device ${device?.description ?? "cpu"} could not be started`,
        hint: "Another program may hold its memory; --device cpu trains on the processor.",
      });
    if (device === undefined || device.kind === "cpu") this.ggml.backendCpuSetThreads(this.pointer, threads);
    this.bufferType = this.ggml.backendBufferType(this.pointer);
  }

  /** Where this computes: a device, or ggml's variant for this processor. */
  get name(): string {
    return this.#device === undefined ? this.ggml.cpuVariant : `${this.#device.kind} ${this.#device.description}`;
  }

  /** A context for graphs that this computes. */
  context(capacity: number): TensorContext {
    return new TensorContext(capacity, { isPortable: this.#device !== undefined });
  }

  /** Whether a device can compute the operation that made the tensor; the processor can compute all. */
  supports(tensor: Pointer): boolean {
    return this.#device === undefined || this.ggml.deviceSupports(this.#device.pointer, tensor);
  }

  /** ggml ends the process over an operation that a device lacks. */
  requireSupport(graph: Pointer): void {
    if (this.#device === undefined) return;
    const nodes = koffi.view(this.ggml.graphNodes(graph), this.ggml.graphNodeCount(graph) * 8);
    const missing = new BigUint64Array(nodes).find((node) => !this.supports(node));
    if (missing === undefined) return;
    const shape = new Tensor(missing).shape.join(" x ");
    throw new IlabError({
      code: "DEVICE_UNSUITABLE",
      message: `${this.name} cannot compute the operation ${this.ggml.operationName(missing)} [${shape}] of this model`,
      hint: "Train with --device cpu, or with a smaller --max-batch-len if a tensor is too large for the device.",
    });
  }

  compute(graph: Pointer): void {
    if (this.isPlanned) return;
    const status = this.ggml.backendGraphCompute(this.pointer, graph);
    if (status !== 0)
      throw new IlabError({ code: "ENGINE_FAILED", message: `ggml could not compute the graph (status ${status})` });
  }

  [Symbol.dispose](): void {
    this.ggml.backendFree(this.pointer);
  }
}

/** Memory-reusing allocator for the intermediate tensors of graphs. */
export class GraphAllocator {
  readonly #backend: Backend;
  readonly #pointer: Pointer;
  #plannedBytes = 0;

  constructor(backend: Backend) {
    this.#backend = backend;
    this.#pointer = backend.ggml.allocatorNew(backend.bufferType);
  }

  allocate(graph: Pointer): void {
    this.#backend.requireSupport(graph);
    if (this.#backend.isPlanned) {
      const sizes = new BigUint64Array(1);
      this.#backend.ggml.allocatorReserveSize(this.#pointer, graph, null, null, sizes);
      this.#plannedBytes = Math.max(this.#plannedBytes, Number(sizes[0]));
      return;
    }
    if (!this.#backend.ggml.allocatorAllocGraph(this.#pointer, graph))
      throw new IlabError({
        code: "OUT_OF_MEMORY",
        message: "there is not enough memory for the computation",
        hint: "Use a smaller batch length (--max-batch-len) or a shorter sequence length (--max-seq-len).",
      });
  }

  get sizeBytes(): number {
    if (this.#backend.isPlanned) return this.#plannedBytes;
    return Number(this.#backend.ggml.allocatorBufferSize(this.#pointer, 0));
  }

  [Symbol.dispose](): void {
    this.#backend.ggml.allocatorFree(this.#pointer);
  }
}

/** A pool of tensor descriptions; operations are methods so that formulas read in order. */
export class TensorContext {
  readonly ggml: Ggml = openGgml();
  readonly #pointer: Pointer;
  #buffer: Pointer | undefined;
  #graph: Pointer | undefined;
  readonly #capacity: number;
  readonly #isPortable: boolean;

  /**
   * @param capacity upper bound of tensors and of graph nodes.
   * @param isPortable use only what every device can compute (portable-operations.ts).
   */
  constructor(capacity: number, { isPortable = false }: { isPortable?: boolean } = {}) {
    this.#capacity = capacity * (isPortable ? PORTABLE_GROWTH : 1);
    this.#isPortable = isPortable;
    const size = this.#capacity * this.ggml.tensorOverhead + Number(this.ggml.graphOverhead(this.#capacity, false));
    this.#pointer = this.ggml.init({ mem_size: size, mem_buffer: null, no_alloc: true });
    if (this.#pointer === 0n) throw new IlabError({ code: "OUT_OF_MEMORY", message: "ggml could not make a context" });
  }

  /** Gives every tensor made so far its own memory, which lives as long as the context. Returns bytes. */
  allocatePersistent(backend: Backend): number {
    if (backend.isPlanned) return this.#pretendMemory();
    const buffer = this.ggml.backendAllocateContext(this.#pointer, backend.bufferType);
    if (buffer === 0n || buffer === null)
      throw new IlabError({
        code: "OUT_OF_MEMORY",
        message: "there is not enough memory for the model",
        hint: "Choose a smaller model.",
      });
    this.#buffer = buffer;
    return Number(this.ggml.backendBufferSize(buffer));
  }

  /** Gives the tensors addresses that nobody may touch: what is laid out around them takes them for allocated. Returns bytes. */
  #pretendMemory(): number {
    const { firstTensor, nextTensor, tensorBytes } = this.ggml;
    let sizeBytes = 0;
    for (let t = firstTensor(this.#pointer); t !== 0n && t !== null; t = nextTensor(this.#pointer, t)) {
      const data = new BigUint64Array(koffi.view(t + OFFSET_DATA, 8));
      if (data[0] !== 0n) continue;
      data[0] = PRETENDED_ADDRESS;
      sizeBytes += Number(tensorBytes(t));
    }
    return sizeBytes;
  }

  [Symbol.dispose](): void {
    if (this.#buffer !== undefined) this.ggml.backendBufferFree(this.#buffer);
    this.ggml.free(this.#pointer);
  }

  /** The graph being built in this context. */
  get graph(): Pointer {
    this.#graph ??= this.ggml.newGraph(this.#pointer, this.#capacity, false);
    return this.#graph;
  }

  /** Puts the tensor, and what it needs, next in the order of execution. */
  expand(tensor: Tensor): Tensor {
    this.ggml.buildForwardExpand(this.graph, tensor.pointer);
    return tensor;
  }

  tensor(type: TensorTypeId, ...shape: number[]): Tensor {
    return new Tensor(this.ggml.newTensor(this.#pointer, type, shape.length, BigInt64Array.from(shape.map(BigInt))));
  }

  /** A tensor whose values are written before the graph runs. */
  input(type: TensorTypeId, ...shape: number[]): Tensor {
    const tensor = this.tensor(type, ...shape);
    this.ggml.setInput(tensor.pointer);
    return tensor;
  }

  /** Keeps the tensor's memory from being reused, so that its values can be read after the graph ran. */
  output(tensor: Tensor): Tensor {
    this.ggml.setOutput(tensor.pointer);
    return this.expand(tensor);
  }

  #op(pointer: Pointer): Tensor {
    return new Tensor(pointer);
  }

  /** Rows `from … from+count` of the fastest dimension, as a view. */
  rows(a: Tensor, from: number, count: number): Tensor {
    const [, n1, n2, n3] = a.shape;
    const [s0, s1, s2, s3] = a.strides;
    return this.view(a, [count, n1, n2, n3], [s1, s2, s3], from * s0);
  }

  /** Any strided view; `strides` are bytes of dimensions 1 to 3. */
  view(a: Tensor, shape: Shape, strides: [number, number, number], offsetBytes: number): Tensor {
    return this.#op(this.ggml.view4d(this.#pointer, a.pointer, ...shape, ...strides, offsetBytes));
  }

  reshape(a: Tensor, ...shape: number[]): Tensor {
    const [n0, n1 = 1, n2 = 1, n3 = 1] = shape;
    return this.#op(this.ggml.reshape4d(this.#pointer, a.pointer, n0, n1, n2, n3));
  }

  permute(a: Tensor, ...axes: [number, number, number, number]): Tensor {
    return this.#op(this.ggml.permute(this.#pointer, a.pointer, ...axes));
  }
  transpose(a: Tensor): Tensor {
    return this.#op(this.ggml.transpose(this.#pointer, a.pointer));
  }
  contiguous(a: Tensor): Tensor {
    return this.#op(this.ggml.cont(this.#pointer, a.pointer));
  }
  /** `a` itself where it is contiguous already. */
  #packed(a: Tensor): Tensor {
    const [n0, n1, n2] = a.shape;
    const [s0, s1, s2, s3] = a.strides;
    const isContiguous = a.type !== TensorType.F32 || (s0 === 4 && s1 === s0 * n0 && s2 === s1 * n1 && s3 === s2 * n2);
    return isContiguous ? a : this.contiguous(a);
  }
  cast(a: Tensor, type: TensorTypeId): Tensor {
    if (this.#isPortable && type === TensorType.F32) return unpack(this, a);
    return this.#op(this.ggml.cast(this.#pointer, a.pointer, type));
  }
  /** Copies with conversion into `destination` (which may be a view). */
  copy(a: Tensor, destination: Tensor): Tensor {
    const source = this.#isPortable && a.type !== TensorType.F32 ? unpack(this, a) : a;
    return this.#op(this.ggml.cpy(this.#pointer, source.pointer, destination.pointer));
  }
  concat(a: Tensor, b: Tensor, dimension: number): Tensor {
    return this.#op(this.ggml.concat(this.#pointer, a.pointer, b.pointer, dimension));
  }
  /** `a` with `b` written over the view given by byte strides and offset; `a`'s own memory is used. */
  setInplace(a: Tensor, b: Tensor, strides: [number, number, number], offsetBytes: number): Tensor {
    const part = this.#isPortable ? this.#ascending(b, strides) : { tensor: b, strides };
    return this.#op(this.ggml.setInplace(this.#pointer, a.pointer, part.tensor.pointer, ...part.strides, offsetBytes));
  }
  /** As `setInplace`, but adds. */
  accumulateInplace(a: Tensor, b: Tensor, strides: [number, number, number], offsetBytes: number): Tensor {
    const part = this.#isPortable ? this.#ascending(b, strides) : { tensor: b, strides };
    return this.#op(this.ggml.accInplace(this.#pointer, a.pointer, part.tensor.pointer, ...part.strides, offsetBytes));
  }
  /** What is written into another tensor, contiguous, its dimensions turned so that their strides there ascend: devices take no others. */
  #ascending(a: Tensor, [s1, s2, s3]: [number, number, number]): { tensor: Tensor; strides: [number, number, number] } {
    const isTurned = s1 > s2;
    const tensor = this.contiguous(isTurned ? this.permute(a, 0, 2, 1, 3) : a);
    return { tensor, strides: isTurned ? [s2, s1, s3] : [s1, s2, s3] };
  }
  getRows(a: Tensor, indices: Tensor): Tensor {
    return this.#op(this.ggml.getRows(this.#pointer, a.pointer, indices.pointer));
  }
  /** Adjoint of `getRows`: adds the rows of `a` into zeros of the shape of `like`. */
  getRowsBack(a: Tensor, indices: Tensor, like: Tensor): Tensor {
    return this.#op(this.ggml.getRowsBack(this.#pointer, a.pointer, indices.pointer, like.pointer));
  }
  /** Zeros of the shape of `like` with the rows of `a` at `indices`, which name no row twice. */
  placeRows(a: Tensor, indices: Tensor, like: Tensor): Tensor {
    return this.#isPortable ? this.setRows(this.fill(like, 0), a, indices) : this.getRowsBack(a, indices, like);
  }
  /** Writes rows of `b` at `indices` (i64) into `a`'s own memory. */
  setRows(a: Tensor, b: Tensor, indices: Tensor): Tensor {
    return this.#op(this.ggml.setRows(this.#pointer, a.pointer, b.pointer, indices.pointer));
  }
  /** Adjoint of broadcasting `like` to the shape of `a`: sums. */
  repeatBack(a: Tensor, like: Tensor): Tensor {
    if (this.#isPortable) return repeatBack(this, a, like);
    return this.#op(this.ggml.repeatBack(this.#pointer, a.pointer, like.pointer));
  }
  add(a: Tensor, b: Tensor): Tensor {
    return this.#op(this.ggml.add(this.#pointer, a.pointer, b.pointer));
  }
  addInplace(a: Tensor, b: Tensor): Tensor {
    return this.#op(this.ggml.addInplace(this.#pointer, a.pointer, b.pointer));
  }
  sub(a: Tensor, b: Tensor): Tensor {
    return this.#op(this.ggml.sub(this.#pointer, a.pointer, b.pointer));
  }
  mul(a: Tensor, b: Tensor): Tensor {
    return this.#op(this.ggml.mul(this.#pointer, a.pointer, b.pointer));
  }
  div(a: Tensor, b: Tensor): Tensor {
    return this.#op(this.ggml.div(this.#pointer, a.pointer, b.pointer));
  }
  scale(a: Tensor, factor: number): Tensor {
    return this.#op(this.ggml.scale(this.#pointer, a.pointer, factor));
  }
  scaleInplace(a: Tensor, factor: number): Tensor {
    return this.#op(this.ggml.scaleInplace(this.#pointer, a.pointer, factor));
  }
  /** `factor * a + bias` */
  scaleBias(a: Tensor, factor: number, bias: number): Tensor {
    return this.#op(this.ggml.scaleBias(this.#pointer, a.pointer, factor, bias));
  }
  /** The number in the shape of `like`. */
  fill(like: Tensor, value: number): Tensor {
    return this.#op(this.ggml.fill(this.#pointer, like.pointer, value));
  }
  /** 0, 1, … count - 1, in f32. */
  range(count: number): Tensor {
    return this.#op(this.ggml.arange(this.#pointer, 0, count, 1));
  }
  clamp(a: Tensor, low: number, high: number): Tensor {
    return this.#op(this.ggml.clamp(this.#pointer, a.pointer, low, high));
  }
  /** Sums over the fastest dimension. */
  sumRows(a: Tensor): Tensor {
    return this.#op(this.ggml.sumRows(this.#pointer, a.pointer));
  }
  mulMat(a: Tensor, b: Tensor): Tensor {
    if (!this.#isPortable) return this.#op(this.ggml.mulMat(this.#pointer, a.pointer, b.pointer));
    // By default devices round to half precision, and Vulkan always does so with strided operands: small gradients would become zero.
    const [left, right] = [this.#packed(a), this.#packed(b)];
    const product = this.#op(this.ggml.mulMat(this.#pointer, left.pointer, right.pointer));
    this.ggml.requireAccumulation(product.pointer, PRECISION_F32);
    this.ggml.requireOperand(product.pointer, PRECISION_F32, 1);
    return product;
  }
  /** `a[m, t]`, `b[n, t]` -> `[m, n]`, summed over t. */
  outProd(a: Tensor, b: Tensor): Tensor {
    if (this.#isPortable) return outerProduct(this, a, b);
    return this.#op(this.ggml.outProd(this.#pointer, a.pointer, b.pointer));
  }
  rmsNorm(a: Tensor, epsilon: number): Tensor {
    return this.#op(this.ggml.rmsNorm(this.#pointer, a.pointer, epsilon));
  }
  rmsNormBack(gradient: Tensor, input: Tensor, epsilon: number): Tensor {
    if (this.#isPortable) return rmsNormBack(this, gradient, input, epsilon);
    return this.#op(this.ggml.rmsNormBack(this.#pointer, gradient.pointer, input.pointer, epsilon));
  }
  square(a: Tensor): Tensor {
    return this.#op(this.ggml.sqr(this.#pointer, a.pointer));
  }
  squareRoot(a: Tensor): Tensor {
    return this.#op(this.ggml.sqrt(this.#pointer, a.pointer));
  }
  tanh(a: Tensor): Tensor {
    return this.#op(this.ggml.tanh(this.#pointer, a.pointer));
  }
  /** `gelu(first half) * second half` of the fastest dimension; on the CPU from a table in half precision. */
  geglu(a: Tensor): Tensor {
    return this.#op(this.ggml.geglu(this.#pointer, a.pointer));
  }
  silu(a: Tensor): Tensor {
    return this.#op(this.ggml.silu(this.#pointer, a.pointer));
  }
  siluBack(gradient: Tensor, input: Tensor): Tensor {
    return this.#op(this.ggml.siluBack(this.#pointer, gradient.pointer, input.pointer));
  }
  /** `silu(first half) * second half` of the fastest dimension. */
  swiglu(a: Tensor): Tensor {
    return this.#op(this.ggml.swiglu(this.#pointer, a.pointer));
  }
  /** softmax of `scale * a + mask`; the mask `[n0, n1]` (0 or minus infinity) holds for all of dimensions 2 and 3. */
  softMax(a: Tensor, scale: number, mask?: Tensor): Tensor {
    return this.#op(this.ggml.softMaxExt(this.#pointer, a.pointer, mask?.pointer ?? 0n, scale, 0));
  }
  softMaxBack(gradient: Tensor, probabilities: Tensor, scale: number): Tensor {
    if (this.#isPortable) return softMaxBack(this, gradient, probabilities, scale);
    return this.#op(this.ggml.softMaxExtBack(this.#pointer, gradient.pointer, probabilities.pointer, scale, 0));
  }
  /** Whether there is `causalMaskInplace`, which saves the memory of a mask. */
  get hasCausalMask(): boolean {
    return !this.#isPortable;
  }
  /** Sets key positions after `past` + query position to minus infinity, in `a`'s own memory. */
  causalMaskInplace(a: Tensor, past: number): Tensor {
    return this.#op(this.ggml.diagMaskInfInplace(this.#pointer, a.pointer, past));
  }
  rope(a: Tensor, positions: Tensor, factors: Tensor | undefined, rope: RopeParameters): Tensor {
    return this.#op(
      this.ggml.ropeExt(this.#pointer, a.pointer, positions.pointer, factors?.pointer ?? 0n, ...ropeArguments(rope)),
    );
  }
  ropeBack(gradient: Tensor, positions: Tensor, factors: Tensor | undefined, rope: RopeParameters): Tensor {
    return this.#op(
      this.ggml.ropeExtBack(
        this.#pointer,
        gradient.pointer,
        positions.pointer,
        factors?.pointer ?? 0n,
        ...ropeArguments(rope),
      ),
    );
  }
  /** One AdamW step in place; `hyperparameters` is f32 [7]: rate, beta1, beta2, epsilon, decay, 1/(1-beta1^t), 1/(1-beta2^t). */
  adamwStep(parameter: Tensor, gradient: Tensor, first: Tensor, second: Tensor, hyperparameters: Tensor): Tensor {
    return this.#op(
      this.ggml.optStepAdamw(
        this.#pointer,
        parameter.pointer,
        gradient.pointer,
        first.pointer,
        second.pointer,
        hyperparameters.pointer,
      ),
    );
  }
  /** An operation whose code is at `code` (kernels/kernel-frame.ts), on all threads. */
  custom(type: TensorTypeId, shape: Shape, operands: Tensor[], code: Pointer, data: Pointer): Tensor {
    const pointers = BigUint64Array.from(operands, ({ pointer }) => pointer);
    return this.#op(
      this.ggml.custom4d(this.#pointer, type, ...shape, pointers, pointers.length, code, ALL_THREADS, data),
    );
  }
  /** As `custom`, in `a`'s own memory; `a` is operand 0. */
  customInplace(a: Tensor, operands: Tensor[], code: Pointer, data: Pointer): Tensor {
    const pointers = BigUint64Array.from(operands, ({ pointer }) => pointer);
    return this.#op(
      this.ggml.customInplace(this.#pointer, a.pointer, pointers, pointers.length, code, ALL_THREADS, data),
    );
  }
  markParameter(a: Tensor): void {
    this.ggml.setParameter(a.pointer);
  }
}

/** YaRN's bounds in rotations over the original context; llama.cpp reads no others from the files of these architectures. */
export const YARN_BETA_FAST = 32;
export const YARN_BETA_SLOW = 1;

function ropeArguments(rope: RopeParameters): number[] {
  return [
    rope.dimensions,
    rope.mode,
    rope.originalContext,
    rope.frequencyBase,
    rope.frequencyScale,
    rope.extrapolation,
    rope.attentionFactor,
    YARN_BETA_FAST,
    YARN_BETA_SLOW,
  ];
}

export { TensorType };
