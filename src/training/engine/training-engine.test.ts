/**
 * The engine's gradients against the 64-bit reference, and the reference against finite differences of its own loss: on tiny random
 * models, for every weight type, with several samples in a pack, anchors and shared key heads.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  compareGradients,
  makeBatch,
  randomParameters,
  relativeDifference,
  TEST_LORA,
} from "../../../test/helpers/compare-gradients.ts";
import { writeTinyModel } from "../../../test/helpers/tiny-model.ts";
import { readGguf } from "../../formats/gguf/read-gguf.ts";
import { createRandomSource } from "../../util/rng.ts";
import { layOutPack } from "../lay-out-pack.ts";
import { referenceGradient } from "../reference/reference-model.ts";
import { segmentsOf } from "./micro-batch.ts";
import { TrainingEngine } from "./training-engine.ts";

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "ilab-engine-"));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

type Comparison = Parameters<typeof compareGradients>;
const compare = (name: string, ...rest: Comparison extends [string, ...infer Rest] ? Rest : never) =>
  compareGradients(join(directory, `${name}.gguf`), ...rest);

test("the reference agrees with finite differences of its own loss", async () => {
  const { model, layout, parameters, batch, reference } = await compare("finite", { layers: 2 }, "F32");
  const loss = (values: ArrayLike<number>) => {
    const result = referenceGradient(model, layout, values, batch, 1 / 6, 0.5 / 3);
    return result.targetLoss / 6 + (0.5 * result.anchorLoss) / 3;
  };
  const random = createRandomSource(5);
  for (let trial = 0; trial < 4; trial++) {
    const direction = Float64Array.from({ length: layout.size }, () => random.normal());
    const step = 1e-5;
    const moved = (sign: number) => Float64Array.from(parameters, (value, i) => value + sign * step * direction[i]!);
    const numeric = (loss(moved(1)) - loss(moved(-1))) / (2 * step);
    const analytic = direction.reduce((sum, d, i) => sum + d * reference.gradient[i]!, 0);
    expect(Math.abs(numeric - analytic)).toBeLessThan(1e-6 * Math.max(1, Math.abs(analytic)));
  }
});

describe("held as F32 the engine agrees with the reference for every weight type", () => {
  const kQuant = { width: 256, feedForward: 256, layers: 1 };
  test.each([
    ["F32", {}],
    ["F16", {}],
    ["BF16", {}],
    ["Q8_0", {}],
    ["Q4_0", {}],
    ["Q4_1", {}],
    ["Q5_0", {}],
    ["Q5_1", {}],
    ["Q4_K", kQuant],
    ["Q5_K", kQuant],
    ["Q6_K", kQuant],
  ] as const)("%s", async (type, shape) => {
    const { loss, reference, worst } = await compare(`type-${type}`, { ...shape, type }, "F32");
    expect(loss.targetLoss).toBeCloseTo(reference.targetLoss, 3);
    expect(loss.anchorLoss).toBeCloseTo(reference.anchorLoss, 3);
    expect(worst).toBeLessThan(2e-4);
  });
});

test.each([
  ["F16", 2e-2],
  ["BF16", 1e-1],
] as const)("held as %s the gradient stays within %f of the reference", async (holdType, tolerance) => {
  const { worst } = await compare(`hold-${holdType}`, { type: "Q8_0" }, holdType);
  expect(worst).toBeLessThan(tolerance);
});

test.each([
  ["an output head of its own", { isTied: false }],
  ["frequency factors", { ropeFactors: true }],
  ["as many key heads as query heads", { keyValueHeads: 4 }],
  ["one key head", { keyValueHeads: 1 }],
  ["one layer", { layers: 1 }],
] as const)("a model with %s", async (name, options) => {
  const { worst } = await compare(name.replaceAll(" ", "-"), options, "F32");
  expect(worst).toBeLessThan(2e-4);
});

test.each([[["q_proj", "v_proj"]], [["down_proj"]], [["o_proj", "gate_proj"]]])("only %s adapted", async (targets) => {
  const { worst } = await compare(`targets-${targets.join("-")}`, {}, "F32", "all", targets);
  expect(worst).toBeLessThan(2e-4);
});

test("recomputing activations changes nothing", async () => {
  const kept = await compare("recompute", { layers: 3 }, "F32");
  for (const keeping of ["half", "inputs"] as const) {
    const recomputed = await compare("recompute", { layers: 3 }, "F32", keeping);
    expect(recomputed.engine.gradients).toEqual(kept.engine.gradients);
    expect(recomputed.worst).toBeLessThan(2e-4);
  }
});

test("a sample's gradient does not depend on its neighbours in the pack", async () => {
  const path = join(directory, "isolation.gguf");
  await writeTinyModel(path, {});
  const file = await readGguf(path);
  using engine = new TrainingEngine(file, { lora: TEST_LORA, seed: 1, threads: 1, holdType: "F32" });
  const random = createRandomSource(9);
  engine.setParameters(randomParameters(engine.layout.size));
  const sample = Int32Array.from({ length: 8 }, () => random.integer(200));
  const target = { rows: Int32Array.from([2, 5, 6]), tokens: Int32Array.from([3, 4, 5]) };
  const alone = engine.accumulate({ tokens: sample, segments: segmentsOf([8]), targets: target }, 1, 0);
  const aloneGradient = engine.gradients.slice();
  engine.gradients.fill(0);
  const neighbour = Int32Array.from({ length: 11 }, () => random.integer(200));
  const packed = engine.accumulate(
    {
      tokens: Int32Array.from([...neighbour, ...sample]),
      segments: segmentsOf([11, 8]),
      targets: { rows: target.rows.map((row) => row + 11), tokens: target.tokens },
    },
    1,
    0,
  );
  expect(packed.targetLoss).toBeCloseTo(alone.targetLoss, 4);
  expect(relativeDifference(engine.gradients, aloneGradient)).toBeLessThan(1e-5);
});

test("a shared beginning changes nothing: the pack gives the sum of what its samples give alone", async () => {
  const path = join(directory, "shared.gguf");
  await writeTinyModel(path, { layers: 3 });
  const file = await readGguf(path);
  using engine = new TrainingEngine(file, { lora: TEST_LORA, seed: 1, threads: 1, holdType: "F32" });
  engine.setParameters(randomParameters(engine.layout.size));
  const random = createRandomSource(13);
  const numbers = (count: number) => Array.from({ length: count }, () => random.integer(200));
  const beginning = numbers(12);
  const samples = [6, 9, 4].map((length) => {
    const tokens = Int32Array.from([...beginning, ...numbers(length)]);
    // The first counted token is predicted from the shared beginning's last.
    return { tokens, counted: Uint8Array.from(tokens, (_, t) => (t >= 12 ? 1 : 0)) };
  });
  const other = { tokens: Int32Array.from(numbers(10)), counted: new Uint8Array(10).fill(1) };
  const { anchors } = makeBatch(200);
  const anchor = { ...anchors!, rows: Int32Array.from([3, 11, 14]) };
  const anchored = { tokens: Int32Array.from([...beginning, ...numbers(5)]), anchor };
  const all = [samples[0]!, other, samples[1]!, anchored, samples[2]!];

  let targetLoss = 0;
  let anchorLoss = 0;
  for (const sequence of all) {
    const alone = engine.accumulate(layOutPack([sequence]), 1, 0.5);
    targetLoss += alone.targetLoss;
    anchorLoss += alone.anchorLoss;
  }
  const separate = engine.gradients.slice();
  engine.gradients.fill(0);
  const pack = layOutPack(all);
  expect(pack.segments.filter((segment) => segment.continues !== undefined).length).toBe(4);
  expect(pack.tokens.length).toBe(12 + 6 + 9 + 4 + 5 + 10);
  const together = engine.accumulate(pack, 1, 0.5);
  expect(together.targetLoss).toBeCloseTo(targetLoss, 3);
  expect(together.anchorLoss).toBeCloseTo(anchorLoss, 3);
  expect(relativeDifference(engine.gradients, separate)).toBeLessThan(1e-5);
});

test("the base distribution is the model's own, and anchoring the untouched model costs nothing", async () => {
  const path = join(directory, "anchor.gguf");
  await writeTinyModel(path, {});
  const file = await readGguf(path);
  using engine = new TrainingEngine(file, { lora: TEST_LORA, seed: 1, threads: 1, holdType: "F32" });
  const tokens = Int32Array.from({ length: 12 }, (_, i) => (i * 37) % 200);
  const rows = Int32Array.from([0, 3, 8, 11]);
  const trained = randomParameters(engine.layout.size);
  engine.setParameters(trained);
  const anchors = engine.baseDistribution(tokens, segmentsOf([12]), rows, 20);
  expect([...engine.parameters]).toEqual([...trained]);
  const moved = engine.evaluate({
    tokens,
    segments: segmentsOf([12]),
    targets: { rows: new Int32Array(0), tokens: new Int32Array(0) },
    anchors,
  });
  expect(moved.anchorLoss).toBeGreaterThan(0.01);
  engine.setParameters(new Float32Array(engine.layout.size));
  const untouched = engine.evaluate({
    tokens,
    segments: segmentsOf([12]),
    targets: { rows: new Int32Array(0), tokens: new Int32Array(0) },
    anchors,
  });
  expect(Math.abs(untouched.anchorLoss)).toBeLessThan(1e-4);
  const logits = engine.logits(tokens).subarray(8 * 261, 9 * 261);
  const best = logits.indexOf(Math.max(...logits));
  expect(anchors.tokens[2 * 20]).toBe(best);
});

test("AdamW steps follow the formula, with clipping and decay", async () => {
  const path = join(directory, "adamw.gguf");
  await writeTinyModel(path, { layers: 1 });
  const file = await readGguf(path);
  using engine = new TrainingEngine(file, { lora: TEST_LORA, seed: 1, threads: 1, holdType: "F32" });
  const random = createRandomSource(11);
  const expected = Float64Array.from(engine.parameters);
  const first = new Float64Array(expected.length);
  const second = new Float64Array(expected.length);
  const [learningRate, beta1, beta2, epsilon, weightDecay, maxGradientNorm] = [0.01, 0.9, 0.95, 1e-8, 0.1, 1];
  for (let step = 1; step <= 3; step++) {
    const gradient = Float64Array.from(expected, () => random.normal() * 0.1);
    engine.gradients.set(gradient);
    const norm = engine.step({ learningRate, beta1, beta2, epsilon, weightDecay, maxGradientNorm });
    const trueNorm = Math.sqrt(gradient.reduce((sum, g) => sum + g * g, 0));
    expect(norm / trueNorm).toBeCloseTo(1, 5);
    const clip = Math.min(1, maxGradientNorm / trueNorm);
    for (let i = 0; i < expected.length; i++) {
      const g = gradient[i]! * clip;
      first[i] = beta1 * first[i]! + (1 - beta1) * g;
      second[i] = beta2 * second[i]! + (1 - beta2) * g * g;
      const update = first[i]! / (1 - beta1 ** step) / (Math.sqrt(second[i]! / (1 - beta2 ** step)) + epsilon);
      expected[i] = expected[i]! * (1 - learningRate * weightDecay) - learningRate * update;
    }
    expect(engine.gradients.every((g) => g === 0)).toBe(true);
  }
  expect(relativeDifference(engine.parameters, expected)).toBeLessThan(1e-5);
});
