/**
 * Every architecture, with every option that its files can carry: the engine's logits against llama.cpp's own, and its gradients against
 * the 64-bit reference, which is itself held against finite differences. Sequences are longer than the sliding windows.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  compareGradients,
  makeBatch,
  randomParameters,
  relativeDifference,
  TEST_LORA,
} from "../../../../test/helpers/compare-gradients.ts";
import { llamaLogits } from "../../../../test/helpers/llama-logits.ts";
import { bool, bools, f32, text, u32 } from "../../../../test/helpers/tiny-architectures.ts";
import { type TinyModelOptions, writeTinyModel } from "../../../../test/helpers/tiny-model.ts";
import { readGguf } from "../../../formats/gguf/read-gguf.ts";
import { writeLoraAdapter } from "../../../formats/lora-adapter.ts";
import { TensorType } from "../../../tensor/ggml.ts";
import { createRandomSource } from "../../../util/rng.ts";
import { layOutPack } from "../../lay-out-pack.ts";
import { referenceGradient } from "../../reference/reference-model.ts";
import { loraWeights } from "../export-adapter.ts";
import { TrainingEngine } from "../training-engine.ts";

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "ilab-architectures-"));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

const ALL_BIASES = ["attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down"];
const yarn = (factor: number, more = {}) => ({
  "rope.scaling.type": text("yarn"),
  "rope.scaling.factor": f32(factor),
  "rope.scaling.original_context_length": u32(32),
  ...more,
});

/** One layer that sees everything and one with a window suffice for gradients; `layers` where the pattern needs more. */
const CASES: Record<string, TinyModelOptions> = {
  llama: {},
  "llama with frequency factors and a head of its own": { ropeFactors: true, isTied: false },
  "llama with as little metadata as old files have": {
    keyValueHeads: 4,
    mutate: (metadata) => {
      for (const key of ["attention.key_length", "attention.value_length", "attention.head_count_kv", "vocab_size"])
        metadata.delete(`llama.${key}`);
      for (const key of ["rope.freq_base", "rope.dimension_count"]) metadata.delete(`llama.${key}`);
    },
  },
  "llama with head counts layer by layer": {
    metadata: {
      "attention.head_count": { type: "array", elementType: "uint32", value: [4, 4] },
      "attention.head_count_kv": { type: "array", elementType: "uint32", value: [2, 2] },
    },
  },
  "llama with biases everywhere": { biases: ALL_BIASES },
  "llama with biases of attention": { biases: ["attn_q", "attn_v", "attn_output"] },
  "llama with heads of 80": { heads: 2, keyValueHeads: 1, headSize: 80 },
  "llama with heads of 6": { heads: 6, keyValueHeads: 3, headSize: 6 },
  "llama with linear scaling": {
    metadata: { "rope.scaling.type": text("linear"), "rope.scaling.factor": f32(2.5) },
  },
  "llama with a scaling factor and no type": { metadata: { "rope.scaling.factor": f32(4) } },
  "llama with the old key of linear scaling": { metadata: { "rope.scale_linear": f32(3) } },
  "llama with a factor and the type none": {
    metadata: { "rope.scaling.type": text("none"), "rope.scaling.factor": f32(4) },
  },
  "llama with YaRN": { metadata: yarn(4) },
  "llama with YaRN below one": { metadata: yarn(0.5) },
  "llama with YaRN, attention factor and frequency factors": {
    ropeFactors: true,
    metadata: yarn(8, { "rope.scaling.attn_factor": f32(1.3) }),
  },
  "llama with an attention factor alone": { metadata: { "rope.scaling.attn_factor": f32(0.8) } },
  "llama with a window, which llama.cpp does not honour": { metadata: { "attention.sliding_window": u32(4) } },
  granite: { architecture: "granite" },
  "granite with only the required multiplier": {
    architecture: "granite",
    isTied: false,
    metadata: { embedding_scale: f32(0), residual_scale: f32(0), "attention.scale": f32(0) },
  },
  "granite with biases and without rotation": {
    architecture: "granite",
    biases: ALL_BIASES,
    metadata: { "rope.scaling.finetuned": bool(false) },
  },
  qwen2: { architecture: "qwen2" },
  "qwen2 with a head bias": {
    architecture: "qwen2",
    isTied: false,
    mutate: (_, tensors) => tensors.set("output.bias", { shape: [261], type: TensorType.F32 }),
  },
  "qwen2 with YaRN and heads of 64": { architecture: "qwen2", width: 128, heads: 2, metadata: yarn(4) },
  qwen3: { architecture: "qwen3", headSize: 32 },
  "qwen3 with heads of 128 and biases": {
    architecture: "qwen3",
    heads: 2,
    keyValueHeads: 1,
    headSize: 128,
    isTied: false,
    biases: ["attn_q", "attn_k", "attn_v"],
    metadata: yarn(2),
  },
  gemma2: { architecture: "gemma2", headSize: 32 },
  "gemma2 with heads of 96, biases and other bases": {
    architecture: "gemma2",
    heads: 2,
    keyValueHeads: 1,
    headSize: 96,
    biases: ["attn_q", "attn_k", "attn_v"],
    metadata: {
      ...yarn(2),
      "rope.freq_base_swa": f32(500),
      "attention.sliding_window_pattern": bools([false, true]),
    },
  },
  "gemma2 with its defaults": {
    architecture: "gemma2",
    mutate: (metadata) => {
      for (const key of [...metadata.keys()].filter((name) => /softcapping|sliding/.test(name))) metadata.delete(key);
    },
  },
  gemma3: { architecture: "gemma3" },
  "gemma3 with heads of 256 and a soft cap": {
    architecture: "gemma3",
    heads: 2,
    keyValueHeads: 1,
    headSize: 256,
    isTied: false,
    biases: ["attn_q", "attn_k", "attn_v"],
    metadata: { final_logit_softcapping: f32(4) },
  },
  "gemma3 with a list of local layers and linear scaling": {
    architecture: "gemma3",
    layers: 3,
    metadata: {
      "attention.sliding_window": u32(2),
      "attention.sliding_window_pattern": bools([false, true, true]),
      "rope.scaling.type": text("linear"),
      "rope.scaling.factor": f32(8),
    },
  },
  "gemma3 with local layers only, half rotated": {
    architecture: "gemma3",
    metadata: { "attention.sliding_window_pattern": u32(0), "rope.dimension_count": u32(8) },
  },
  "gemma3 without a window": { architecture: "gemma3", metadata: { "attention.sliding_window": u32(0) } },
  "gemma3 with its defaults": {
    architecture: "gemma3",
    layers: 7,
    width: 32,
    feedForward: 32,
    mutate: (metadata) => {
      for (const key of ["attention.sliding_window_pattern", "rope.freq_base_swa", "rope.freq_base"])
        metadata.delete(`gemma3.${key}`);
    },
  },
  "gemma3 in the shape of 27B": {
    architecture: "gemma3",
    layers: 62,
    width: 32,
    heads: 2,
    keyValueHeads: 1,
    headSize: 8,
    feedForward: 32,
  },
};

/**
 * The table in half precision from which ggml's CPU reads gelu is one step in 2,048 off, and which step is taken can hang on the last bit.
 * Everything else is 32-bit arithmetic in another order.
 */
const usesGelu = ({ architecture = "" }: TinyModelOptions) => architecture.startsWith("gemma");

const fileOf = (name: string) => join(directory, `${name.replaceAll(/\W+/g, "-")}.gguf`);

test.each(Object.entries(CASES))("%s: logits are llama.cpp's", async (name, options) => {
  const path = fileOf(name);
  await writeTinyModel(path, options);
  const random = createRandomSource(2);
  const tokens = Int32Array.from({ length: 40 }, () => random.integer(261));
  using engine = new TrainingEngine(await readGguf(path), { lora: TEST_LORA, seed: 1, threads: 1, holdType: "F32" });
  const logits = engine.logits(tokens);
  const expected = await llamaLogits(path, tokens);
  expect(logits.length).toBe(expected.length);
  expect(relativeDifference(logits, expected)).toBeLessThan(usesGelu(options) ? 5e-4 : 2e-6);
});

test.each(Object.entries(CASES).filter(([, options]) => (options.layers ?? 2) < 10))(
  "%s: gradients are the reference's",
  async (name, options) => {
    const { loss, reference, worst } = await compareGradients(fileOf(name), options, "F32");
    expect(Math.abs(loss.targetLoss / reference.targetLoss - 1)).toBeLessThan(1e-4);
    expect(Math.abs(loss.anchorLoss / reference.anchorLoss - 1)).toBeLessThan(1e-4);
    expect(worst).toBeLessThan(usesGelu(options) ? 3e-3 : 2e-5);
  },
);

/** One of each architecture, with all that is its own. */
const ARCHITECTURE_CASES: TinyModelOptions[] = [
  { metadata: yarn(4) },
  { architecture: "granite" },
  { architecture: "qwen2" },
  { architecture: "qwen3", headSize: 32 },
  { architecture: "gemma2", headSize: 32 },
  { architecture: "gemma3", metadata: { final_logit_softcapping: f32(4) } },
];
const architectureTest = test.each(
  ARCHITECTURE_CASES.map((options) => [options.architecture ?? "llama", options] as const),
);

architectureTest("%s: the reference agrees with finite differences of its own loss", async (name, options) => {
  const { model, layout, parameters, batch, reference } = await compareGradients(
    fileOf(`finite ${name}`),
    options,
    "F32",
  );
  const loss = (values: ArrayLike<number>) => {
    const result = referenceGradient(model, layout, values, batch, 1 / 6, 0.5 / 3);
    return result.targetLoss / 6 + (0.5 * result.anchorLoss) / 3;
  };
  const random = createRandomSource(5);
  const direction = Float64Array.from({ length: layout.size }, () => random.normal());
  const step = 1e-5;
  const moved = (sign: number) => Float64Array.from(parameters, (value, i) => value + sign * step * direction[i]!);
  const numeric = (loss(moved(1)) - loss(moved(-1))) / (2 * step);
  const analytic = direction.reduce((sum, d, i) => sum + d * reference.gradient[i]!, 0);
  expect(Math.abs(numeric - analytic)).toBeLessThan(1e-6 * Math.max(1, Math.abs(analytic)));
});

architectureTest("%s: with an adapter, logits are llama.cpp's with the adapter file", async (name, options) => {
  const path = fileOf(`adapted ${name}`);
  await writeTinyModel(path, options);
  const tokens = makeBatch(261).tokens;
  using engine = new TrainingEngine(await readGguf(path), { lora: TEST_LORA, seed: 1, threads: 1, holdType: "F32" });
  const base = engine.logits(tokens);
  engine.setParameters(randomParameters(engine.layout.size));
  const adapterFile = fileOf(`adapter ${name}`);
  const { rank, alpha } = TEST_LORA;
  const info = { architecture: engine.spec.architecture, alpha, rank, notes: {} };
  await writeLoraAdapter(adapterFile, info, loraWeights(engine.layout, engine.parameters));
  const adapted = engine.logits(tokens);
  expect(relativeDifference(adapted, base)).toBeGreaterThan(0.05);
  const expected = await llamaLogits(path, tokens, { adapterFile });
  expect(relativeDifference(adapted, expected)).toBeLessThan(usesGelu(options) ? 5e-4 : 2e-6);
});

architectureTest("%s: recomputing activations changes nothing", async (name, options) => {
  const kept = await compareGradients(fileOf(`recompute ${name}`), options, "F32");
  for (const keeping of ["half", "inputs"] as const) {
    const recomputed = await compareGradients(fileOf(`recompute ${name}`), options, "F32", keeping);
    expect(recomputed.engine.gradients).toEqual(kept.engine.gradients);
  }
});

architectureTest("%s: ggml's own products and this processor's give the same", async (name, options) => {
  const path = fileOf(`kernels ${name}`);
  await writeTinyModel(path, options);
  const file = await readGguf(path);
  const gradients = [false, true].map((usesKernels) => {
    using engine = new TrainingEngine(file, { lora: TEST_LORA, seed: 1, threads: 1, holdType: "F32", usesKernels });
    engine.setParameters(randomParameters(engine.layout.size));
    engine.accumulate(makeBatch(261), 1, 1);
    return engine.gradients.slice();
  });
  expect(relativeDifference(gradients[0]!, gradients[1]!)).toBeLessThan(usesGelu(options) ? 1e-3 : 1e-5);
});

test.each<[string, number, boolean]>([
  ["gemma2", 5, true],
  ["gemma2", 5, false],
  ["gemma3", 5, true],
  ["gemma3", 5, false],
  ["gemma3", 12, true],
  ["gemma3", 14, true],
  ["gemma3", 3, true],
])(
  "%s with a window of %i (kernels: %s): samples that share their beginning give what they give alone",
  async (architecture, size, usesKernels) => {
    const path = fileOf(`shared ${architecture} ${size}`);
    await writeTinyModel(path, { architecture, layers: 3, metadata: { "attention.sliding_window": u32(size) } });
    using engine = new TrainingEngine(await readGguf(path), {
      lora: TEST_LORA,
      seed: 1,
      threads: 1,
      holdType: "F32",
      usesKernels,
    });
    engine.setParameters(randomParameters(engine.layout.size));
    const random = createRandomSource(13);
    const numbers = (count: number) => Array.from({ length: count }, () => random.integer(200));
    const beginning = numbers(12);
    const samples = [6, 9, 4, 15].map((length) => {
      const tokens = Int32Array.from([...beginning, ...numbers(length)]);
      return { tokens, counted: Uint8Array.from(tokens, (_, t) => (t >= 12 ? 1 : 0)) };
    });
    let targetLoss = 0;
    for (const sample of samples) targetLoss += engine.accumulate(layOutPack([sample]), 1, 0).targetLoss;
    const separate = engine.gradients.slice();
    engine.gradients.fill(0);
    const pack = layOutPack(samples);
    expect(pack.segments.filter((segment) => segment.continues !== undefined).length).toBe(4);
    const together = engine.accumulate(pack, 1, 0);
    expect(Math.abs(together.targetLoss / targetLoss - 1)).toBeLessThan(1e-5);
    expect(relativeDifference(engine.gradients, separate)).toBeLessThan(2e-4);
  },
);

architectureTest("%s: held as BF16 the gradient stays near the reference", async (name, options) => {
  const { worst } = await compareGradients(fileOf(`bf16 ${name}`), options, "BF16");
  expect(worst).toBeLessThan(0.1);
});

test("a file whose matrices have many types, as Q4_K_M files have, trains like the reference", async () => {
  const types = ["Q4_K", "Q5_0", "Q8_0", "Q6_K", "Q5_1", "Q4_0", "Q5_K", "F16", "Q4_1", "BF16"] as const;
  const { worst } = await compareGradients(
    fileOf("mixture"),
    {
      architecture: "qwen3",
      width: 256,
      headSize: 64,
      feedForward: 256,
      isTied: false,
      mutate: (_, tensors) => {
        for (const [i, tensor] of [...tensors.values()].filter(({ shape }) => shape.length === 2).entries())
          tensor.type = TensorType[types[i % types.length]!];
      },
    },
    "F32",
  );
  expect(worst).toBeLessThan(2e-5);
});
