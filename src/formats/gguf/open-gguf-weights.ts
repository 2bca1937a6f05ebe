/** Opens a GGUF file as streaming weights: the header is read at once, rows when they are asked for. */
import { open } from "node:fs/promises";
import { type ModelWeights, rowBytes } from "../model-weights.ts";
import { readGguf } from "./read-gguf.ts";
import { GGML_TYPES, ggufError } from "./types.ts";

/** Throws what `readGguf` throws, and `GGUF_INVALID` for weights of an unknown type. */
export async function openGgufWeights(path: string): Promise<ModelWeights> {
  const { metadata, tensors } = await readGguf(path);
  for (const { name, type } of tensors.values())
    if (GGML_TYPES[type] === undefined) throw ggufError(path, `the weights of '${name}' have the unknown type ${type}`);
  const file = await open(path, "r");
  return {
    source: path,
    metadata,
    tensors: [...tensors.values()].map((tensor) => ({
      name: tensor.name,
      shape: tensor.shape,
      type: tensor.type,
      rows: async (start, count) => {
        const size = rowBytes(tensor);
        const bytes = new Uint8Array(count * size);
        const { bytesRead } = await file.read(bytes, 0, bytes.length, tensor.offset + start * size);
        if (bytesRead !== bytes.length)
          throw ggufError(path, "the file became shorter while it was read", "GGUF_TRUNCATED");
        return bytes;
      },
    })),
    warnings: [],
    [Symbol.asyncDispose]: () => file.close(),
  };
}
