import { mkdir, mkdtemp, readdir, readFile, truncate, writeFile } from "node:fs/promises";
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
  expect(codes.slice(4)).toEqual(Array(6).fill("TEACHER_LOST"));
  // The sixth asks whether anybody is there at all.
  expect(dead.requests.map(promptOf)).toEqual(["p0", "p1", "p2", "p3", "p4", "Hello"]);
  expect(String((results[9] as PromiseRejectedResult).reason.message)).toContain("connection refused");
});

test("a server that is gone while the last requests are on their way ends the run, too", async () => {
  let answered = 0;
  const dying = scriptedModel(
    () => {
      answered += 1;
      if (answered > 4) throw new Error("socket hang up");
      return "fine";
    },
    { concurrency: 10, delayMs: 1 },
  );
  const teacher = openTeacher(dying);
  const results = await Promise.allSettled(
    Array.from({ length: 10 }, (_, index) => ask(teacher, request(`p${index}`))),
  );
  expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(4);
  expect((results[9] as PromiseRejectedResult).reason).toMatchObject({ code: "TEACHER_LOST" });
  expect(() => teacher.requireAnswers()).toThrow("socket hang up");
});

test("prompts that fail wherever they are asked cost themselves alone, however many follow each other", async () => {
  for (const code of ["ENDPOINT_FAILED", "ENDPOINT_UNAUTHORIZED", "ENDPOINT_UNREACHABLE"]) {
    const picky = scriptedModel(
      (asked) => {
        if (promptOf(asked).startsWith("poison")) throw new IlabError({ code, message: "not this one" });
        return "fine";
      },
      { concurrency: 1 },
    );
    const teacher = openTeacher(picky);
    const texts = [...Array.from({ length: 12 }, (_, index) => `poison ${index}`), "good"];
    const results = await Promise.allSettled(texts.map((text) => ask(teacher, request(text))));
    expect(results.slice(0, 12).map((result) => result.status === "rejected" && result.reason.code)).toEqual(
      Array(12).fill(code),
    );
    expect(results[12]).toMatchObject({ status: "fulfilled" });
    expect(() => teacher.requireAnswers()).not.toThrow();
  }
});

test("a run in which nothing was answered has no result", async () => {
  const refusing = scriptedModel(() => {
    throw new IlabError({ code: "ENDPOINT_REFUSED", message: "no such field" });
  });
  const teacher = openTeacher(refusing);
  await expect(ask(teacher, request("a"))).rejects.toMatchObject({ code: "ENDPOINT_REFUSED" });
  expect(() => teacher.requireAnswers()).toThrow("answered none of 1 requests");
  expect(() => openTeacher(refusing).requireAnswers()).not.toThrow();
});

test("a run that is repeated because one prompt is never answered has a result, from the cache", async () => {
  const cache = openCallCache(await mkdtemp(join(tmpdir(), "calls-")));
  const picky = scriptedModel((asked) => {
    if (promptOf(asked) === "poison") throw new IlabError({ code: "ENDPOINT_REFUSED", message: "not this one" });
    return "fine";
  });
  for (let run = 0; run < 2; run++) {
    const teacher = openTeacher(picky, { cache });
    await Promise.allSettled(["good", "poison"].map((text) => ask(teacher, request(text))));
    expect(() => teacher.requireAnswers()).not.toThrow();
  }
});

test("a server that gives some of the answers wanted: the same ones, whenever that is found out", async () => {
  const capped = () => {
    const model = scriptedModel([]);
    return {
      ...model,
      async generate({ n = 1, seed = 0 }: GenerateRequest) {
        const texts = Array.from({ length: Math.min(n, 2) }, (_, index) => `${seed}.${index} of ${n}`);
        return { text: texts[0]!, texts, finishReason: "stop" as const, promptTokens: 1, completionTokens: 1 };
      },
    };
  };
  const several = (seed: number) => request("a", { n: 5, temperature: 0.7, seed });
  const teacher = openTeacher(capped());
  const together = await Promise.all([ask(teacher, several(10)), ask(teacher, several(20))]);
  const later = await ask(teacher, several(20));
  const alone = await ask(openTeacher(capped()), several(20));
  expect(together[1]!.texts).toEqual(["20.0 of 1", "21.0 of 1", "22.0 of 1", "23.0 of 1", "24.0 of 1"]);
  expect([later.texts, alone.texts]).toEqual([together[1]!.texts, together[1]!.texts]);
});

test("a cache that cannot be used is told before anything is asked", async () => {
  const directory = await mkdtemp(join(tmpdir(), "calls-"));
  await writeFile(join(directory, "file"), "x");
  expect(() => openCallCache(join(directory, "file"))).toThrow("cannot be used");
  for (let shard = 0; shard < 64; shard++) await mkdir(join(directory, `${shard.toString().padStart(2, "0")}.jsonl`));
  const model = echo();
  await expect(ask(openTeacher(model, { cache: openCallCache(directory) }), request("a"))).rejects.toMatchObject({
    code: "CALL_CACHE_UNUSABLE",
  });
  expect(model.requests).toEqual([]);
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
