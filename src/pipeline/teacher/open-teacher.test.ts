import { mkdtemp, readdir, readFile, truncate } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { GenerateRequest } from "../../llm/language-model.ts";
import { scriptedModel } from "../../llm/scripted-model.ts";
import { IlabError } from "../../util/errors.ts";
import type { AskRequest } from "../block.ts";
import { openCallCache } from "./call-cache.ts";
import { openTeacher, type Teacher } from "./open-teacher.ts";
import { noUsage } from "./usage.ts";

const request = (text: string, rest: Partial<AskRequest> = {}): AskRequest => ({
  prompt: { text },
  maxTokens: 8,
  ...rest,
});
const promptOf = ({ prompt }: GenerateRequest) => ("text" in prompt ? prompt.text : "");
const ask = (teacher: Teacher, asked: AskRequest, usage = noUsage()) => teacher.ask(asked, 0, usage);
const echo = (delayMs = 0, concurrency = 4) => scriptedModel(promptOf, { concurrency, delayMs });

test("never more requests in flight than the model can use, in the order asked", async () => {
  let inFlight = 0;
  let most = 0;
  const model = echo(2, 3);
  const generate = model.generate.bind(model);
  const watched = {
    ...model,
    async generate(r: Parameters<typeof generate>[0]) {
      inFlight += 1;
      most = Math.max(most, inFlight);
      try {
        return await generate(r);
      } finally {
        inFlight -= 1;
      }
    },
  };
  const teacher = openTeacher(watched);
  const texts = Array.from({ length: 20 }, (_, index) => `prompt ${index}`);
  const answers = await Promise.all(texts.map((text) => ask(teacher, request(text))));
  expect(answers.map(({ text }) => text)).toEqual(texts);
  expect(most).toBe(3);
  // Places are given back exactly once.
  const more = texts.map((text) => `${text} again`);
  await Promise.all(more.map((text) => ask(teacher, request(text))));
  expect(most).toBe(3);
  expect(model.requests.map(promptOf)).toEqual([...texts, ...more]);
});

test("earlier steps of a pipeline go first", async () => {
  const model = echo(2, 1);
  const teacher = openTeacher(model);
  const asked = [0, 2, 1, 2, 0].map((stage, index) => teacher.ask(request(`${stage}-${index}`), stage, noUsage()));
  await Promise.all(asked);
  expect(model.requests.map(promptOf)).toEqual(["0-0", "0-4", "1-2", "2-1", "2-3"]);
});

test("equal requests are asked once, with and without a cache", async () => {
  for (const cache of [undefined, openCallCache(await mkdtemp(join(tmpdir(), "calls-")))]) {
    const model = echo(1);
    const teacher = openTeacher(model, { cache });
    const usage = noUsage();
    await Promise.all([ask(teacher, request("a"), usage), ask(teacher, request("a"), usage)]);
    await ask(teacher, request("a"), usage);
    await ask(teacher, request("a", { maxTokens: 9 }), usage);
    expect(model.requests).toHaveLength(2);
    expect(usage.requests).toBe(2);
    expect(usage.shared + usage.fromCache).toBe(2);
  }
});

test("several answers: those that the model gives at once, the missing ones asked for one by one and kept each", async () => {
  const directory = await mkdtemp(join(tmpdir(), "calls-"));
  const several = request("a", { n: 3, temperature: 0.7, seed: 5 });
  const single = scriptedModel(({ seed }) => `answer ${seed}`);
  const first = await ask(openTeacher(single, { cache: openCallCache(directory) }), several);
  expect(first.texts).toEqual(["answer 5", "answer 6", "answer 7"]);
  const silent = scriptedModel([]);
  expect((await ask(openTeacher(silent, { cache: openCallCache(directory) }), several)).texts).toEqual(first.texts);
  expect(silent.requests).toEqual([]);

  const whole = { ...single, generate: async (asked: GenerateRequest) => many(asked.n ?? 1) };
  expect((await ask(openTeacher(whole), several)).texts).toEqual(["0", "1", "2"]);
  // Greedy answers are all alike: one is enough.
  expect((await ask(openTeacher(whole), { ...several, temperature: 0 })).texts).toEqual(["0"]);
});

test("kept calls outlive a torn line and a killed writer; another process may write at the same time", async () => {
  const directory = await mkdtemp(join(tmpdir(), "calls-"));
  const texts = Array.from({ length: 200 }, (_, index) => `prompt ${index}`);
  const one = openTeacher(echo(), { cache: openCallCache(directory) });
  const two = openTeacher(echo(), { cache: openCallCache(directory) });
  await Promise.all(texts.map((text, index) => ask(index % 2 === 0 ? one : two, request(text))));
  for (const name of await readdir(directory)) {
    const path = join(directory, name);
    await truncate(path, (await readFile(path)).length - 3);
  }
  const files = (await readdir(directory)).length;
  const model = echo();
  const again = openTeacher(model, { cache: openCallCache(directory) });
  const answers = await Promise.all(texts.map((text) => ask(again, request(text))));
  expect(answers.map(({ text }) => text)).toEqual(texts);
  expect(model.requests).toHaveLength(files);
  const last = scriptedModel([]);
  const third = openTeacher(last, { cache: openCallCache(directory) });
  expect((await Promise.all(texts.map((text) => ask(third, request(text))))).map(({ text }) => text)).toEqual(texts);
});

test("a server that cannot be used ends the run at once, one that fails again and again after a few", async () => {
  const refusing = scriptedModel(() => {
    throw new IlabError({ code: "ENDPOINT_UNAUTHORIZED", message: "wrong key" });
  });
  await expect(ask(openTeacher(refusing), request("a"))).rejects.toMatchObject({ code: "TEACHER_LOST" });
  const dead = scriptedModel(
    () => {
      throw new Error("connection refused");
    },
    { concurrency: 1 },
  );
  const teacher = openTeacher(dead);
  const results = await Promise.allSettled(
    Array.from({ length: 10 }, (_, index) => ask(teacher, request(`p${index}`))),
  );
  const codes = results.map((result) => (result.status === "rejected" ? (result.reason as IlabError).code : "ok"));
  expect(codes.slice(5)).toEqual(Array(5).fill("TEACHER_LOST"));
  expect(dead.requests).toHaveLength(5);
  expect(String((results[9] as PromiseRejectedResult).reason.message)).toContain("connection refused");
});

test("prompts that are too long say nothing about the server", async () => {
  const small = scriptedModel(() => {
    throw new IlabError({ code: "CONTEXT_EXCEEDED", message: "too long" });
  });
  const teacher = openTeacher(small);
  for (let i = 0; i < 8; i++)
    await expect(ask(teacher, request(`p${i}`))).rejects.toMatchObject({ code: "CONTEXT_EXCEEDED" });
});

function many(count: number) {
  const texts = Array.from({ length: count }, (_, index) => String(index));
  return { text: texts[0]!, texts, finishReason: "stop" as const, promptTokens: 1, completionTokens: count };
}
