/** The adapter file is one that llama.cpp loads, and with it llama.cpp computes what the training side computes. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { writeTinyModel } from "../../test/helpers/tiny-model.ts";
import { readGguf } from "../formats/gguf/read-gguf.ts";
import { isLoraAdapter, writeLoraAdapter } from "../formats/lora-adapter.ts";
import { openLocalModel } from "../llm/local-model.ts";
import { openTokenizer } from "../llm/tokenizer.ts";
import { createRandomSource } from "../util/rng.ts";
import { loraWeights } from "./engine/export-adapter.ts";
import { ALL_TARGETS } from "./engine/target-modules.ts";
import { TrainingEngine } from "./engine/training-engine.ts";

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "ilab-adapter-"));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

describe.each([
  // llama.cpp keeps keys and values in F16, which these steep random models amplify.
  ["F32", 1.5e-2],
  ["F16", 3e-2],
] as const)("a %s model", (type, tolerance) => {
  test("gives the same log-probabilities in llama.cpp, with and without the adapter", async () => {
    const modelFile = join(directory, `${type}.gguf`);
    await writeTinyModel(modelFile, { type });
    const file = await readGguf(modelFile);
    using engine = new TrainingEngine(file, {
      lora: { rank: 4, alpha: 8, targets: ALL_TARGETS },
      seed: 1,
      threads: 1,
      holdType: "F32",
    });
    await using tokenizer = await openTokenizer(file);
    const prompt = "the ferry";
    const continuation = " thus left at six";
    const tokens = tokenizer.encodeDocument(prompt + continuation).tokens.slice(0, -1);
    const promptLength = tokenizer.encodeDocument(prompt).tokens.length - 1;

    const base = await scores(modelFile, undefined, prompt, continuation);
    expectClose(base, engineScores(engine, tokens, promptLength), tolerance);

    const random = createRandomSource(4);
    engine.setParameters(engine.parameters.map(() => 0.15 * random.normal()));
    const adapterFile = join(directory, `${type}-adapter.gguf`);
    const info = { architecture: "llama", alpha: 8, notes: { base: "tiny" } };
    await writeLoraAdapter(adapterFile, info, loraWeights(engine.layout, engine.parameters));
    expect(await isLoraAdapter(adapterFile)).toBe(true);
    const adapted = await scores(modelFile, adapterFile, prompt, continuation);
    expectClose(adapted, engineScores(engine, tokens, promptLength), tolerance);
    const moved = Math.max(...adapted.map((score, i) => Math.abs(score - base[i]!)));
    expect(moved, "the adapter must change something, or this test proves nothing").toBeGreaterThan(0.3);
  });
});

async function scores(
  file: string,
  adapterFile: string | undefined,
  prompt: string,
  continuation: string,
): Promise<number[]> {
  await using model = await openLocalModel({ file, adapterFile, contextTokens: 128, threads: 1, sequences: 1 });
  const [result] = await model.score([{ prompt: { text: prompt }, continuation }]);
  return result!.logProbabilities;
}

function engineScores(engine: TrainingEngine, tokens: Int32Array, promptLength: number): number[] {
  const logits = engine.logits(tokens);
  const { vocabulary } = engine.spec;
  return Array.from(tokens.subarray(promptLength), (token, i) => {
    const row = logits.subarray((promptLength + i - 1) * vocabulary, (promptLength + i) * vocabulary);
    const largest = row.reduce((a, b) => Math.max(a, b));
    return row[token]! - largest - Math.log(row.reduce((sum, value) => sum + Math.exp(value - largest), 0));
  });
}

function expectClose(actual: number[], expected: number[], tolerance: number): void {
  expect(actual.length).toBe(expected.length);
  for (const [i, value] of actual.entries()) expect(Math.abs(value - expected[i]!)).toBeLessThan(tolerance);
}
