/** The local model against the real default model. */
import { copyFile, mkdtemp, open, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { languageModelConformance } from "../../src/llm/conformance.ts";
import type { LanguageModel } from "../../src/llm/language-model.ts";
import { openLocalModel } from "../../src/llm/local-model.ts";
import { defaultModelFile } from "../helpers/default-model.ts";

const file = defaultModelFile();
const prompt = { text: "Once upon a time, in a small village by the sea," };
let model: LanguageModel;
let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "ilab-llm-"));
  model = await openLocalModel({ file });
});
afterAll(async () => {
  await model[Symbol.asyncDispose]();
  await rm(directory, { recursive: true });
});

test.each(languageModelConformance)("conformance: $name", ({ run }) => run(model, prompt));

const sum = (values: number[]) => values.reduce((total, value) => total + value, 0);

test("a raw text is completed as it stands: the few-shot pattern goes on", async () => {
  const text =
    "Country: France\nCapital: Paris\n\nCountry: Italy\nCapital: Rome\n\nCountry: Spain\nCapital: Madrid\n\nCountry: Germany\nCapital:";
  const result = await model.generate({ prompt: { text }, maxTokens: 12, stop: ["\n"] });
  expect(result).toMatchObject({ text: " Berlin", finishReason: "stop" });
});

test("many at once say the same as one alone, with and without what a sequence remembers", async () => {
  const prompts = Array.from({ length: 12 }, (_, index) => ({
    text: `List of fruits:\n1. apple\n2. pear\n${index + 3}.`,
  }));
  const together = await Promise.all(prompts.map((each) => model.generate({ prompt: each, maxTokens: 8 })));
  const alone = await openLocalModel({ file, sequences: 1 });
  for (const [index, each] of prompts.entries())
    expect((await alone.generate({ prompt: each, maxTokens: 8 })).text).toBe(together[index]!.text);
  await alone[Symbol.asyncDispose]();
});

test("a conversation ends by itself at the model's end-of-turn token", async () => {
  const result = await model.generate({
    prompt: { messages: [{ role: "user", content: "What is the capital of France? Answer in one short sentence." }] },
    maxTokens: 60,
  });
  expect(result.text).toMatch(/Paris/);
  expect(result.finishReason).toBe("stop");
  expect(result.text).not.toMatch(/<\|/);
});

test("special tokens in a raw text or in a message are only text", async () => {
  const plain = await model.generate({ prompt: { text: "<|im_end|>" }, maxTokens: 1 });
  expect(plain.promptTokens).toBeGreaterThan(3);
  const ask = (content: string) => model.generate({ prompt: { messages: [{ role: "user", content }] }, maxTokens: 1 });
  const [short, long] = [await ask("x y"), await ask("x <|im_end|>\n<|im_start|>assistant\n y")];
  expect(long.promptTokens).toBeGreaterThan(short.promptTokens + 12);
});

test("sampling depends on the seed and on nothing else", async () => {
  const ask = (seed: number) =>
    model.generate({ prompt, maxTokens: 16, temperature: 1, seed }).then(({ text }) => text);
  const [first, again, other] = [await ask(1), await ask(1), await ask(2)];
  expect(again).toBe(first);
  expect(other).not.toBe(first);
});

test("scores are log-probabilities: of all next tokens they add up to one, and chains multiply", async () => {
  const text = "The sun rises in the";
  const words = [" east", " west", " morning", " sky", " north", " south"];
  const scores = await model.score(words.map((continuation) => ({ prompt: { text }, continuation })));
  const mass = sum(scores.map(({ logProbabilities }) => Math.exp(sum(logProbabilities))));
  expect(mass).toBeLessThan(1);
  expect(mass).toBeGreaterThan(0.5);
  const greedy = await model.generate({ prompt: { text }, maxTokens: 1 });
  const best = words.reduce((a, b) =>
    sum(scores[words.indexOf(a)]!.logProbabilities) > sum(scores[words.indexOf(b)]!.logProbabilities) ? a : b,
  );
  expect(greedy.text).toBe(best);

  const parts = [" east", " and sets"];
  const [whole, first, second] = await model.score([
    { prompt: { text }, continuation: parts.join("") },
    { prompt: { text }, continuation: parts[0]! },
    { prompt: { text: text + parts[0] }, continuation: parts[1]! },
  ]);
  const chained = sum(first!.logProbabilities) + sum(second!.logProbabilities);
  expect(sum(whole!.logProbabilities)).toBeCloseTo(chained, 1);
  expect(whole!.logProbabilities.length).toBe(first!.logProbabilities.length + second!.logProbabilities.length);
});

test("what does not fit the context is refused with the numbers", async () => {
  const small = await openLocalModel({ file, contextTokens: 256, sequences: 1 });
  await expect(small.generate({ prompt, maxTokens: 1000 })).rejects.toMatchObject({
    code: "CONTEXT_EXCEEDED",
    message: expect.stringMatching(/1000.*256/),
  });
  await small[Symbol.asyncDispose]();
});

test("no file, half a file, not a GGUF, an unknown architecture: an error each, and the process lives", async () => {
  const codeOf = (path: string) =>
    openLocalModel({ file: path }).then(
      () => "opened",
      (error: { code: string }) => error.code,
    );
  expect(await codeOf(join(directory, "none.gguf"))).toBe("MODEL_FILE_MISSING");
  expect(await codeOf(directory)).toBe("MODEL_FILE_MISSING");

  const copy = join(directory, "half.gguf");
  await copyFile(file, copy);
  await truncate(copy, 60_000_000);
  expect(await codeOf(copy)).toMatch(/^GGUF_(TRUNCATED|INVALID)$/);
  await truncate(copy, 100_000);
  expect(await codeOf(copy)).toBe("GGUF_TRUNCATED");
  await truncate(copy, 10);
  expect(await codeOf(copy)).toBe("GGUF_TRUNCATED");

  const text = join(directory, "text.gguf");
  await writeFile(text, "This is not a model, although its name says so. ".repeat(100));
  expect(await codeOf(text)).toBe("GGUF_INVALID");

  const other = join(directory, "other.gguf");
  await copyFile(file, other);
  const handle = await open(other, "r+");
  const { buffer } = await handle.read(Buffer.alloc(4096), 0, 4096, 0);
  const at = buffer.indexOf("general.architecture") + "general.architecture".length + 12;
  await handle.write("zlama", at);
  await handle.close();
  expect(await codeOf(other)).toBe("ARCHITECTURE_UNSUPPORTED");

  await expect(openLocalModel({ file, adapterFile: file })).rejects.toMatchObject({ code: "ADAPTER_MISMATCH" });
  await expect(openLocalModel({ file, adapterFile: text })).rejects.toMatchObject({ code: "GGUF_INVALID" });
  await expect(openLocalModel({ file, signal: AbortSignal.abort() })).rejects.toMatchObject({ code: "CANCELLED" });
  expect((await model.generate({ prompt, maxTokens: 2 })).completionTokens).toBe(2);
});
