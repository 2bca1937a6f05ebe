/** The gradient of an effective batch belongs to its samples: neither how they are packed nor what they share changes it. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { writeTinyModel } from "../../test/helpers/tiny-model.ts";
import { readGguf } from "../formats/gguf/read-gguf.ts";
import { createRandomSource } from "../util/rng.ts";
import { ALL_TARGETS } from "./engine/target-modules.ts";
import { TrainingEngine } from "./engine/training-engine.ts";
import type { Sequence } from "./lay-out-pack.ts";
import { packSequences } from "./pack.ts";
import { runStep } from "./run-step.ts";

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "ilab-batch-"));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

test("packed together, in a few packs, or one by one: the same loss and the same gradient, a mean over all counted tokens", async () => {
  const path = join(directory, "tiny.gguf");
  await writeTinyModel(path);
  const file = await readGguf(path);
  using engine = new TrainingEngine(file, {
    lora: { rank: 4, alpha: 8, targets: ALL_TARGETS },
    seed: 1,
    threads: 1,
    holdType: "F32",
  });
  const random = createRandomSource(5);
  engine.setParameters(engine.parameters.map(() => 0.2 * random.normal()));
  const numbers = (count: number) => Array.from({ length: count }, () => random.integer(200));
  const beginning = numbers(11);
  // Few long answers and many short ones: a mean of the samples' means would be another number.
  const batch: Sequence[] = [30, 3, 4, 25, 2, 6].map((length, i) => {
    const tokens = Int32Array.from([...(i % 2 === 0 ? beginning : numbers(9)), ...numbers(length)]);
    return { tokens, counted: Uint8Array.from(tokens, (_, t) => (t >= tokens.length - length + (i % 3) ? 1 : 0)) };
  });
  const lengths = batch.map(({ tokens }) => tokens.length);
  const counted = batch.reduce((sum, { counted: flags }) => sum + flags!.reduce((a, b) => a + b), 0);

  const run = async (maxBatchTokens: number) => {
    engine.gradients.fill(0);
    const packs = packSequences(lengths, maxBatchTokens).length;
    const options = { maxBatchTokens, anchorWeight: 0, noiseSeed: () => 0, isStopWanted: () => false };
    const { loss } = (await runStep(engine, batch, options))!;
    return { packs, loss, gradient: Float32Array.from(engine.gradients) };
  };
  const runs = [await run(1000), await run(60), await run(45), await run(1)];
  expect(runs.map(({ packs }) => packs)).toEqual([1, 3, 4, 6]);
  for (const { loss, gradient } of runs.slice(1)) {
    expect(loss).toBeCloseTo(runs[0]!.loss, 5);
    expect(relativeDifference(gradient, runs[0]!.gradient)).toBeLessThan(1e-5);
  }
  expect(runs[0]!.loss).toBeCloseTo(meanLoss(engine, batch, counted), 4);
});

/** From the plain logits of each sample by itself. */
function meanLoss(engine: TrainingEngine, batch: readonly Sequence[], countedTokens: number): number {
  const { vocabulary } = engine.spec;
  let sum = 0;
  for (const { tokens, counted } of batch) {
    const logits = engine.logits(tokens);
    for (let t = 1; t < tokens.length; t++) {
      if (counted![t] !== 1) continue;
      const row = logits.subarray((t - 1) * vocabulary, t * vocabulary);
      const largest = row.reduce((a, b) => Math.max(a, b));
      sum += largest + Math.log(row.reduce((total, value) => total + Math.exp(value - largest), 0)) - row[tokens[t]!]!;
    }
  }
  return sum / countedTokens;
}

function relativeDifference(actual: Float32Array, expected: Float32Array): number {
  let difference = 0;
  let size = 0;
  for (const [i, value] of expected.entries()) {
    difference += (actual[i]! - value) ** 2;
    size += value ** 2;
  }
  return Math.sqrt(difference / size);
}
