import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { GenerateRequest, LanguageModel } from "../llm/language-model.ts";
import { scriptedModel } from "../llm/scripted-model.ts";
import { IlabError } from "../util/errors.ts";
import { runWork, type WorkEvent } from "../util/events.ts";
import { loadPipeline } from "./files/load-pipeline.ts";
import { resolvePipeline } from "./files/resolve-pipeline.ts";
import { generateLeaves } from "./generate-leaves.ts";
import { runPipeline } from "./run-pipeline.ts";
import { sampleColumns, sampleRows } from "./sample-rows.ts";
import { testLeaf } from "./test-leaf.ts";

const pipeline = await loadPipeline(resolvePipeline("compact", "knowledge").file, sampleColumns("knowledge"));
const run = (model: LanguageModel, options: { cacheDirectory?: string; signal?: AbortSignal } = {}) =>
  runWork(runPipeline(sampleRows(testLeaf()), pipeline, { model, seeds: testLeaf(), ...options }));
const promptOf = ({ prompt }: GenerateRequest) => ("text" in prompt ? prompt.text : "");
const lastText = (request: GenerateRequest) => promptOf(request).split("Text: ").at(-1)!;

/** Answers well about the tower, with an invented name about the gates, and not at all in form otherwise. */
function answer(request: GenerateRequest): string {
  const text = lastText(request);
  if (!/Question:(?: Who)?$/.test(text)) return " something";
  if (text.includes("tower"))
    return `${text.endsWith("Who") ? "" : " Who"} designed the tower?\nAnswer: Marta Quill designed the tower.`;
  return `${text.endsWith("Who") ? "" : " Who"} built the gates of Tarn?\nAnswer: Oskar Unknown.`;
}

test("pairs that the text bears out are kept, the others are counted with their reason", async () => {
  const { rows: generated, drops } = await run(scriptedModel(answer));
  const answers = generated.map((row) => row["response"]);
  expect(answers).toContain("Marta Quill designed the tower.");
  expect(answers.filter((text) => String(text).includes("Unknown"))).toEqual([]);
  const reasons = Object.fromEntries(drops.map(({ block, reason, count }) => [`${block}: ${reason}`, count]));
  expect(reasons["grounded: a name of the answer is not in the text"]).toBeGreaterThanOrEqual(1);
  expect(reasons["write_pairs: incomplete record"]).toBeGreaterThanOrEqual(1);
  expect(drops.find(({ block }) => block === "grounded")?.example["response"]).toBe("Oskar Unknown.");
  const texts = generated.filter((row) => row["dataset_type"] === "sentence").map((row) => row["text"]);
  for (const sentence of [
    "Tarn is a town on Lake Ossel.",
    "It has seven gates.",
    "Tarn has seven gates.",
    "The tower was designed by Marta Quill.",
  ])
    expect(texts).toContain(sentence);
});

test("prompts are made of the leaf's own seeds and end where the model goes on", async () => {
  const model = scriptedModel(answer);
  await run(model);
  const first = promptOf(model.requests[0]!);
  expect(first).toContain(
    "Text: Hedda Brann founded Tarn in 1287.\nQuestion: Who founded Tarn?\nAnswer: Hedda Brann.\n\n",
  );
  expect(first.endsWith("Text: Tarn is a town on Lake Ossel.\nQuestion:")).toBe(true);
  for (const { temperature, stop } of model.requests)
    expect({ temperature, stop }).toEqual({ temperature: 0, stop: ["\n\n", "\nText:"] });
});

test("the same run again asks nothing and gives the same rows", async () => {
  const cacheDirectory = await mkdtemp(join(tmpdir(), "calls-"));
  const first = await run(scriptedModel(answer), { cacheDirectory });
  const model = scriptedModel([]);
  const second = await run(model, { cacheDirectory });
  expect(model.requests).toEqual([]);
  expect(second.rows).toEqual(first.rows);
  const other = scriptedModel(answer, { id: "another" });
  await run(other, { cacheDirectory });
  expect(other.requests.length).toBeGreaterThan(0);
});

test("cancelled in the middle, it ends at once and keeps what was finished", async () => {
  const cacheDirectory = await mkdtemp(join(tmpdir(), "calls-"));
  const controller = new AbortController();
  let calls = 0;
  const model = scriptedModel(
    (request) => {
      calls += 1;
      if (calls === 5) controller.abort();
      return answer(request);
    },
    { concurrency: 1 },
  );
  const running = run(model, { cacheDirectory, signal: controller.signal });
  await expect(running).rejects.toMatchObject({ code: "CANCELLED" });
  expect(calls).toBe(5);
  const again = scriptedModel(answer);
  await run(again, { cacheDirectory });
  const whole = scriptedModel(answer);
  await run(whole);
  expect(again.requests.length).toBe(whole.requests.length - 4);
});

test("one failing request costs its row alone", async () => {
  let failed = 0;
  const model = scriptedModel((request) => {
    if (
      lastText(request).startsWith("Tarn is a town") &&
      request.maxTokens > 0 &&
      promptOf(request).endsWith("Question:")
    ) {
      failed += 1;
      throw new IlabError({ code: "HTTP", message: "server says 500" });
    }
    return answer(request);
  });
  const { drops, rows: generated } = await run(model);
  expect(failed).toBeGreaterThan(0);
  expect(drops.find(({ reason }) => reason.includes("server says 500"))?.count).toBe(failed);
  expect(generated.map((row) => row["response"])).toContain("Marta Quill designed the tower.");
});

test("progress counts requests", async () => {
  const events: WorkEvent[] = [];
  const options = { model: scriptedModel(answer), pipeline: "compact" };
  await runWork(generateLeaves([testLeaf()], options), (event) => events.push(event));
  const last = events.filter((event) => event.type === "step-progress").at(-1)!;
  expect(last).toMatchObject({ unit: "requests" });
  expect(last.done).toBeGreaterThan(0);
  expect(events.some((event) => event.type === "step-end")).toBe(true);
});

test("a leaf that yields nothing says why and does not stop the others; none at all is an error", async () => {
  const empty = testLeaf();
  empty.leaf = { ...empty.leaf, name: "empty", taxonomyPath: "knowledge->empty" };
  empty.chunks = [{ source: "x.md", headings: [], text: "Rain again and again." }];
  const warnings: string[] = [];
  const watch = (event: WorkEvent) => {
    if (event.type === "message" && event.level === "warning") warnings.push(event.text);
  };
  const options = { model: scriptedModel(answer), pipeline: "compact" };
  const { leaves } = await runWork(generateLeaves([empty, testLeaf()], options), watch);
  expect(leaves).toHaveLength(2);
  expect(warnings).toEqual([
    expect.stringMatching(/knowledge->empty: no question and answer came out.*block 'write_pairs'/),
  ]);
  await expect(runWork(generateLeaves([empty], options))).rejects.toMatchObject({
    code: "GENERATED_NOTHING",
    message: expect.stringContaining("knowledge->empty"),
  });
});
