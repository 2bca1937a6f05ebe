/**
 * The model after full fine-tuning as a GGUF: matrices in half precision (in BF16 where a value would not fit), vectors in 32 bits, everything else as in
 * its base. Smaller types are made from it with `ilab model convert`.
 */
import { openGgufWeights } from "../formats/gguf/open-gguf-weights.ts";
import { tensorSizeBytes } from "../formats/gguf/types.ts";
import { writeGguf } from "../formats/gguf/write-gguf.ts";
import { floatsToRows } from "../tensor/convert-rows.ts";
import { TensorType } from "../tensor/ggml.ts";
import type { ParameterLayout } from "./engine/lora-layout.ts";

const LARGEST_HALF = 65_504;
/** `llama_ftype`: mostly F16. */
const MOSTLY_F16 = 1;
const ROWS_AT_ONCE = 1024;

/** @param notes written as `ilab.*` metadata. */
export async function writeTrainedModel(
  path: string,
  baseFile: string,
  layout: ParameterLayout,
  parameters: Float32Array,
  notes: Record<string, string>,
): Promise<void> {
  await using base = await openGgufWeights(baseFile);
  const metadata = new Map(base.metadata);
  metadata.set("general.file_type", { type: "uint32", value: MOSTLY_F16 });
  for (const [name, value] of Object.entries(notes)) metadata.set(`ilab.${name}`, { type: "string", value });
  await writeGguf(
    path,
    metadata,
    base.tensors.map(({ name, shape, type, rows }) => {
      const trained = layout.weights.get(name);
      const columns = shape[0]!;
      if (trained === undefined) return { name, shape, type, data: () => rows(0, shape[1] ?? 1) };
      const values = parameters.subarray(trained.offset, trained.offset + trained.elements);
      if (shape.length === 1) return { name, shape, type: TensorType.F32, data: () => bytesOf(values) };
      const fits = values.every((value) => Math.abs(value) <= LARGEST_HALF);
      const written = fits ? TensorType.F16 : TensorType.BF16;
      return { name, shape, type: written, data: () => converted(values, columns, written) };
    }),
  );
}

async function* converted(values: Float32Array, columns: number, type: number): AsyncGenerator<Uint8Array> {
  for (let from = 0; from < values.length; from += ROWS_AT_ONCE * columns) {
    const rows = values.subarray(from, from + ROWS_AT_ONCE * columns);
    yield floatsToRows(type, rows, columns, tensorSizeBytes(type, [columns, rows.length / columns])!);
  }
}

function bytesOf(values: Float32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}
