/** ggml's C functions as TypeScript functions (ggml.h, ggml-alloc.h, ggml-backend.h of the pinned version). Pointers are bigints. */
import koffi from "koffi";
import { openGgmlLibraries } from "./library.ts";

export type Pointer = bigint;

/** Type ids of `enum ggml_type`, those that model weights use. */
export const TensorType = {
  F32: 0,
  F16: 1,
  Q4_0: 2,
  Q4_1: 3,
  Q5_0: 6,
  Q5_1: 7,
  Q8_0: 8,
  Q4_K: 12,
  Q5_K: 13,
  Q6_K: 14,
  I32: 26,
  I64: 27,
  BF16: 30,
} as const;
export type TensorTypeName = keyof typeof TensorType;
export type TensorTypeId = (typeof TensorType)[TensorTypeName];

export type Ggml = ReturnType<typeof bind>;
let bound: Ggml | undefined;

export function openGgml(): Ggml {
  bound ??= bind();
  return bound;
}

function bind() {
  const { base, cpu, cpuVariant } = openGgmlLibraries();
  koffi.struct("ggml_init_params", { mem_size: "size_t", mem_buffer: "void *", no_alloc: "bool" });
  const P = "void *";
  const f = (name: string, result: string, ...parameters: string[]) => base.func(`ggml_${name}`, result, parameters);
  const op = (name: string, ...parameters: string[]) => f(name, P, P, ...parameters);
  return {
    cpuVariant,
    init: f("init", P, "ggml_init_params") as (parameters: {
      mem_size: number;
      mem_buffer: null;
      no_alloc: boolean;
    }) => Pointer,
    free: f("free", "void", P) as (context: Pointer) => void,
    tensorOverhead: Number(f("tensor_overhead", "size_t")()),
    graphOverhead: f("graph_overhead_custom", "size_t", "size_t", "bool") as (
      size: number,
      gradients: boolean,
    ) => number | bigint,
    newGraph: f("new_graph_custom", P, P, "size_t", "bool") as (
      context: Pointer,
      size: number,
      gradients: boolean,
    ) => Pointer,
    buildForwardExpand: f("build_forward_expand", "void", P, P) as (graph: Pointer, tensor: Pointer) => void,
    setInput: f("set_input", "void", P) as (tensor: Pointer) => void,
    setOutput: f("set_output", "void", P) as (tensor: Pointer) => void,
    setParameter: f("set_param", "void", P) as (tensor: Pointer) => void,
    /** Quantises or converts rows of f32; returns bytes written. */
    quantizeChunk: f("quantize_chunk", "size_t", "int", P, P, "int64_t", "int64_t", "int64_t", P) as (
      type: number,
      source: Float32Array,
      destination: Uint8Array,
      start: number,
      rows: number,
      rowElements: number,
      importance: null,
    ) => number,

    newTensor: f("new_tensor", P, P, "int", "int", P) as (
      context: Pointer,
      type: number,
      dimensions: number,
      shape: BigInt64Array,
    ) => Pointer,
    view4d: op("view_4d", P, "int64_t", "int64_t", "int64_t", "int64_t", "size_t", "size_t", "size_t", "size_t"),
    reshape4d: op("reshape_4d", P, "int64_t", "int64_t", "int64_t", "int64_t"),
    permute: op("permute", P, "int", "int", "int", "int"),
    transpose: op("transpose", P),
    cont: op("cont", P),
    cast: op("cast", P, "int"),
    cpy: op("cpy", P, P),
    concat: op("concat", P, P, "int"),
    accInplace: op("acc_inplace", P, P, "size_t", "size_t", "size_t", "size_t"),
    setInplace: op("set_inplace", P, P, "size_t", "size_t", "size_t", "size_t"),
    getRows: op("get_rows", P, P),
    getRowsBack: op("get_rows_back", P, P, P),
    setRows: op("set_rows", P, P, P),
    repeatBack: op("repeat_back", P, P),
    add: op("add", P, P),
    addInplace: op("add_inplace", P, P),
    sub: op("sub", P, P),
    mul: op("mul", P, P),
    div: op("div", P, P),
    scale: op("scale", P, "float"),
    scaleInplace: op("scale_inplace", P, "float"),
    scaleBias: op("scale_bias", P, "float", "float"),
    fill: op("fill", P, "float"),
    arange: op("arange", "float", "float", "float"),
    clamp: op("clamp", P, "float", "float"),
    sumRows: op("sum_rows", P),
    mulMat: op("mul_mat", P, P),
    requireAccumulation: f("prec_set_acc", "bool", P, "int") as (tensor: Pointer, precision: number) => boolean,
    requireOperand: f("prec_set_src", "bool", P, "int", "int") as (
      tensor: Pointer,
      precision: number,
      operand: number,
    ) => boolean,
    outProd: op("out_prod", P, P),
    rmsNorm: op("rms_norm", P, "float"),
    rmsNormBack: op("rms_norm_back", P, P, "float"),
    sqr: op("sqr", P),
    sqrt: op("sqrt", P),
    tanh: op("tanh", P),
    geglu: op("geglu", P),
    silu: op("silu", P),
    siluBack: op("silu_back", P, P),
    swiglu: op("swiglu", P),
    softMaxExt: op("soft_max_ext", P, P, "float", "float"),
    softMaxExtBack: op("soft_max_ext_back", P, P, "float", "float"),
    diagMaskInfInplace: op("diag_mask_inf_inplace", P, "int"),
    ropeExt: op("rope_ext", P, P, P, "int", "int", "int", "float", "float", "float", "float", "float", "float"),
    ropeExtBack: op(
      "rope_ext_back",
      P,
      P,
      P,
      "int",
      "int",
      "int",
      "float",
      "float",
      "float",
      "float",
      "float",
      "float",
    ),
    custom4d: op("custom_4d", "int", "int64_t", "int64_t", "int64_t", "int64_t", P, "int", P, "int", P),
    customInplace: op("custom_inplace", P, P, "int", P, "int", P),
    optStepAdamw: op("opt_step_adamw", P, P, P, P, P),

    typeTraits: f("get_type_traits", P, "int") as (type: number) => Pointer,
    /** Whether the CPU library in use, and with it the processor, has AVX512-BF16. */
    hasAvx512Bf16: () => cpu.func("int ggml_cpu_has_avx512_bf16()")() === 1,
    /** The same for AVX2 with FMA and conversions of half-precision numbers. */
    hasAvx2: () => ["avx2", "fma", "f16c"].every((name) => cpu.func(`int ggml_cpu_has_${name}()`)() === 1),
    firstTensor: f("get_first_tensor", P, P) as (context: Pointer) => Pointer,
    nextTensor: f("get_next_tensor", P, P, P) as (context: Pointer, tensor: Pointer) => Pointer,
    backendCpuInit: cpu.func("ggml_backend_cpu_init", P, []) as () => Pointer,
    backendCpuSetThreads: cpu.func("ggml_backend_cpu_set_n_threads", "void", [P, "int"]) as (
      backend: Pointer,
      threads: number,
    ) => void,
    /** Each backend's library has a registry of the devices that it found. */
    cpuRegistry: () => cpu.func("void *ggml_backend_init()")() as Pointer,
    registryDeviceCount: f("backend_reg_dev_count", "size_t", P) as (registry: Pointer) => number | bigint,
    registryDevice: f("backend_reg_dev_get", P, P, "size_t") as (registry: Pointer, index: number) => Pointer,
    deviceName: f("backend_dev_name", "const char *", P) as (device: Pointer) => string,
    deviceDescription: f("backend_dev_description", "const char *", P) as (device: Pointer) => string,
    deviceType: f("backend_dev_type", "int", P) as (device: Pointer) => number,
    deviceMemory: f("backend_dev_memory", "void", P, P, P) as (
      device: Pointer,
      free: BigUint64Array,
      total: BigUint64Array,
    ) => void,
    deviceInit: f("backend_dev_init", P, P, "const char *") as (device: Pointer, parameters: null) => Pointer,
    deviceSupports: f("backend_dev_supports_op", "bool", P, P) as (device: Pointer, tensor: Pointer) => boolean,
    /** `null` brings ggml's own back, which writes to standard error. */
    logSet: f("log_set", "void", P, P) as (callback: unknown, data: null) => void,
    graphNodeCount: f("graph_n_nodes", "int", P) as (graph: Pointer) => number,
    graphNodes: f("graph_nodes", P, P) as (graph: Pointer) => Pointer,
    operationName: f("op_desc", "const char *", P) as (tensor: Pointer) => string,

    bufferIsHost: f("backend_buffer_is_host", "bool", P) as (buffer: Pointer) => boolean,
    tensorBytes: f("nbytes", "size_t", P) as (tensor: Pointer) => number | bigint,
    tensorSet: f("backend_tensor_set", "void", P, P, "size_t", "size_t") as (
      tensor: Pointer,
      data: ArrayBufferView,
      offset: number,
      size: number,
    ) => void,
    tensorGet: f("backend_tensor_get", "void", P, P, "size_t", "size_t") as (
      tensor: Pointer,
      data: ArrayBufferView,
      offset: number,
      size: number,
    ) => void,
    tensorMemset: f("backend_tensor_memset", "void", P, "uint8_t", "size_t", "size_t") as (
      tensor: Pointer,
      value: number,
      offset: number,
      size: number,
    ) => void,
    backendFree: f("backend_free", "void", P) as (backend: Pointer) => void,
    backendBufferType: f("backend_get_default_buffer_type", P, P) as (backend: Pointer) => Pointer,
    backendAllocateContext: f("backend_alloc_ctx_tensors_from_buft", P, P, P) as (
      context: Pointer,
      bufferType: Pointer,
    ) => Pointer,
    backendBufferFree: f("backend_buffer_free", "void", P) as (buffer: Pointer) => void,
    backendBufferSize: f("backend_buffer_get_size", "size_t", P) as (buffer: Pointer) => number | bigint,
    backendGraphCompute: f("backend_graph_compute", "int", P, P) as (backend: Pointer, graph: Pointer) => number,
    allocatorNew: f("gallocr_new", P, P) as (bufferType: Pointer) => Pointer,
    allocatorFree: f("gallocr_free", "void", P) as (allocator: Pointer) => void,
    allocatorAllocGraph: f("gallocr_alloc_graph", "bool", P, P) as (allocator: Pointer, graph: Pointer) => boolean,
    allocatorReserveSize: f("gallocr_reserve_n_size", "void", P, P, P, P, P) as (
      allocator: Pointer,
      graph: Pointer,
      nodeBuffers: null,
      leafBuffers: null,
      sizes: BigUint64Array,
    ) => void,
    allocatorBufferSize: f("gallocr_get_buffer_size", "size_t", P, "int") as (
      allocator: Pointer,
      index: number,
    ) => number | bigint,
  };
}
