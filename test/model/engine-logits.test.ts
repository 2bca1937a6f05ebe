/**
 * The training engine on a real model beside llama.cpp: the same next-token distributions on ordinary text, longer than Gemma's windows.
 * llama.cpp rounds activations to 8 bits before it multiplies packed weights and the engine does not, hence the tolerance. Another model:
 * `ILAB_TEST_MODEL=gemma-3-270m-q4_k_m.gguf npx vitest run test/model/engine-logits.test.ts`.
 */
import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { readGguf } from "../../src/formats/gguf/read-gguf.ts";
import { openTokenizer } from "../../src/llm/tokenizer.ts";
import { segmentsOf } from "../../src/training/engine/micro-batch.ts";
import { TrainingEngine } from "../../src/training/engine/training-engine.ts";
import { assetPath } from "../../src/util/assets.ts";
import { physicalCores } from "../../src/util/physical-cores.ts";
import { defaultModelFile } from "../helpers/default-model.ts";
import { llamaLogits } from "../helpers/llama-logits.ts";

const TOKENS = 640;
const POSITIONS = 8;
const TOP = 100;

test("next-token distributions of a text are llama.cpp's", async () => {
  const path = defaultModelFile();
  const file = await readGguf(path);
  const text = await readFile(assetPath("benchmarks", "general-text.md"), "utf8");
  await using tokenizer = await openTokenizer(file);
  const tokens = tokenizer.encodeDocument(text).tokens.slice(0, TOKENS);
  expect(tokens.length).toBe(TOKENS);
  const rows = Array.from({ length: POSITIONS }, (_, i) => ((i + 1) * TOKENS) / POSITIONS - 1);
  const threads = physicalCores();
  const lora = { rank: 4, alpha: 4, targets: ["q_proj"] };
  using engine = new TrainingEngine(file, { lora, seed: 1, threads, holdType: "BF16" });
  const ours = engine.baseDistribution(tokens, segmentsOf([TOKENS]), Int32Array.from(rows), TOP);
  const logits = await llamaLogits(path, tokens, { positions: rows, threads });
  const { vocabulary } = engine.spec;
  let divergence = 0;
  let agreeing = 0;
  for (let row = 0; row < POSITIONS; row++) {
    const theirs = logits.subarray(row * vocabulary, (row + 1) * vocabulary);
    const largest = theirs.reduce((a, b) => Math.max(a, b));
    const total = Math.log(theirs.reduce((sum, logit) => sum + Math.exp(logit - largest), 0)) + largest;
    if (theirs[ours.tokens[row * TOP]!] === largest) agreeing += 1;
    for (let i = row * TOP; i < (row + 1) * TOP; i++) {
      const p = ours.probabilities[i]!;
      if (p > 0) divergence += (p * (Math.log(p) - (theirs[ours.tokens[i]!]! - total))) / POSITIONS;
    }
  }
  expect(Math.abs(divergence)).toBeLessThan(0.03);
  expect(agreeing).toBeGreaterThanOrEqual(POSITIONS - 2);
});
