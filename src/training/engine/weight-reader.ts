/** Reads a GGUF's tensors into native memory, without a copy in JavaScript. */
import { closeSync, openSync, readSync } from "node:fs";
import { dequantize } from "../../formats/gguf/dequantize.ts";
import { findNotFinite } from "../../formats/gguf/find-not-finite.ts";
import { type GgufFile, ggufError } from "../../formats/gguf/types.ts";
import { type Backend, GraphAllocator, type Tensor, TensorContext } from "../../tensor/context.ts";
import type { TensorTypeId } from "../../tensor/ggml.ts";

export class WeightReader {
  readonly #file: GgufFile;
  readonly #descriptor: number;

  constructor(file: GgufFile) {
    this.#file = file;
    this.#descriptor = openSync(file.path, "r");
  }

  [Symbol.dispose](): void {
    closeSync(this.#descriptor);
  }

  /** A tensor of the stored type and shape. */
  tensor(context: TensorContext, name: string): Tensor {
    const info = this.#file.tensors.get(name)!;
    return context.tensor(info.type as TensorTypeId, ...info.shape);
  }

  /** The stored bytes, as they are. */
  raw(name: string, destination: Tensor): void {
    destination.writeBytes(this.#file.tensors.get(name)!.sizeBytes, (bytes) => this.#fill(name, bytes));
  }

  /** A small tensor as numbers. */
  vector(name: string): Float64Array {
    const info = this.#file.tensors.get(name)!;
    const bytes = new Uint8Array(info.sizeBytes);
    this.#fill(name, bytes);
    return dequantize(info.type, bytes, info.shape[0]!);
  }

  /** Hands the tensors to a graph and runs it; their memory is given back afterwards. */
  use(backend: Backend, names: readonly string[], build: (c: TensorContext, tensors: Tensor[]) => void): void {
    using memory = new TensorContext(names.length + 1);
    const stored = names.map((name) => this.tensor(memory, name));
    if (names.length > 0) memory.allocatePersistent(backend);
    for (const [i, name] of names.entries()) this.raw(name, stored[i]!);
    using context = backend.context(names.length * 16 + 8);
    build(context, stored);
    using allocator = new GraphAllocator(backend);
    allocator.allocate(context.graph);
    backend.compute(context.graph);
  }

  #fill(name: string, bytes: Uint8Array): void {
    const info = this.#file.tensors.get(name)!;
    for (let done = 0; done < bytes.length; ) {
      const count = readSync(this.#descriptor, bytes, done, bytes.length - done, info.offset + done);
      if (count === 0) throw ggufError(this.#file.path, `the file ends inside the tensor ${name}`, "GGUF_TRUNCATED");
      done += count;
    }
    const notFinite = findNotFinite(info.type, bytes);
    if (notFinite !== undefined)
      throw ggufError(
        this.#file.path,
        `the tensor ${name} holds NaN or infinity (element ${notFinite})`,
        "MODEL_NOT_FINITE",
      );
  }
}
