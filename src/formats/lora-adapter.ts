/** LoRA adapters as GGUF files in the layout that llama.cpp loads: `<weight>.lora_a` `[in, rank]` and `<weight>.lora_b` `[rank, out]`. */
import { rowsToFloats } from "../tensor/convert-rows.ts";
import { IlabError } from "../util/errors.ts";
import { openGgufWeights } from "./gguf/open-gguf-weights.ts";
import { readGguf } from "./gguf/read-gguf.ts";
import { type GgufMetadataEntry, metadataNumber, metadataString } from "./gguf/types.ts";
import { writeGguf } from "./gguf/write-gguf.ts";
import { rowCount, type WeightTensor } from "./model-weights.ts";

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
  /** The product B A counts alpha / rank times; 0 means once, as in llama.cpp. */
  alpha: number;
  /** Written into the file as `ilab.*` metadata: what it was trained on and from. */
  notes: Record<string, string>;
}

export interface LoraAdapter extends LoraAdapterInfo {
  weights: LoraWeight[];
}

const F32 = 0;
const NOTE_PREFIX = "ilab.";

export function loraRank({ a, input }: LoraWeight): number {
  return a.length / input;
}

/** What the product B A of this weight is multiplied by. */
export function loraScale(adapter: Pick<LoraAdapterInfo, "alpha">, weight: LoraWeight): number {
  return adapter.alpha === 0 ? 1 : adapter.alpha / loraRank(weight);
}

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
    ...Object.entries(info.notes).map(([key, value]) => [NOTE_PREFIX + key, text(value)] as const),
  ]);
  const bytes = (values: Float32Array) => () => new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  await writeGguf(
    path,
    metadata,
    weights.flatMap((weight) => [
      { name: `${weight.name}.lora_a`, shape: [weight.input, loraRank(weight)], type: F32, data: bytes(weight.a) },
      { name: `${weight.name}.lora_b`, shape: [loraRank(weight), weight.output], type: F32, data: bytes(weight.b) },
    ]),
  );
}

/** Throws `ADAPTER_INVALID` for a file that is no adapter or is none that can be used, and what `readGguf` throws. */
export async function readLoraAdapter(path: string): Promise<LoraAdapter> {
  await using file = await openGgufWeights(path);
  const kind = metadataString(file, "adapter.type");
  if (metadataString(file, "general.type") !== "adapter" || kind !== "lora")
    throw adapterError(path, kind === undefined ? "it is not an adapter" : `it is an adapter of the kind '${kind}'`);
  const tensors = new Map(file.tensors.map((tensor) => [tensor.name, tensor]));
  const weights: LoraWeight[] = [];
  for (const [name, a] of tensors) {
    const { base, part } = /^(?<base>.+)\.lora_(?<part>[ab])$/.exec(name)?.groups ?? {};
    if (base === undefined) throw adapterError(path, `it holds '${name}', which is no part of a LoRA adapter`);
    const b = tensors.get(`${base}.lora_${part === "a" ? "b" : "a"}`);
    if (b === undefined) throw adapterError(path, `'${name}' stands without its other half`);
    if (part === "b") continue;
    const [input, rank, output] = [a.shape[0]!, rowCount(a), rowCount(b)];
    if (b.shape[0] !== rank || a.shape.length !== 2 || b.shape.length !== 2)
      throw adapterError(path, `the halves of '${base}' do not fit: [${a.shape}] and [${b.shape}]`);
    weights.push({ name: base, input, output, a: await readAll(a), b: await readAll(b) });
  }
  if (weights.length === 0) throw adapterError(path, "it adapts nothing");
  const infinite = weights.find(({ a, b }) => ![...[a, b]].every((values) => values.every(Number.isFinite)));
  if (infinite !== undefined) throw adapterError(path, `'${infinite.name}' holds values that are not finite`);
  const notes = [...file.metadata].flatMap(([key, { value }]) =>
    key.startsWith(NOTE_PREFIX) && typeof value === "string" ? [[key.slice(NOTE_PREFIX.length), value] as const] : [],
  );
  return {
    architecture: metadataString(file, "general.architecture") ?? "",
    alpha: metadataNumber(file, "adapter.lora.alpha") ?? 0,
    notes: Object.fromEntries(notes),
    weights,
  };
}

/** True when the file is an adapter rather than a whole model. */
export async function isLoraAdapter(path: string): Promise<boolean> {
  const file = await readGguf(path);
  return metadataString(file, "general.type") === "adapter";
}

export function adapterError(path: string, problem: string): IlabError {
  return new IlabError({
    code: "ADAPTER_INVALID",
    message: `${path} is not a usable LoRA adapter: ${problem}`,
    hint: "Give the adapter.gguf of a finished `ilab model train`, or a directory that peft saved.",
  });
}

async function readAll(tensor: WeightTensor): Promise<Float32Array> {
  const rows = rowCount(tensor);
  return rowsToFloats(tensor.type, await tensor.rows(0, rows), rows * tensor.shape[0]!);
}
