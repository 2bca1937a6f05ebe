/**
 * Conversions against the real transformers and peft: the same tokens, the same logits, adapters that work on both sides. Needs the
 * environment that bench/peers/setup.sh makes; run with `npx vitest run --project peers`.
 */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type ConvertRequest, convertModel } from "../../src/build/convert-model.ts";
import { findConversionInput } from "../../src/build/find-conversion-input.ts";
import { trainStudent } from "../../src/flow.ts";
import { readGguf } from "../../src/formats/gguf/read-gguf.ts";
import { openTokenizer } from "../../src/llm/tokenizer.ts";
import { trainingSettingsSchema } from "../../src/training/training-settings.ts";
import { runWork } from "../../src/util/events.ts";
import { defaultModelFile } from "../helpers/default-model.ts";
import { llamaLogits } from "../helpers/llama-logits.ts";
import { writeRandomAdapter } from "../helpers/random-adapter.ts";
import { makeTempDir, type TempDir } from "../helpers/temp-dir.ts";
import { f32, text, u32 } from "../helpers/tiny-architectures.ts";
import { TINY_CHAT_TEMPLATE, type TinyModelOptions, writeTinyModel } from "../helpers/tiny-model.ts";
import { openPeers, type Peers } from "./open-peers.ts";

let temporary: TempDir;
let peers: Peers;
const place = (name: string) => join(temporary.path, name);

beforeAll(async () => {
  temporary = await makeTempDir();
  peers = await openPeers();
});
afterAll(async () => {
  await peers[Symbol.asyncDispose]();
  await temporary[Symbol.asyncDispose]();
});

async function convert(request: ConvertRequest): Promise<string> {
  return (await runWork(convertModel(request))).output;
}

/** Long enough that windows of 5 tokens and scaled rotations matter. */
const tokens = Array.from({ length: 24 }, (_, i) => 3 + ((i * 37 + 11) % 250));
const ours = async (file: string, adapterFile?: string) =>
  Array.from(await llamaLogits(file, Int32Array.from(tokens), { adapterFile }));
const theirs = (directory: string, adapter?: string) => peers.ask<number[]>("logits", { directory, adapter, tokens });

/** Largest difference, as a share of the spread of the expected values. */
function difference(actual: readonly number[], expected: readonly number[]): number {
  expect(actual.length).toBe(expected.length);
  const spread = Math.sqrt(expected.reduce((sum, value) => sum + value * value, 0) / expected.length);
  return actual.reduce((worst, value, i) => Math.max(worst, Math.abs(value - expected[i]!)), 0) / spread;
}

describe.each<[string, TinyModelOptions]>([
  ["llama", {}],
  ["llama, untied, with biases", { isTied: false, biases: ["attn_q", "attn_k", "attn_v", "attn_output"] }],
  ["llama, linear scaling", { metadata: { "rope.scaling.type": text("linear"), "rope.scaling.factor": f32(4) } }],
  [
    "llama, YaRN",
    {
      metadata: {
        "rope.scaling.type": text("yarn"),
        "rope.scaling.factor": f32(4),
        "rope.scaling.original_context_length": u32(16),
      },
    },
  ],
  ["llama, heads of another size", { headSize: 24 }],
  ["granite", { architecture: "granite" }],
  // Whole numbers, which must not become ints in Python.
  ["granite, other scales", { architecture: "granite", metadata: { embedding_scale: f32(12), logit_scale: f32(8) } }],
  ["qwen2", { architecture: "qwen2" }],
  ["qwen3", { architecture: "qwen3", headSize: 24 }],
  ["gemma3", { architecture: "gemma3", layers: 4, metadata: { final_logit_softcapping: f32(30) } }],
])("a tiny %s model made here", (name, options) => {
  const base = name.replaceAll(/\W+/g, "-");

  test("gives transformers the same logits, with and without an adapter", async () => {
    // ggml takes Gemma's activation from a table in 16 bits.
    const tolerance = options.architecture === "gemma3" ? 3e-3 : 1e-4;
    const gguf = place(`${base}.gguf`);
    await writeTinyModel(gguf, options);
    const directory = await convert({ model: gguf, target: "hf", output: place(`${base}-hf`) });
    const expected = await ours(gguf);
    expect(difference(await theirs(directory), expected)).toBeLessThan(tolerance);

    const adapter = place(`${base}-adapter.gguf`);
    await writeRandomAdapter(adapter, gguf);
    const adapted = await ours(gguf, adapter);
    expect(difference(adapted, expected)).toBeGreaterThan(0.1);
    const peft = await convert({ model: gguf, adapter, target: "peft", output: place(`${base}-peft`) });
    expect(difference(await theirs(directory, peft), adapted)).toBeLessThan(tolerance);

    const again = await convert({
      model: directory,
      adapter: peft,
      target: "adapter",
      output: place(`${base}-2.gguf`),
    });
    expect((await readFile(again)).equals(await readFile(adapter))).toBe(true);
    const merged = await convert({ model: directory, adapter: peft, target: "gguf", output: place(`${base}-3.gguf`) });
    expect(difference(await ours(merged), adapted)).toBeLessThan(tolerance);
  });
});

const common = {
  vocab_size: 261,
  hidden_size: 64,
  intermediate_size: 96,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  max_position_embeddings: 512,
  bos_token_id: 1,
  eos_token_id: 2,
};
const llama3Rope = {
  rope_type: "llama3",
  rope_theta: 10_000,
  factor: 8,
  low_freq_factor: 1,
  high_freq_factor: 4,
  original_max_position_embeddings: 32,
};

describe.each<[string, string, Record<string, unknown>]>([
  ["llama", "LlamaConfig", {}],
  ["llama with Llama 3's rotation", "LlamaConfig", { rope_parameters: llama3Rope, tie_word_embeddings: true }],
  ["mistral", "MistralConfig", { sliding_window: null }],
  [
    "granite",
    "GraniteConfig",
    { embedding_multiplier: 2.5, residual_multiplier: 0.6, attention_multiplier: 0.2, logits_scaling: 1.5 },
  ],
  ["qwen2", "Qwen2Config", {}],
  ["qwen3", "Qwen3Config", { head_dim: 24 }],
  [
    "gemma3",
    "Gemma3TextConfig",
    { num_hidden_layers: 7, head_dim: 16, query_pre_attn_scalar: 16, sliding_window: 5, final_logit_softcapping: 4.5 },
  ],
])("a tiny %s model made by transformers", (name, config, options) => {
  const base = `made-${name.replaceAll(/\W+/g, "-")}`;

  test("gives llama.cpp the same logits, with and without an adapter that peft saved", async () => {
    const directory = place(base);
    await peers.ask("make", {
      directory,
      config,
      options: { ...common, ...options },
      dtype: name === "qwen2" ? "bfloat16" : "float32",
      shard: name === "llama" ? "40KB" : undefined,
      seed: 3,
    });
    await makeTokenizer(directory, { kind: "digits" });
    // llama.cpp would meet weights of 16 bits with activations of 16 bits.
    const quantization = name === "qwen2" ? "F32" : undefined;
    const gguf = await convert({ model: directory, target: "gguf", output: place(`${base}.gguf`), quantization });
    const expected = await theirs(directory);
    const tolerance = name.startsWith("gemma3") ? 3e-3 : 1e-4;
    expect(difference(await ours(gguf), expected)).toBeLessThan(tolerance);

    const peft = place(`${base}-peft`);
    const loraOptions = {
      r: 6,
      lora_alpha: 9,
      use_rslora: true,
      rank_pattern: { "layers.1.self_attn.q_proj": 3 },
      alpha_pattern: { k_proj: 5 },
      target_modules: ["q_proj", "k_proj", "v_proj", "down_proj"],
    };
    await peers.ask("make_adapter", { directory, output: peft, options: loraOptions, seed: 4 });
    const adapted = await theirs(directory, peft);
    expect(difference(adapted, expected)).toBeGreaterThan(0.1);
    const adapter = await convert({ model: gguf, adapter: peft, target: "adapter", output: place(`${base}-a.gguf`) });
    expect(difference(await ours(gguf, adapter), adapted)).toBeLessThan(tolerance);
    const back = await convert({ model: gguf, adapter, target: "peft", output: place(`${base}-back`) });
    expect(difference(await theirs(directory, back), adapted)).toBeLessThan(1e-4);
    const merged = await convert({ model: gguf, adapter, target: "hf", output: place(`${base}-merged`) });
    expect(difference(await theirs(merged), adapted)).toBeLessThan(tolerance);
  });
});

test("a model with images gives its language part, and an adapter of that part", async () => {
  const directory = place("images");
  const vision_config = {
    hidden_size: 16,
    intermediate_size: 16,
    num_hidden_layers: 1,
    num_attention_heads: 2,
    image_size: 16,
    patch_size: 8,
  };
  const text_config = { ...common, head_dim: 16, query_pre_attn_scalar: 16, sliding_window: 5 };
  const options = { text_config, vision_config, mm_tokens_per_image: 4 };
  await peers.ask("make", { directory, config: "Gemma3Config", options, dtype: "float32", seed: 3 });
  await makeTokenizer(directory, { kind: "digits" });
  const gguf = await convert({ model: directory, target: "gguf", output: place("images.gguf") });
  expect(difference(await ours(gguf), await theirs(directory))).toBeLessThan(3e-3);
  const peft = place("images-peft");
  const target_modules = ".*language_model.*\\.(q_proj|up_proj)";
  await peers.ask("make_adapter", { directory, output: peft, options: { r: 4, target_modules }, seed: 4 });
  const merged = await convert({ model: directory, adapter: peft, target: "hf", output: place("images-merged") });
  const adapted = await theirs(directory, peft);
  expect(difference(adapted, await theirs(directory))).toBeGreaterThan(0.1);
  expect(difference(await theirs(merged), adapted)).toBeLessThan(1e-4);
});

test("an adapter that was trained here works there, and one from there is trained further here", async () => {
  const modelFile = place("to-train.gguf");
  await writeTinyModel(modelFile);
  const rows = Array.from({ length: 8 }, (_, i) => ({
    messages: [
      { role: "user", content: `How many boats has harbour ${i % 4}?` },
      { role: "assistant", content: `It has ${i % 4} boats.` },
    ],
  }));
  await writeFile(place("messages.jsonl"), rows.map((row) => JSON.stringify(row)).join("\n"));
  const train = (adapterFile?: string) => {
    const settings = trainingSettingsSchema.parse({ epochs: 4, anchorWeight: 0, effectiveBatchSize: 4, seed: 3 });
    const request = {
      modelFile,
      dataFile: place("messages.jsonl"),
      settings,
      adapterFile,
      threads: 1,
      resume: "never",
    };
    return runWork(
      trainStudent({
        ...request,
        outputDirectory: place("runs"),
        cacheDirectory: place("cache"),
        openBaseModel: () => Promise.reject(new Error("no anchor is wanted")),
      }),
    );
  };
  const run = await train();
  const { model, adapter } = await findConversionInput(run.directory, { resolveModel: async (path) => path });
  expect(model).toBe(modelFile);
  const adapted = await ours(model, adapter);
  expect(difference(adapted, await ours(model))).toBeGreaterThan(0.01);
  const directory = await convert({ model, target: "hf", output: place("trained-hf") });
  const peft = await convert({ model, adapter, target: "peft", output: place("trained-peft") });
  expect(difference(await theirs(directory, peft), adapted)).toBeLessThan(1e-4);

  const fromThere = place("from-there");
  const target_modules = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"];
  await peers.ask("make_adapter", {
    directory,
    output: fromThere,
    options: { r: 16, lora_alpha: 32, target_modules },
    seed: 4,
  });
  const start = await convert({ model, adapter: fromThere, target: "adapter", output: place("from-there.gguf") });
  const further = await train(start);
  const { adapter: end } = await findConversionInput(further.directory, { resolveModel: async (path) => path });
  const [before, after] = [await ours(model, start), await ours(model, end)];
  expect(difference(after, before)).toBeGreaterThan(0.01);
  const back = await convert({ model, adapter: end, target: "peft", output: place("trained-further-peft") });
  expect(difference(await theirs(directory, back), after)).toBeLessThan(1e-4);
});

/** Where tokenizers differ if they differ: runs of spaces, digits, contractions, other scripts, emoji, bytes, turn markers. */
const TEXTS = [
  "The ferry left at 6:45, didn't it?  It'LL be back   soon.\n\n\tIndented\r\n  text ",
  "12345 3.14159 1e-9 x=y+z; foo_bar(baz) // über Straße, naïve café",
  "我想在apple工作1314151天～ нещо на Български កាន់តែ 🚀😶‍🌫️",
  " leading space",
  "",
  "a<|im_end|>b <|im_start|>user\nHi",
];
const CORPUS = [
  ...TEXTS,
  "The harbour of the town lies behind the old wall, and the boats there are counted every morning by the keeper.",
  "Every morning the keeper of the harbour counts the boats; there are seven of them, and an eighth on Sundays.",
];

function makeTokenizer(directory: string, options: { kind: string; [option: string]: unknown }): Promise<number> {
  const isPieces = options.kind === "llama" || options.kind === "gemma";
  return peers.ask<number>("make_tokenizer", {
    directory,
    size: isPieces ? 600 : 261,
    special: isPieces ? ["<unk>", "<s>", "</s>"] : ["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
    texts: CORPUS,
    template: TINY_CHAT_TEMPLATE,
    ...options,
  });
}

const contractions = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
const words = (digits: string) =>
  `${contractions}|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|${digits}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+`;

describe.each<[string, { kind: string; [option: string]: unknown }]>([
  ["of GPT-2", { kind: "gpt2", size: 500 }],
  ["with single digits", { kind: "digits", size: 500, added: ["<tool>"] }],
  ["of Llama 3", { kind: "regex", size: 500, regex: words("\\p{N}{1,3}"), ignoreMerges: true }],
  ["of Qwen", { kind: "regex", size: 500, regex: words("\\p{N}"), nfc: true }],
  ["of Llama 2", { kind: "llama", size: 600 }],
  ["of Gemma", { kind: "gemma", size: 600 }],
])("a tokenizer %s", (name, options) => {
  test("gives the same tokens in llama.cpp, and again in transformers", async () => {
    const directory = place(`tokenizer-${name.replaceAll(/\W+/g, "-")}`);
    await mkdir(directory);
    const size = await makeTokenizer(directory, options);
    await peers.ask("make", {
      directory,
      config: "LlamaConfig",
      // More rows than tokens, as many models have.
      options: { ...common, vocab_size: size + 3 },
      dtype: "float32",
      seed: 1,
    });
    const texts = options.kind === "llama" || options.kind === "gemma" ? TEXTS.slice(0, 5) : TEXTS;
    const expected = await peers.ask<{ ids: number[][] }>("tokenize", { directory, texts });
    const gguf = await convert({ model: directory, target: "gguf", output: `${directory}.gguf` });
    expect(await llamaTokens(gguf, texts)).toEqual(expected.ids);
    const again = await convert({ model: gguf, target: "hf", output: `${directory}-again` });
    expect(await peers.ask("tokenize", { directory: again, texts })).toEqual(expected);
    const messages = [{ role: "user", content: "Hello?" }];
    expect(await peers.ask("chat", { directory: again, messages })).toBe(
      await peers.ask("chat", { directory, messages }),
    );
  });
});

async function llamaTokens(file: string, texts: readonly string[]): Promise<number[][]> {
  const { llamaRuntime } = await import("../../src/llm/llama-runtime.ts");
  const { llama } = await llamaRuntime();
  const model = await llama.loadModel({ modelPath: file, gpuLayers: 0, vocabOnly: true });
  try {
    const begins = (await readGguf(file)).metadata.get("tokenizer.ggml.add_bos_token")?.value === true;
    const bos = begins ? [Number(model.tokens.bos)] : [];
    return texts.map((each) => [...bos, ...model.tokenize(each, true).map(Number)]);
  } finally {
    await model.dispose();
  }
}

test("the real SmolLM2 says in transformers what it says here", async () => {
  const file = defaultModelFile();
  const directory = await convert({ model: file, target: "hf", output: place("smollm2") });
  const f16 = await convert({ model: directory, target: "gguf", output: place("smollm2.gguf") });
  const texts = [...TEXTS, await readFile(new URL("../../docs/training.md", import.meta.url), "utf8")];
  const { ids } = await peers.ask<{ ids: number[][] }>("tokenize", { directory, texts });
  expect(ids).toEqual(await llamaTokens(file, texts));
  await using tokenizer = await openTokenizer(await readGguf(file));
  const sentence = [
    ...tokenizer.encodeDocument("The capital of France is Paris, and the capital of Germany is Berlin.").tokens,
  ];
  const expected = await peers.ask<number[]>("logits", { directory, tokens: sentence });
  const actual = Array.from(await llamaLogits(f16, Int32Array.from(sentence)));
  expect(difference(actual, expected)).toBeLessThan(1e-2);
});
