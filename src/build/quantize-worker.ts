/**
 * The quantising process: one call of llama.cpp's own quantiser. ggml ends its process on many errors; here that ends a job and not the
 * program. Progress and reasons are what llama.cpp writes to standard error; the exit status is the result.
 */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import koffi from "koffi";
import type { ImportanceEntry } from "../formats/importance-matrix.ts";
import { libraryDirectory, openGgmlLibraries } from "../tensor/library.ts";

export interface QuantizeOrder {
  input: string;
  output: string;
  /** `enum llama_ftype` */
  fileType: number;
  threads: number;
  maxBufferBytes: number;
  importance: ImportanceEntry[];
}

// Without its parent nobody would see the result.
process.on("disconnect", () => process.exit(1));

process.once("message", async (order: QuantizeOrder) => {
  process.exitCode = await quantize(order);
  process.removeAllListeners("disconnect");
  process.disconnect();
});

async function quantize({
  input,
  output,
  fileType,
  threads,
  maxBufferBytes,
  importance,
}: QuantizeOrder): Promise<number> {
  // Loads ggml and makes sure that it is the version whose structures are declared here.
  openGgmlLibraries();
  const directory = libraryDirectory();
  const file = readdirSync(directory).find((name) => /^(lib)?llama(\.[\w.]+)?\.(so|dylib|dll)$/.test(name));
  if (file === undefined) throw new Error(`no llama.cpp library in ${directory}`);
  const llama = koffi.load(join(directory, file));
  koffi.struct("llama_model_quantize_params", {
    nthread: "int32_t",
    ftype: "int",
    output_tensor_type: "int",
    token_embedding_type: "int",
    allow_requantize: "bool",
    quantize_output_tensor: "bool",
    only_copy: "bool",
    pure: "bool",
    keep_split: "bool",
    dry_run: "bool",
    imatrix: "void *",
    kv_overrides: "void *",
    tt_overrides: "void *",
    prune_layers: "void *",
    max_buf_size: "size_t",
  });
  const defaults = llama.func("llama_model_quantize_params llama_model_quantize_default_params(void)")();
  const run = llama.func(
    "uint32_t llama_model_quantize(const char *input, const char *output, const llama_model_quantize_params *params)",
  );
  const parameters = { ...defaults, nthread: threads, ftype: fileType, max_buf_size: maxBufferBytes };
  // A student's base is often quantised already; what it lost is lost, and the alternative is to refuse.
  parameters.allow_requantize = true;
  if (importance.length > 0) parameters.imatrix = importanceTable(importance);
  // On a thread of its own, so that the end of the parent is noticed meanwhile.
  return await new Promise((resolve, reject) =>
    run.async(input, output, parameters, (error: Error | null, status: number) =>
      error === null ? resolve(status) : reject(error),
    ),
  );
}

/** An array of `llama_model_imatrix_data {name, data, size}` that ends with an empty one; it lives as long as the process. */
function importanceTable(entries: readonly ImportanceEntry[]): bigint {
  const place = (bytes: Uint8Array): bigint => {
    const memory = koffi.alloc("uint8_t", bytes.length) as bigint;
    new Uint8Array(koffi.view(memory, bytes.length)).set(bytes);
    return memory;
  };
  const table = new BigUint64Array(3 * (entries.length + 1));
  for (const [i, { name, values }] of entries.entries()) {
    const data = place(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
    table.set([place(Buffer.from(`${name}\0`)), data, BigInt(values.length)], 3 * i);
  }
  return place(new Uint8Array(table.buffer));
}
