/** Models between GGUF and Hugging Face's layout: what goes there comes back, byte for byte; what cannot be said is refused. */
import { mkdir, readFile, rename, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { makeTempDir, type TempDir } from "../../../test/helpers/temp-dir.ts";
import { f32, text, u32 } from "../../../test/helpers/tiny-architectures.ts";
import { type TinyModelOptions, writeTinyModel } from "../../../test/helpers/tiny-model.ts";
import { openGgufWeights } from "../gguf/open-gguf-weights.ts";
import type { ModelWeights } from "../model-weights.ts";
import { allRows } from "../model-weights.ts";
import { readSafetensors } from "../safetensors.ts";
import { llama3Factors, llama3RopeOf } from "./llama3-rope.ts";
import { mergesFromScores } from "./merges-from-scores.ts";
import { openHuggingFaceWeights } from "./open-weights.ts";
import { PRE_TOKENIZERS, preTokenizerByRules } from "./pre-tokenizers.ts";
import { reorderRows, rotaryRow } from "./rotary-order.ts";
import { parseSentencePieceModel } from "./sentencepiece-model.ts";
import { writeHuggingFaceModel } from "./write-model.ts";

let temporary: TempDir;
const place = (name: string) => join(temporary.path, name);
beforeAll(async () => {
  temporary = await makeTempDir();
});
afterAll(() => temporary[Symbol.asyncDispose]());

async function exportTiny(name: string, options: TinyModelOptions = {}): Promise<string> {
  const directory = place(name);
  await writeTinyModel(`${directory}.gguf`, options);
  await using weights = await openGgufWeights(`${directory}.gguf`);
  await writeHuggingFaceModel(directory, weights);
  return directory;
}

async function bytesOf(weights: ModelWeights): Promise<Map<string, Buffer>> {
  const result = new Map<string, Buffer>();
  for (const tensor of weights.tensors) {
    const pieces: Uint8Array[] = [];
    for await (const piece of allRows(tensor)) pieces.push(piece);
    result.set(`${tensor.name} ${tensor.type} [${tensor.shape}]`, Buffer.concat(pieces));
  }
  return result;
}

const yarn = {
  "rope.scaling.type": text("yarn"),
  "rope.scaling.factor": f32(4),
  "rope.scaling.original_context_length": u32(128),
};

/** Both sides as GGUF keeps them. */
const rounded = (value: unknown) => (typeof value === "number" ? Math.fround(value) : value);

test.each<[string, TinyModelOptions]>([
  ["llama", { type: "F16" }],
  ["llama-untied", { isTied: false, biases: ["attn_q", "attn_k", "attn_v", "attn_output"], type: "BF16" }],
  ["llama-yarn", { metadata: yarn }],
  ["granite", { architecture: "granite" }],
  ["qwen2", { architecture: "qwen2" }],
  ["qwen3", { architecture: "qwen3", headSize: 24 }],
])("%s there and back is the same model", async (name, options) => {
  const directory = await exportTiny(name, options);
  await using before = await openGgufWeights(`${directory}.gguf`);
  await using after = await openHuggingFaceWeights(directory);
  const [expected, actual] = [await bytesOf(before), await bytesOf(after)];
  expect([...actual.keys()].sort()).toEqual([...expected.keys()].sort());
  for (const [key, bytes] of expected) expect(actual.get(key)!.equals(bytes), key).toBe(true);
  expect(after.warnings).toEqual([]);
  for (const [key, { value }] of before.metadata)
    if (key !== "general.name") expect(rounded(after.metadata.get(key)?.value), key).toEqual(rounded(value));
});

test("gemma3 there and back is the same model but for the rounding of its norms", async () => {
  const directory = await exportTiny("gemma3", { architecture: "gemma3", layers: 4 });
  await using before = await openGgufWeights(`${directory}.gguf`);
  await using after = await openHuggingFaceWeights(directory);
  const [expected, actual] = [await bytesOf(before), await bytesOf(after)];
  expect([...actual.keys()].sort()).toEqual([...expected.keys()].sort());
  for (const [key, bytes] of expected) {
    const floats = (each: Buffer) =>
      new Float32Array(each.buffer.slice(each.byteOffset, each.byteOffset + each.length));
    const [a, b] = [floats(actual.get(key)!), floats(bytes)];
    for (const [i, value] of a.entries()) expect(Math.abs(value - b[i]!)).toBeLessThan(2e-7);
  }
  const norm = "blk.1.attn_norm.weight 0 [64]";
  const stored = (await readSafetensors(join(directory, "model.safetensors"))).tensors.get(
    "model.layers.1.input_layernorm.weight",
  )!;
  const bytes = (await readFile(join(directory, "model.safetensors"))).subarray(stored.offset);
  expect(bytes.readFloatLE()).toBeCloseTo(expected.get(norm)!.readFloatLE() - 1, 6);
  // Written as a list, because its windows do not come in llama.cpp's usual order.
  expect(after.metadata.get("gemma3.attention.sliding_window_pattern")?.value).toEqual([true, false, true, false]);
});

describe("a SentencePiece tokenizer", () => {
  const bytes = Array.from({ length: 256 }, (_, i) => `<0x${i.toString(16).toUpperCase().padStart(2, "0")}>`);
  const tokens = ["<unk>", "<s>", "</s>", ...bytes, "▁", "▁▁"];
  const types = [2, 3, 3, ...bytes.map(() => 6), 1, 1];
  const mutate: TinyModelOptions["mutate"] = (metadata) => {
    for (const key of ["pre", "merges", "bos_token_id", "add_bos_token"]) metadata.delete(`tokenizer.ggml.${key}`);
    metadata.set("tokenizer.ggml.model", text("llama"));
    metadata.set("tokenizer.ggml.tokens", { type: "array", elementType: "string", value: tokens });
    metadata.set("tokenizer.ggml.token_type", { type: "array", elementType: "int32", value: types });
    metadata.set("tokenizer.ggml.scores", { type: "array", elementType: "float32", value: tokens.map((_, i) => -i) });
  };
  const read = async (directory: string) => {
    await using weights = await openHuggingFaceWeights(directory);
    return (key: string) => weights.metadata.get(`tokenizer.ggml.${key}`)?.value;
  };

  test("keeps its tokens and types, begins texts, and puts a space in front", async () => {
    const directory = await exportTiny("pieces", { mutate });
    const json = JSON.parse(await readFile(join(directory, "tokenizer.json"), "utf8"));
    expect(json.model.merges).toEqual([["▁", "▁"]]);
    const after = await read(directory);
    expect(after("model")).toBe("llama");
    expect(after("tokens")).toEqual(tokens);
    expect(after("token_type")).toEqual(types);
    expect([after("bos_token_id"), after("eos_token_id"), after("unknown_token_id")]).toEqual([1, 2, 0]);
    expect([after("add_bos_token"), after("add_space_prefix")]).toEqual([true, true]);
    // The order of merges is all that is left of scores.
    expect((after("scores") as number[]).slice(-2)).toEqual([-1e6, 0]);
  });

  test("takes its scores from tokenizer.model where there is one", async () => {
    const directory = await exportTiny("scored", { mutate });
    const field = (number: number, value: number[]) => [number * 8 + 2, value.length, ...value];
    const pieces = tokens.map((token, i) =>
      field(1, [...field(1, [...Buffer.from(token)]), 21, ...new Uint8Array(Float32Array.of(0 - i).buffer)]),
    );
    await writeFile(join(directory, "tokenizer.model"), Uint8Array.from(pieces.flat()));
    expect((await read(directory))("scores")).toEqual(tokens.map((_, i) => 0 - i));
  });
});

test("frequencies with factors that are not Llama 3's are refused", async () => {
  await expect(exportTiny("factors", { ropeFactors: true })).rejects.toMatchObject({ code: "MODEL_UNSUPPORTED" });
});

test("quantised weights become 16-bit numbers", async () => {
  const directory = await exportTiny("quantised", { type: "Q8_0" });
  const { tensors } = await readSafetensors(join(directory, "model.safetensors"));
  for (const { name, dtype, shape } of tensors.values()) expect(dtype, name).toBe(shape.length === 1 ? "F32" : "F16");
  expect(JSON.parse(await readFile(join(directory, "config.json"), "utf8"))).toMatchObject({ torch_dtype: "float16" });
});

test("rows of queries and keys change places inside heads, and back", () => {
  // One head of six values: transformers pairs 0-3, 1-4, 2-5; llama.cpp 0-1, 2-3, 4-5.
  const rows = Uint8Array.from([0, 1, 2, 3, 4, 5, 10, 11, 12, 13, 14, 15]);
  expect([...reorderRows(rows, 1, 6, "neighbours")]).toEqual([0, 3, 1, 4, 2, 5, 10, 13, 11, 14, 12, 15]);
  expect([...reorderRows(reorderRows(rows, 1, 6, "neighbours"), 1, 6, "halves")]).toEqual([...rows]);
  expect(rotaryRow(7, 6, "neighbours")).toBe(9);
});

describe("Llama 3's rotation", () => {
  // Values of transformers 5.23 (ROPE_INIT_FUNCTIONS["llama3"]) for base 500000, head 128, as inverse ratios.
  const rope = { factor: 8, low_freq_factor: 1, high_freq_factor: 4, original_max_position_embeddings: 8192 };
  test("keeps short waves and stretches long ones", () => {
    const factors = llama3Factors(rope, 500_000, 128);
    expect(factors[0]).toBe(1);
    expect(factors.at(-1)).toBe(8);
    expect([...factors].every((value, i) => i === 0 || value >= factors[i - 1]!)).toBe(true);
  });
  test.each([
    rope,
    { ...rope, factor: 32 },
    { ...rope, low_freq_factor: 1.5, high_freq_factor: 3 },
    { ...rope, original_max_position_embeddings: 1024 },
  ])("is found again from its factors: %o", (original) => {
    const factors = llama3Factors(original, 500_000, 128);
    const found = llama3RopeOf(factors, 500_000, 128)!;
    const again = llama3Factors(found, 500_000, 128);
    for (const [i, value] of factors.entries()) expect(Math.abs(again[i]! / value - 1)).toBeLessThan(1e-4);
  });
  test("is not seen in other factors", () => {
    expect(
      llama3RopeOf(
        Float32Array.from({ length: 64 }, (_, i) => 1 + (i % 7)),
        500_000,
        128,
      ),
    ).toBeUndefined();
  });
});

test("every way of cutting a text is recognised by its own rules", () => {
  for (const known of PRE_TOKENIZERS) {
    const reread = JSON.parse(JSON.stringify(known.rules));
    expect(preTokenizerByRules(reread, known.ignoresMerges)?.names[0]).toBe(known.names[0]);
  }
  expect(preTokenizerByRules({ type: "Whitespace" }, false)).toBeUndefined();
});

test("merges come from scores: the highest first, every way to cut a token", () => {
  const texts = ["<unk>", "a", "b", "ab", "aba", "<0x41>"];
  const types = [2, 1, 1, 1, 1, 6];
  expect(mergesFromScores(texts, types, [0, -9, -9, -1, -2, 0])).toEqual([
    ["a", "b"],
    ["ab", "a"],
  ]);
  expect(mergesFromScores(texts, types, [0, -9, -9, -2, -1, 0])[0]).toEqual(["ab", "a"]);
  // What a user defined is found before anything is joined.
  expect(mergesFromScores(texts, [2, 1, 1, 1, 4, 6], [0, -9, -9, -1, -1000, 0])[0]).toEqual(["ab", "a"]);
});

test("SentencePiece models: pieces, scores, types, the space in front", () => {
  const field = (number: number, bytes: number[]) => [number * 8 + 2, bytes.length, ...bytes];
  const piece = (name: string, score: number, type: number) =>
    field(1, [...field(1, [...Buffer.from(name)]), 21, ...new Uint8Array(Float32Array.of(score).buffer), 24, type]);
  const bytes = Uint8Array.from([...piece("▁a", -1.5, 1), ...piece("<s>", 0, 3), ...field(3, [24, 0])]);
  expect(parseSentencePieceModel("x", bytes)).toEqual({
    pieces: [
      { text: "▁a", score: -1.5, type: 1 },
      { text: "<s>", score: 0, type: 3 },
    ],
    addsSpacePrefix: false,
  });
  for (let length = 0; length < bytes.length - 4; length++)
    try {
      parseSentencePieceModel("x", bytes.subarray(0, length));
    } catch (error) {
      expect(error).toMatchObject({ code: "TOKENIZER_INVALID" });
    }
});

describe("directories that do not hold together", () => {
  const change = async (directory: string, file: string, edit: (json: { model: { vocab: object } }) => void) => {
    const path = join(directory, file);
    const json = JSON.parse(await readFile(path, "utf8"));
    edit(json);
    await writeFile(path, JSON.stringify(json));
  };
  test.each<[string, string, (directory: string) => Promise<void>]>([
    ["no config", "HF_CONFIG_INVALID", (directory) => rm(join(directory, "config.json"))],
    [
      "an unknown class",
      "ARCHITECTURE_UNSUPPORTED",
      (d) => change(d, "config.json", (c) => Object.assign(c, { architectures: ["BertModel"] })),
    ],
    [
      "another width",
      "HF_WEIGHTS_INVALID",
      (d) => change(d, "config.json", (c) => Object.assign(c, { hidden_size: 128, head_dim: 16 })),
    ],
    [
      "more layers",
      "HF_WEIGHTS_INVALID",
      (d) => change(d, "config.json", (c) => Object.assign(c, { num_hidden_layers: 3 })),
    ],
    [
      "fewer layers",
      "HF_WEIGHTS_INVALID",
      (d) => change(d, "config.json", (c) => Object.assign(c, { num_hidden_layers: 1 })),
    ],
    [
      "a billion layers",
      "HF_CONFIG_INVALID",
      (d) => change(d, "config.json", (c) => Object.assign(c, { num_hidden_layers: 1e9 })),
    ],
    [
      "another activation",
      "MODEL_UNSUPPORTED",
      (d) => change(d, "config.json", (c) => Object.assign(c, { hidden_act: "relu" })),
    ],
    [
      "an unknown rotation",
      "MODEL_UNSUPPORTED",
      (d) => change(d, "config.json", (c) => Object.assign(c, { rope_scaling: { rope_type: "dynamic", factor: 2 } })),
    ],
    [
      "quantised elsewhere",
      "HF_CONFIG_INVALID",
      (d) => change(d, "config.json", (c) => Object.assign(c, { quantization_config: { bits: 4 } })),
    ],
    ["no weights", "HF_WEIGHTS_MISSING", (directory) => rm(join(directory, "model.safetensors"))],
    ["half the weights", "SAFETENSORS_TRUNCATED", (directory) => truncate(join(directory, "model.safetensors"), 9000)],
    ["no tokenizer", "TOKENIZER_MISSING", (directory) => rm(join(directory, "tokenizer.json"))],
    [
      "a tokenizer of another model",
      "TOKENIZER_MISMATCH",
      (d) => change(d, "tokenizer.json", (t) => Object.assign(t.model.vocab, { stranger: 5000 })),
    ],
    [
      "an unknown way of cutting",
      "TOKENIZER_UNSUPPORTED",
      (d) => change(d, "tokenizer.json", (t) => Object.assign(t, { pre_tokenizer: { type: "Whitespace" } })),
    ],
    [
      "an unknown kind of tokenizer",
      "TOKENIZER_UNSUPPORTED",
      (d) => change(d, "tokenizer.json", (t) => Object.assign(t.model, { type: "WordPiece" })),
    ],
    [
      "an index that leads elsewhere",
      "HF_WEIGHTS_INVALID",
      (d) =>
        writeFile(
          join(d, "model.safetensors.index.json"),
          JSON.stringify({ weight_map: { x: "../llama/model.safetensors" } }),
        ),
    ],
    [
      "an index with a missing shard",
      "HF_WEIGHTS_MISSING",
      (d) =>
        writeFile(
          join(d, "model.safetensors.index.json"),
          JSON.stringify({ weight_map: { x: "model-2.safetensors" } }),
        ),
    ],
  ])("%s", async (name, code, damage) => {
    const directory = await exportTiny(`broken-${name.replaceAll(" ", "-")}`);
    await damage(directory);
    await expect(openHuggingFaceWeights(directory)).rejects.toMatchObject({ code, hint: expect.any(String) });
  });
});

test("whatever stands in place of a value, the directory is read or refused by name", async () => {
  const directory = await exportTiny("fuzzed");
  type Json = Record<string, unknown>;
  const places = (value: unknown, path: string[] = []): string[][] => {
    const isBranch = typeof value === "object" && value !== null && path.at(-1) !== "vocab" && path.length < 4;
    const inner = isBranch ? Object.entries(value).slice(0, 30) : [];
    return [...(path.length > 0 ? [path] : []), ...inner.flatMap(([key, each]) => places(each, [...path, key]))];
  };
  let refused = 0;
  for (const file of ["config.json", "tokenizer.json", "tokenizer_config.json"]) {
    const content = await readFile(join(directory, file), "utf8");
    for (const path of places(JSON.parse(content)))
      for (const value of [null, -1, 1e300, "x", [], {}, { type: "Sequence" }]) {
        const json = JSON.parse(content) as Json;
        const parent = path.slice(0, -1).reduce((at, key) => at[key] as Json, json);
        parent[path.at(-1)!] = value;
        await writeFile(join(directory, file), JSON.stringify(json));
        try {
          await (await openHuggingFaceWeights(directory))[Symbol.asyncDispose]();
        } catch (error) {
          refused += 1;
          const { code, hint } = error as { code?: string; hint?: string };
          expect([code, hint], `${file} ${path.join(".")} = ${JSON.stringify(value)}`).toEqual([
            expect.stringMatching(/^(HF_|ARCHITECTURE_|MODEL_|TOKENIZER_)/),
            expect.any(String),
          ]);
        }
      }
    await writeFile(join(directory, file), content);
  }
  expect(refused).toBeGreaterThan(100);
});

test.each<[string, TinyModelOptions]>([
  ["a missing tensor", { mutate: (_, tensors) => tensors.delete("blk.1.ffn_up.weight") }],
  ["no embedding", { mutate: (_, tensors) => tensors.delete("token_embd.weight") }],
  [
    "a tensor of another shape",
    { mutate: (_, tensors) => tensors.set("blk.0.attn_k.weight", { shape: [64, 64], type: 0 }) },
  ],
  ["a layer too many", { mutate: (_, tensors) => tensors.set("blk.2.ffn_norm.weight", { shape: [64], type: 0 }) }],
  ["a stranger", { mutate: (_, tensors) => tensors.set("blk.0.ffn_gate_exps.weight", { shape: [64], type: 0 }) }],
  ["a billion layers", { mutate: (metadata) => metadata.set("llama.block_count", u32(1e9)) }],
  ["no head count", { mutate: (metadata) => metadata.delete("llama.attention.head_count") }],
])("a GGUF file with %s is not written", async (name, options) => {
  await expect(exportTiny(`gguf-with-${name.replaceAll(" ", "-")}`, options)).rejects.toMatchObject({
    code: "MODEL_UNSUPPORTED",
    hint: expect.any(String),
  });
});

test("biases that transformers expects and the file has not are zeros", async () => {
  const directory = await exportTiny("some-biases", { biases: ["attn_v"] });
  const { tensors } = await readSafetensors(join(directory, "model.safetensors"));
  const names = [...tensors.keys()].filter((each) => each.endsWith(".bias"));
  expect(names.length).toBe(8);
  const { offset, sizeBytes } = tensors.get("model.layers.1.self_attn.q_proj.bias")!;
  const bytes = (await readFile(join(directory, "model.safetensors"))).subarray(offset, offset + sizeBytes);
  expect([...bytes]).toEqual(new Array(256).fill(0));
  expect(JSON.parse(await readFile(join(directory, "config.json"), "utf8"))).toMatchObject({ attention_bias: true });
});

test("shards with an index are one model", async () => {
  const directory = await exportTiny("sharded");
  await using before = await openHuggingFaceWeights(directory);
  const expected = await bytesOf(before);
  // The second shard brings one tensor; the rest stays where it was.
  const { writeSafetensors } = await import("../safetensors.ts");
  const { tensors } = await readSafetensors(join(directory, "model.safetensors"));
  const bytes = await readFile(join(directory, "model.safetensors"));
  const shard = async (file: string, names: string[]) => {
    const sources = names.map((name) => {
      const { dtype, shape, offset, sizeBytes } = tensors.get(name)!;
      return { name, dtype, shape, data: () => [bytes.subarray(offset, offset + sizeBytes)] };
    });
    await writeSafetensors(join(directory, file), sources);
    return Object.fromEntries(names.map((name) => [name, file]));
  };
  const names = [...tensors.keys()];
  const map = {
    ...(await shard("m-1.safetensors", names.slice(0, 7))),
    ...(await shard("m-2.safetensors", names.slice(7))),
  };
  await mkdir(place("aside"));
  await rename(join(directory, "model.safetensors"), place("aside/model.safetensors"));
  await writeFile(join(directory, "model.safetensors.index.json"), JSON.stringify({ weight_map: map }));
  await using after = await openHuggingFaceWeights(directory);
  expect(await bytesOf(after)).toEqual(expected);
});
