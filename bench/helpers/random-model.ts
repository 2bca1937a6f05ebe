/** A GGUF of random weights in the shape of a known model: speed does not depend on what the weights say. */
import type { GgufMetadataEntry } from "../../src/formats/gguf/types.ts";
import { GGML_TYPES } from "../../src/formats/gguf/types.ts";
import { type GgufTensorSource, writeGguf } from "../../src/formats/gguf/write-gguf.ts";
import { TensorType } from "../../src/tensor/ggml.ts";
import { createRandomSource } from "../../src/util/rng.ts";

export interface ModelShape {
  layers: number;
  width: number;
  heads: number;
  keyValueHeads: number;
  feedForward: number;
  vocabulary: number;
  isTied: boolean;
}

/** SmolLM2 of three sizes, and Mistral 7B. */
export const MODEL_SHAPES = {
  "135M": { layers: 30, width: 576, heads: 9, keyValueHeads: 3, feedForward: 1536, vocabulary: 49152, isTied: true },
  "360M": { layers: 32, width: 960, heads: 15, keyValueHeads: 5, feedForward: 2560, vocabulary: 49152, isTied: true },
  "1.7B": { layers: 24, width: 2048, heads: 32, keyValueHeads: 32, feedForward: 8192, vocabulary: 49152, isTied: true },
  "7B": { layers: 32, width: 4096, heads: 32, keyValueHeads: 8, feedForward: 14336, vocabulary: 32000, isTied: false },
} as const satisfies Record<string, ModelShape>;

/** Random bytes that are used again and again. */
const POOL_BYTES = 1 << 20;
/** 0.01 and -0.075 in half precision: nibbles 0 to 15 become weights of about ±0.08. */
const SCALE = [0x1f, 0x21] as const;
const MINIMUM = [0xcd, 0xac] as const;

export async function writeRandomModel(path: string, shape: ModelShape = MODEL_SHAPES["135M"]): Promise<void> {
  const { layers, width, heads, keyValueHeads, feedForward, vocabulary, isTied } = shape;
  const metadata = new Map<string, GgufMetadataEntry>([
    ["general.architecture", { type: "string", value: "llama" }],
    ["llama.block_count", { type: "uint32", value: layers }],
    ["llama.context_length", { type: "uint32", value: 8192 }],
    ["llama.embedding_length", { type: "uint32", value: width }],
    ["llama.feed_forward_length", { type: "uint32", value: feedForward }],
    ["llama.attention.head_count", { type: "uint32", value: heads }],
    ["llama.attention.head_count_kv", { type: "uint32", value: keyValueHeads }],
    ["llama.attention.layer_norm_rms_epsilon", { type: "float32", value: 1e-5 }],
    ["llama.rope.freq_base", { type: "float32", value: 100_000 }],
  ]);
  const random = createRandomSource(1);
  const pool = Uint8Array.from({ length: POOL_BYTES }, () => random.integer(256));
  const tensors: GgufTensorSource[] = [];
  const matrix = (name: string, input: number, output: number, type: "Q4_1" | "Q8_0") => {
    const layout = GGML_TYPES[TensorType[type]]!;
    const data = () => {
      const bytes = new Uint8Array(((input * output) / layout.blockSize) * layout.blockBytes);
      for (let at = 0; at < bytes.length; at += POOL_BYTES) bytes.set(pool.subarray(0, bytes.length - at), at);
      const scales = type === "Q4_1" ? [...SCALE, ...MINIMUM] : [0x20, 0x10];
      for (let block = 0; block < bytes.length; block += layout.blockBytes)
        for (const [i, value] of scales.entries()) bytes[block + i] = value;
      return bytes;
    };
    tensors.push({ name, shape: [input, output], type: TensorType[type], data });
  };
  const ones = (name: string) =>
    tensors.push({
      name,
      shape: [width],
      type: TensorType.F32,
      data: () => new Uint8Array(new Float32Array(width).fill(1).buffer),
    });
  matrix("token_embd.weight", width, vocabulary, "Q8_0");
  if (!isTied) matrix("output.weight", width, vocabulary, "Q8_0");
  ones("output_norm.weight");
  const keys = (width / heads) * keyValueHeads;
  for (let layer = 0; layer < layers; layer++) {
    const block = `blk.${layer}.`;
    ones(`${block}attn_norm.weight`);
    matrix(`${block}attn_q.weight`, width, width, "Q4_1");
    matrix(`${block}attn_k.weight`, width, keys, "Q4_1");
    matrix(`${block}attn_v.weight`, width, keys, "Q4_1");
    matrix(`${block}attn_output.weight`, width, width, "Q4_1");
    ones(`${block}ffn_norm.weight`);
    matrix(`${block}ffn_gate.weight`, width, feedForward, "Q4_1");
    matrix(`${block}ffn_up.weight`, width, feedForward, "Q4_1");
    matrix(`${block}ffn_down.weight`, feedForward, width, "Q4_1");
  }
  await writeGguf(path, metadata, tensors);
}
