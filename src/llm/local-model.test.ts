/** The local model on a tiny random GGUF: everything but sense. Sense is tested in `test/model`. */
import { truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeTempDir, type TempDir } from "../../test/helpers/temp-dir.ts";
import { writeTinyModel } from "../../test/helpers/tiny-model.ts";
import { languageModelConformance } from "./conformance.ts";
import type { LanguageModel } from "./language-model.ts";
import { openLocalModel } from "./local-model.ts";

let temporary: TempDir;
let directory: string;
let file: string;
let model: LanguageModel;

beforeAll(async () => {
  temporary = await makeTempDir();
  directory = temporary.path;
  file = join(directory, "tiny.gguf");
  await writeTinyModel(file);
  model = await openLocalModel({ file, contextTokens: 512, sequences: 3, threads: 1 });
});
afterAll(async () => {
  await model[Symbol.asyncDispose]();
  await temporary[Symbol.asyncDispose]();
});

const prompt = { text: "Hello there" };

test.each(languageModelConformance)("conformance: $name", ({ run }) => run(model, prompt));

const sum = (values: number[]) => values.reduce((total, value) => total + value, 0);

test("what a sequence remembers changes nothing: every score equals that of a fresh model", async () => {
  const requests = ["a", "ab", "abc", "b", "the quick brown fox", "the quick", "the slow"].flatMap((text) =>
    [" one", " two three", "."].map((continuation) => ({ prompt: { text }, continuation })),
  );
  const together = await model.score([...requests, ...requests.toReversed()]);
  for (const [index, request] of requests.entries()) {
    await using fresh = await openLocalModel({ file, contextTokens: 512, sequences: 1, threads: 1 });
    const [alone] = await fresh.score([request]);
    for (const same of [together[index]!, together[2 * requests.length - 1 - index]!]) {
      expect(same.logProbabilities).toHaveLength(alone!.logProbabilities.length);
      expect(sum(same.logProbabilities)).toBeCloseTo(sum(alone!.logProbabilities), 1);
    }
  }
});

test("probabilities of all single letters that may follow add up to less than one", async () => {
  const letters = Array.from({ length: 94 }, (_, index) => String.fromCharCode(33 + index));
  const scores = await model.score(letters.map((continuation) => ({ prompt: { text: "x " }, continuation })));
  expect(sum(scores.map((score) => Math.exp(sum(score.logProbabilities))))).toBeLessThanOrEqual(1.001);
});

test("an empty prompt is scored from the start token: every token counts", async () => {
  const [all] = await model.score([{ prompt: { text: "" }, continuation: "abcdef" }]);
  expect(all!.logProbabilities).toHaveLength(6);
});

test("what does not fit is refused with the numbers, and nothing breaks", async () => {
  const long = { prompt: { text: "x".repeat(600) }, maxTokens: 4 };
  await expect(model.generate(long)).rejects.toMatchObject({
    code: "CONTEXT_EXCEEDED",
    message: expect.stringMatching(/600.*512/),
  });
  await expect(model.score([{ ...long, continuation: "y" }])).rejects.toMatchObject({ code: "CONTEXT_EXCEEDED" });
  expect((await model.generate({ prompt, maxTokens: 2 })).completionTokens).toBe(2);
});

test("broken files are named; the process lives on", async () => {
  const codeOf = (path: string, adapterFile?: string) =>
    openLocalModel({ file: path, adapterFile }).then(
      () => "opened",
      (error: { code: string }) => error.code,
    );
  const half = join(directory, "half.gguf");
  await writeTinyModel(half);
  await truncate(half, 2000);
  const text = join(directory, "text.gguf");
  await writeFile(text, "no model ".repeat(100));
  const other = join(directory, "other.gguf");
  await writeTinyModel(other, { architecture: "zlama" });
  expect(await codeOf(join(directory, "none.gguf"))).toBe("MODEL_FILE_MISSING");
  expect(await codeOf(half)).toBe("GGUF_TRUNCATED");
  expect(await codeOf(text)).toBe("GGUF_INVALID");
  expect(await codeOf(other)).toBe("ARCHITECTURE_UNSUPPORTED");
  expect(await codeOf(file, join(directory, "none.gguf"))).toBe("ADAPTER_FILE_MISSING");
  expect(await codeOf(file, file)).toBe("ADAPTER_MISMATCH");
});
