/** Makes tiny random models of any trainable architecture as real GGUF files with a real byte-level tokenizer, in any weight type. */
import type { GgufMetadataEntry, GgufTensorInfo } from "../../src/formats/gguf/types.ts";
import { GGML_TYPES } from "../../src/formats/gguf/types.ts";
import { writeGguf } from "../../src/formats/gguf/write-gguf.ts";
import { openGgml, TensorType, type TensorTypeName } from "../../src/tensor/ggml.ts";
import { createRandomSource } from "../../src/util/rng.ts";
import { TINY_ARCHITECTURES } from "./tiny-architectures.ts";

export interface TinyModelOptions {
  layers?: number;
  /** K-quants want multiples of 256. */
  width?: number;
  heads?: number;
  keyValueHeads?: number;
  /** width / heads unless given. */
  headSize?: number;
  feedForward?: number;
  type?: TensorTypeName;
  isTied?: boolean;
  ropeFactors?: boolean;
  seed?: number;
  /** `llama` unless given; other names make a llama model that says it is something else. */
  architecture?: string;
  /** Linear layers with a bias: `attn_q`. */
  biases?: readonly string[];
  /** More metadata of the architecture, by its key without the architecture's name; replaces what is there by default. */
  metadata?: Record<string, GgufMetadataEntry>;
  /** Changes metadata or tensors before writing, to make broken files. */
  mutate?: (
    metadata: Map<string, GgufMetadataEntry>,
    tensors: Map<string, Pick<GgufTensorInfo, "shape" | "type">>,
  ) => void;
}

export const TINY_CHAT_TEMPLATE =
  "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}{% endfor %}" +
  "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";

/** GPT-2's printable stand-ins for the 256 bytes. */
function byteTokens(): string[] {
  const printable = (byte: number) => (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => String.fromCodePoint(printable(byte) ? byte : next++));
}

export async function writeTinyModel(path: string, options: TinyModelOptions = {}): Promise<void> {
  const {
    layers = 2,
    width = 64,
    heads = 4,
    keyValueHeads = 2,
    feedForward = 96,
    type = "F32",
    isTied = true,
    seed = 1,
  } = options;
  const architecture = options.architecture ?? "llama";
  const headSize = options.headSize ?? width / heads;
  const special = TINY_ARCHITECTURES[architecture];
  const biases = options.biases ?? special?.biases ?? [];
  const tokens = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", ...byteTokens(), "Ġt", "Ġth"];
  const entry = (entryType: GgufMetadataEntry["type"], value: GgufMetadataEntry["value"]) =>
    ({ type: entryType, value }) as GgufMetadataEntry;
  const strings = (value: string[]): GgufMetadataEntry => ({ type: "array", elementType: "string", value });
  const metadata = new Map<string, GgufMetadataEntry>([
    ["general.architecture", entry("string", architecture)],
    ["general.name", entry("string", "tiny")],
    [`${architecture}.block_count`, entry("uint32", layers)],
    [`${architecture}.context_length`, entry("uint32", 512)],
    [`${architecture}.embedding_length`, entry("uint32", width)],
    [`${architecture}.feed_forward_length`, entry("uint32", feedForward)],
    [`${architecture}.attention.head_count`, entry("uint32", heads)],
    [`${architecture}.attention.head_count_kv`, entry("uint32", keyValueHeads)],
    [`${architecture}.attention.key_length`, entry("uint32", headSize)],
    [`${architecture}.attention.value_length`, entry("uint32", headSize)],
    [`${architecture}.attention.layer_norm_rms_epsilon`, entry("float32", 1e-5)],
    [`${architecture}.rope.freq_base`, entry("float32", 10000)],
    [`${architecture}.rope.dimension_count`, entry("uint32", headSize)],
    [`${architecture}.vocab_size`, entry("uint32", tokens.length)],
    ["tokenizer.ggml.model", entry("string", "gpt2")],
    ["tokenizer.ggml.pre", entry("string", "smollm")],
    ["tokenizer.ggml.tokens", strings(tokens)],
    [
      "tokenizer.ggml.token_type",
      { type: "array", elementType: "int32", value: tokens.map((token) => (token.startsWith("<|") ? 3 : 1)) },
    ],
    ["tokenizer.ggml.merges", strings(["Ġ t", "Ġt h"])],
    ["tokenizer.ggml.bos_token_id", entry("uint32", 1)],
    ["tokenizer.ggml.eos_token_id", entry("uint32", 2)],
    ["tokenizer.ggml.add_bos_token", entry("bool", false)],
    ["tokenizer.chat_template", entry("string", TINY_CHAT_TEMPLATE)],
  ]);
  for (const [key, value] of Object.entries({ ...special?.metadata, ...options.metadata }))
    metadata.set(`${architecture}.${key}`, value);
  const tensors = new Map<string, Pick<GgufTensorInfo, "shape" | "type">>();
  const matrix = (name: string, input: number, output: number) => {
    tensors.set(name, { shape: [input, output], type: TensorType[type] });
    if (biases.includes(name.split(".").at(-2)!)) vector(name.replace(/weight$/, "bias"), output);
  };
  const vector = (name: string, length: number) => tensors.set(name, { shape: [length], type: TensorType.F32 });
  matrix("token_embd.weight", width, tokens.length);
  vector("output_norm.weight", width);
  if (!isTied) matrix("output.weight", width, tokens.length);
  if (options.ropeFactors) vector("rope_freqs.weight", headSize / 2);
  for (let layer = 0; layer < layers; layer++) {
    const block = `blk.${layer}.`;
    vector(`${block}attn_norm.weight`, width);
    for (const name of special?.headNorms ?? []) vector(`${block}${name}.weight`, headSize);
    for (const name of special?.widthNorms ?? []) vector(`${block}${name}.weight`, width);
    matrix(`${block}attn_q.weight`, width, heads * headSize);
    matrix(`${block}attn_k.weight`, width, keyValueHeads * headSize);
    matrix(`${block}attn_v.weight`, width, keyValueHeads * headSize);
    matrix(`${block}attn_output.weight`, heads * headSize, width);
    vector(`${block}ffn_norm.weight`, width);
    matrix(`${block}ffn_gate.weight`, width, feedForward);
    matrix(`${block}ffn_up.weight`, width, feedForward);
    matrix(`${block}ffn_down.weight`, feedForward, width);
  }
  options.mutate?.(metadata, tensors);
  const random = createRandomSource(seed);
  await writeGguf(
    path,
    metadata,
    [...tensors].map(([name, { shape, type: typeId }]) => ({
      name,
      shape,
      type: typeId,
      data: () => {
        const elements = shape.reduce((product, n) => product * n, 1);
        const center = shape.length === 1 && !name.endsWith(".bias") ? 1 : 0;
        // Wide enough that softmax, silu and the norms leave their linear range, so that a wrong derivative shows.
        const spread = shape.length === 1 ? 0.3 : (name === "token_embd.weight" ? 3 : 1.5) / Math.sqrt(shape[0]!);
        const values = Float32Array.from({ length: elements }, () => center + spread * random.normal());
        return encodeWeights(typeId, values, shape[0]!);
      },
    })),
  );
}

/** Quantises rows with ggml's own quantiser. */
export function encodeWeights(type: number, values: Float32Array, rowLength: number): Uint8Array {
  if (type === TensorType.F32) return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  const layout = GGML_TYPES[type]!;
  const bytes = new Uint8Array((values.length / layout.blockSize) * layout.blockBytes);
  openGgml().quantizeChunk(type, values, bytes, 0, values.length / rowLength, rowLength, null);
  return bytes;
}
