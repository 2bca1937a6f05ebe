/** LoRA adapters as GGUF files in the layout that llama.cpp loads: `<weight>.lora_a` `[in, rank]` and `<weight>.lora_b` `[rank, out]`. */

import { readGguf } from "./gguf/read-gguf.ts";
import { type GgufMetadataEntry, metadataString } from "./gguf/types.ts";
import { writeGguf } from "./gguf/write-gguf.ts";

export interface LoraWeight {
  /** Name of the adapted weight in the base model: `blk.0.attn_q.weight`. */
  name: string;
  input: number;
  output: number;
  /** `rank` rows of `input` values. */
  a: Float32Array;
  /** `output` rows of `rank` values. */
  b: Float32Array;
}

export interface LoraAdapterInfo {
  architecture: string;
  alpha: number;
  rank: number;
  /** Written into the file as `ilab.*` metadata: what it was trained on and from. */
  notes: Record<string, string>;
}

const F32 = 0;

export async function writeLoraAdapter(
  path: string,
  info: LoraAdapterInfo,
  weights: readonly LoraWeight[],
): Promise<void> {
  const text = (value: string): GgufMetadataEntry => ({ type: "string", value });
  const metadata = new Map<string, GgufMetadataEntry>([
    ["general.architecture", text(info.architecture)],
    ["general.type", text("adapter")],
    ["adapter.type", text("lora")],
    ["adapter.lora.alpha", { type: "float32", value: info.alpha }],
    ...Object.entries(info.notes).map(([key, value]) => [`ilab.${key}`, text(value)] as const),
  ]);
  const bytes = (values: Float32Array) => () => new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  await writeGguf(
    path,
    metadata,
    weights.flatMap(({ name, input, output, a, b }) => [
      { name: `${name}.lora_a`, shape: [input, info.rank], type: F32, data: bytes(a) },
      { name: `${name}.lora_b`, shape: [info.rank, output], type: F32, data: bytes(b) },
    ]),
  );
}

/** True when the file is an adapter rather than a whole model. */
export async function isLoraAdapter(path: string): Promise<boolean> {
  const file = await readGguf(path);
  return metadataString(file, "general.type") === "adapter";
}
