/** peft's layout: names, the order of rows, scales that differ between modules, and what is refused. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeTempDir, type TempDir } from "../../../test/helpers/temp-dir.ts";
import { type LoraAdapter, loraScale } from "../lora-adapter.ts";
import { readSafetensors, type SafetensorsSource, writeSafetensors } from "../safetensors.ts";
import { architectureOfGguf } from "./architectures.ts";
import type { BaseFacts } from "./base-facts.ts";
import { readPeftAdapter, writePeftAdapter } from "./peft-adapter.ts";

let temporary: TempDir;
const place = (name: string) => join(temporary.path, name);
beforeAll(async () => {
  temporary = await makeTempDir();
});
afterAll(() => temporary[Symbol.asyncDispose]());

const base = (name: string): BaseFacts => ({ architecture: architectureOfGguf(name, "x"), layers: 2, headSize: 4 });
const count = (length: number, from = 0) => Float32Array.from({ length }, (_, i) => from + i);
/** Queries of two heads of four values. */
const query = (layer: number, rank = 1) => ({
  name: `blk.${layer}.attn_q.weight`,
  input: 3,
  output: 8,
  a: count(3 * rank, 100),
  b: count(8 * rank),
});
const written = { source: "x", baseModel: "some/base" };

async function tensorsOf(directory: string): Promise<Record<string, { shape: number[]; values: number[] }>> {
  const path = join(directory, "adapter_model.safetensors");
  const bytes = await readFile(path);
  return Object.fromEntries(
    [...(await readSafetensors(path)).tensors.values()].map(({ name, shape, offset, sizeBytes }) => [
      name,
      {
        shape,
        values: [
          ...new Float32Array(bytes.buffer.slice(bytes.byteOffset + offset, bytes.byteOffset + offset + sizeBytes)),
        ],
      },
    ]),
  );
}

test("an adapter is written with peft's names, and queries in transformers' order where that differs", async () => {
  const adapter: LoraAdapter = { architecture: "llama", alpha: 8, notes: {}, weights: [query(0), query(1)] };
  await writePeftAdapter(place("llama"), adapter, base("llama"), written);
  const llama = await tensorsOf(place("llama"));
  const name = "base_model.model.model.layers.0.self_attn.q_proj";
  expect(llama[`${name}.lora_A.weight`]).toEqual({ shape: [1, 3], values: [100, 101, 102] });
  // Neighbours 0-1, 2-3 become halves 0-2, 1-3.
  expect(llama[`${name}.lora_B.weight`]).toEqual({ shape: [8, 1], values: [0, 2, 1, 3, 4, 6, 5, 7] });
  expect(JSON.parse(await readFile(join(place("llama"), "adapter_config.json"), "utf8"))).toMatchObject({
    peft_type: "LORA",
    r: 1,
    lora_alpha: 8,
    target_modules: ["q_proj"],
    base_model_name_or_path: "some/base",
  });

  await writePeftAdapter(place("qwen2"), { ...adapter, architecture: "qwen2" }, base("qwen2"), written);
  expect((await tensorsOf(place("qwen2")))[`${name}.lora_B.weight`]!.values).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
});

test("modules that not every layer has are named whole; ranks that differ are said", async () => {
  const adapter: LoraAdapter = {
    architecture: "llama",
    alpha: 6,
    notes: {},
    weights: [query(0), query(1, 2), { ...query(1), name: "blk.1.ffn_up.weight" }],
  };
  await writePeftAdapter(place("mixed"), adapter, base("llama"), written);
  const config = JSON.parse(await readFile(join(place("mixed"), "adapter_config.json"), "utf8"));
  expect(config).toMatchObject({
    r: 1,
    rank_pattern: { "model.layers.1.self_attn.q_proj": 2 },
    target_modules: ["q_proj", "model.layers.1.mlp.up_proj"],
  });
  const again = await readPeftAdapter(place("mixed"), base("llama"));
  expect(again.weights).toEqual(adapter.weights);
  expect(again.alpha).toBe(6);
});

async function peftDirectory(name: string, config: object, tensors: [string, number[]][]): Promise<string> {
  const directory = place(name);
  await mkdir(directory, { recursive: true });
  await writeFile(
    join(directory, "adapter_config.json"),
    JSON.stringify({ peft_type: "LORA", lora_alpha: 8, r: 2, ...config }),
  );
  const sources = tensors.map(([tensor, shape]): SafetensorsSource => {
    const values = count(shape.reduce((a, b) => a * b, 1));
    return { name: `base_model.model.${tensor}`, dtype: "F32", shape, data: () => [new Uint8Array(values.buffer)] };
  });
  await writeSafetensors(join(directory, "adapter_model.safetensors"), sources);
  return directory;
}

const value = "model.layers.0.self_attn.v_proj";
const pair = (module: string, rank: number): [string, number[]][] => [
  [`${module}.lora_A.weight`, [rank, 3]],
  [`${module}.lora_B.weight`, [8, rank]],
];

test("rank-stabilised scales, and alphas by module, come out as peft counts them", async () => {
  const down = "model.layers.1.mlp.down_proj";
  const config = { use_rslora: true, alpha_pattern: { down_proj: 3 } };
  const directory = await peftDirectory("scales", config, [...pair(value, 4), ...pair(down, 9)]);
  const adapter = await readPeftAdapter(directory, base("llama"));
  const product = (index: number) => loraScale(adapter, adapter.weights[index]!) * adapter.weights[index]!.b[5]!;
  expect(adapter.weights.map(({ name }) => name)).toEqual(["blk.0.attn_v.weight", "blk.1.ffn_down.weight"]);
  expect(product(0)).toBeCloseTo((8 / Math.sqrt(4)) * 5, 5);
  expect(product(1)).toBeCloseTo((3 / Math.sqrt(9)) * 5, 5);
});

test.each<[string, object, [string, number[]][]]>([
  ["another kind", { peft_type: "IA3" }, pair(value, 2)],
  ["DoRA", { use_dora: true }, pair(value, 2)],
  ["whole modules", { modules_to_save: ["lm_head"] }, pair(value, 2)],
  ["half an adapter", {}, pair(value, 2).slice(0, 1)],
  ["halves that do not fit", {}, [pair(value, 2)[0]!, pair(value, 3)[1]!]],
  ["an embedding", {}, pair("model.embed_tokens", 2)],
  ["a stranger", {}, pair("model.layers.0.self_attn.r_proj", 2)],
  ["something else inside", {}, [...pair(value, 2), ["model.norm.weight", [4]]]],
  [
    "heads of another size",
    {},
    [
      ["model.layers.0.self_attn.q_proj.lora_A.weight", [2, 3]],
      ["model.layers.0.self_attn.q_proj.lora_B.weight", [6, 2]],
    ],
  ],
  ["nothing", {}, []],
])("%s is refused", async (name, config, tensors) => {
  const directory = await peftDirectory(`refused-${name.replaceAll(" ", "-")}`, config, tensors);
  await expect(readPeftAdapter(directory, base("llama"))).rejects.toMatchObject({
    code: "ADAPTER_INVALID",
    hint: expect.any(String),
  });
});
