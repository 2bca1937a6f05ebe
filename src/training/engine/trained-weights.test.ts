/**
 * Full fine-tuning, dropout and noise on the embeddings: the gradient of every tensor against finite differences of the engine's own loss (which
 * other tests hold against llama.cpp), for every architecture.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { writeTinyModel } from "../../../test/helpers/tiny-model.ts";
import { readGguf } from "../../formats/gguf/read-gguf.ts";
import { createRandomSource } from "../../util/rng.ts";
import { ARCHITECTURES } from "./architectures/registry.ts";
import { type MicroBatch, segmentsOf } from "./micro-batch.ts";
import { ALL_TARGETS } from "./target-modules.ts";
import { type EngineOptions, TrainingEngine } from "./training-engine.ts";

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "ilab-weights-"));
});
afterAll(async () => {
  await rm(directory, { recursive: true, force: true });
});

const random = createRandomSource(3);
const tokens = Int32Array.from({ length: 13 }, () => 3 + random.integer(250));
const topCount = 5;
const batch: MicroBatch = {
  tokens,
  segments: segmentsOf([8, 5]),
  targets: { rows: Int32Array.of(2, 5, 6, 9), tokens: Int32Array.of(7, 100, 30, 7) },
  anchors: {
    rows: Int32Array.of(3, 11),
    topCount,
    tokens: Int32Array.from({ length: 2 * topCount }, (_, i) => 10 + 7 * i),
    probabilities: new Float32Array(2 * topCount).fill(0.15),
    rest: new Float32Array(2).fill(0.25),
  },
};
const TARGET_WEIGHT = 0.25;
const ANCHOR_WEIGHT = 0.4;

async function openEngine(
  name: string,
  architecture: string,
  options: Partial<EngineOptions>,
): Promise<TrainingEngine> {
  const path = join(directory, `${name}.gguf`);
  await writeTinyModel(path, { layers: 2, architecture, seed: 5 });
  const file = await readGguf(path);
  return new TrainingEngine(file, { seed: 1, threads: 1, holdType: "F32", ...options });
}

/** Compares the gradient along a random direction inside `[offset, offset + length)` with the slope of the loss. */
function checkDirection(
  engine: TrainingEngine,
  gradients: Float32Array,
  offset: number,
  length: number,
  noise = 0,
): void {
  const start = engine.parameters.slice();
  const source = createRandomSource(offset + length);
  // Along the gradient itself, roughly: a random direction would hardly change the loss of a large tensor.
  const own = gradients.subarray(offset, offset + length);
  const norm = Math.hypot(...own);
  const direction = own.map((g) => g / norm + (0.3 * source.normal()) / Math.sqrt(length));
  const step = 2e-2 / Math.max(1, norm);
  const lossAt = (distance: number) => {
    const moved = start.slice();
    for (const [i, v] of direction.entries()) moved[offset + i]! += distance * v;
    engine.setParameters(moved);
    engine.gradients.fill(0);
    const { targetLoss, anchorLoss } = engine.accumulate(batch, TARGET_WEIGHT, ANCHOR_WEIGHT, noise);
    return TARGET_WEIGHT * targetLoss + ANCHOR_WEIGHT * anchorLoss;
  };
  const slope = (lossAt(step) - lossAt(-step)) / (2 * step);
  engine.setParameters(start);
  const expected = own.reduce((sum, g, i) => sum + g * direction[i]!, 0);
  expect(expected).toBeGreaterThan(1e-6);
  // On the CPU gelu is read from a table in half precision, so its slope is rough.
  expect(Math.abs(slope / expected - 1)).toBeLessThan(engine.spec.activation === "gelu" ? 0.04 : 0.01);
}

for (const architecture of Object.keys(ARCHITECTURES))
  for (const usesKernels of [true, false])
    test(`full fine-tuning of ${architecture} ${usesKernels ? "with" : "without"} this processor's products`, async () => {
      using engine = await openEngine(`full-${architecture}-${usesKernels}`, architecture, { usesKernels });
      engine.accumulate(batch, TARGET_WEIGHT, ANCHOR_WEIGHT);
      const gradients = engine.gradients.slice();
      expect(engine.layout.weights.size).toBeGreaterThan(15);
      for (const { name, offset, elements } of engine.layout.weights.values()) {
        const norm = Math.hypot(...gradients.subarray(offset, offset + elements));
        expect(norm, name).toBeGreaterThan(1e-7);
        if (norm > 1e-3) checkDirection(engine, gradients, offset, elements);
      }
    });

test("full fine-tuning: recomputing, streaming and BF16 change little or nothing, and steps lower the loss", async () => {
  const run = async (options: Partial<EngineOptions>) => {
    using engine = await openEngine("full-modes", "llama", options);
    const losses: number[] = [];
    for (let step = 0; step < 4; step++) {
      losses.push(engine.accumulate(batch, TARGET_WEIGHT, 0).targetLoss);
      engine.step({ learningRate: 3e-3, beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0, maxGradientNorm: 1 });
    }
    const base = engine.withBaseModel(() => engine.evaluate(batch).targetLoss);
    expect(base).toBeCloseTo(losses[0]!, 4);
    return losses;
  };
  const plain = await run({});
  expect(plain.at(-1)).toBeLessThan(plain[0]! - 1);
  for (const [i, loss] of (await run({ keeping: "inputs", isStreamed: true })).entries())
    expect(loss).toBeCloseTo(plain[i]!, 4);
  for (const [i, loss] of (await run({ holdType: "BF16" })).entries())
    expect(Math.abs(loss - plain[i]!)).toBeLessThan(0.4);
});

for (const holdType of ["F32", "BF16"] as const)
  test(`streamed matrices give what held ones give, ${holdType}`, async () => {
    const lora = { rank: 4, alpha: 8, targets: ALL_TARGETS };
    const results = [];
    for (const isStreamed of [false, true]) {
      using engine = await openEngine(`streamed-${holdType}-${isStreamed}`, "llama", { lora, holdType, isStreamed });
      const values = createRandomSource(9);
      engine.setParameters(engine.parameters.map(() => 0.1 * values.normal()));
      engine.accumulate(batch, TARGET_WEIGHT, ANCHOR_WEIGHT);
      results.push([...engine.gradients]);
    }
    expect(results[1]).toEqual(results[0]);
  });

for (const [name, options] of [
  ["dropout", { lora: { rank: 4, alpha: 8, dropout: 0.4, targets: ALL_TARGETS } }],
  ["dropout and recomputing", { lora: { rank: 4, alpha: 8, dropout: 0.4, targets: ALL_TARGETS }, keeping: "half" }],
  ["noise on the embeddings", { lora: { rank: 4, alpha: 8, targets: ALL_TARGETS }, neftuneAlpha: 5 }],
] as const)
  test(`${name}: decided by the seed, gone when measuring, with the right gradient`, async () => {
    using engine = await openEngine("noise", "llama", options);
    const values = createRandomSource(9);
    engine.setParameters(engine.parameters.map(() => 0.2 * values.normal()));
    const losses = [1, 1, 2].map((seed) => engine.accumulate(batch, TARGET_WEIGHT, 0, seed).targetLoss);
    expect(losses[1]).toBe(losses[0]);
    expect(losses[2]).not.toBe(losses[0]);
    expect(engine.evaluate(batch).targetLoss).toBe(engine.evaluate(batch).targetLoss);
    engine.gradients.fill(0);
    engine.accumulate(batch, TARGET_WEIGHT, ANCHOR_WEIGHT, 7);
    const gradients = engine.gradients.slice();
    for (const module of engine.layout.modules.slice(0, 4)) {
      checkDirection(engine, gradients, module.offsetA, module.input * 4, 7);
      checkDirection(engine, gradients, module.offsetB, module.output * 4, 7);
    }
  });

test("rank-stabilised scaling divides by the root of the rank; patterns choose layers", async () => {
  const lora = { rank: 4, alpha: 8, isRankStabilized: true, targets: ["layers.1.{q,v}_proj", "ffn_down"] };
  using engine = await openEngine("patterns", "llama", { lora });
  expect(engine.layout.scale).toBe(4);
  expect(engine.layout.modules.map(({ layer, name }) => `${layer} ${name}`)).toEqual([
    "0 ffn_down",
    "1 attn_q",
    "1 attn_v",
    "1 ffn_down",
  ]);
  await expect(openEngine("nothing", "llama", { lora: { ...lora, targets: ["layers.7.q_proj"] } })).rejects.toThrow(
    "layers.7.q_proj",
  );
});
