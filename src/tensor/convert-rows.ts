/** Rows of weights from any ggml type to F32 and back, with ggml's own conversions. Callers make sure of whole rows: ggml aborts otherwise. */
import koffi from "koffi";
import { openGgmlLibraries } from "./library.ts";

const F32 = 0;

type Convert = (source: Uint8Array | Float32Array, destination: Uint8Array | Float32Array, elements: number) => void;
let bound: { decoder: (type: number) => Convert; quantize: ReturnType<typeof bindQuantize> } | undefined;

/** @returns `elements` values. */
export function rowsToFloats(type: number, bytes: Uint8Array, elements: number): Float32Array {
  if (type === F32) {
    // The bytes may lie anywhere; a Float32Array must be aligned.
    const aligned = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice();
    return new Float32Array(aligned.buffer, aligned.byteOffset, elements);
  }
  const floats = new Float32Array(elements);
  bind().decoder(type)(bytes, floats, elements);
  return floats;
}

/**
 * @param sizeBytes size of the result.
 * @param rowElements length of one row. Not for types that need an importance matrix (IQ1, IQ2).
 */
export function floatsToRows(type: number, floats: Float32Array, rowElements: number, sizeBytes: number): Uint8Array {
  if (type === F32) return new Uint8Array(floats.buffer, floats.byteOffset, floats.byteLength);
  const bytes = new Uint8Array(sizeBytes);
  bind().quantize(type, floats, bytes, 0, floats.length / rowElements, rowElements, null);
  return bytes;
}

function bindQuantize(base: ReturnType<typeof openGgmlLibraries>["base"]) {
  const parameters = ["int", "void *", "void *", "int64_t", "int64_t", "int64_t", "void *"];
  return base.func("ggml_quantize_chunk", "size_t", parameters) as (
    type: number,
    source: Float32Array,
    destination: Uint8Array,
    start: number,
    rows: number,
    rowElements: number,
    importance: null,
  ) => number;
}

function bind() {
  if (bound !== undefined) return bound;
  const { base } = openGgmlLibraries();
  const traits = koffi.struct({
    type_name: "const char *",
    block_size: "int64_t",
    block_size_interleave: "int64_t",
    type_size: "size_t",
    is_quantized: "bool",
    to_float: "void *",
    from_float: "void *",
  });
  const toFloat = koffi.proto("void (const void *source, void *destination, int64_t elements)");
  const typeTraits = base.func("ggml_get_type_traits", "void *", ["int"]);
  const decoders = new Map<number, Convert>();
  const decoder = (type: number): Convert => {
    let convert = decoders.get(type);
    if (convert === undefined) {
      const { to_float: pointer } = koffi.decode(typeTraits(type), traits) as { to_float: bigint };
      if (!pointer) throw new RangeError(`weights of type ${type} cannot be converted to F32`);
      convert = koffi.decode(pointer, toFloat) as Convert;
      decoders.set(type, convert);
    }
    return convert;
  };
  bound = { decoder, quantize: bindQuantize(base) };
  return bound;
}
