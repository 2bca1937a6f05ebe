import { expect, test } from "vitest";
import { scriptedModel } from "../llm/scripted-model.ts";
import { IlabError } from "../util/errors.ts";
import { openTeacher } from "./open-teacher.ts";

const request = (text: string) => ({ prompt: { text }, maxTokens: 8 });

test("never more requests in flight than the model can use, in the order asked", async () => {
  let inFlight = 0;
  let most = 0;
  const model = scriptedModel((r) => ("text" in r.prompt ? r.prompt.text : ""), { concurrency: 3, delayMs: 2 });
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
  const answers = await Promise.all(texts.map((text) => teacher.ask(request(text))));
  expect(answers.map(({ text }) => text)).toEqual(texts);
  expect(most).toBe(3);
  // Places are given back exactly once.
  await Promise.all(texts.map((text) => teacher.ask(request(text))));
  expect(most).toBe(3);
  expect(model.requests.map((r) => ("text" in r.prompt ? r.prompt.text : ""))).toEqual([...texts, ...texts]);
});

test("a failure is tried again; a request that was asked wrongly is not", async () => {
  let calls = 0;
  const shaky = scriptedModel(() => {
    calls += 1;
    if (calls < 3) throw new Error("connection reset");
    return "well";
  });
  expect((await openTeacher(shaky, { retryDelayMs: 1 }).ask(request("a"))).text).toBe("well");
  let wrong = 0;
  const refusing = scriptedModel(() => {
    wrong += 1;
    throw new IlabError({ code: "USAGE", message: "no such model", exitCode: 2 });
  });
  await expect(openTeacher(refusing, { retryDelayMs: 1 }).ask(request("a"))).rejects.toThrow("no such model");
  expect(wrong).toBe(1);
});

test("a teacher that fails again and again ends the run", async () => {
  const dead = scriptedModel(
    () => {
      throw new Error("connection refused");
    },
    { concurrency: 1 },
  );
  const teacher = openTeacher(dead, { retryDelayMs: 1, attempts: 2, failuresInARow: 3 });
  const results = await Promise.allSettled(Array.from({ length: 10 }, (_, index) => teacher.ask(request(`p${index}`))));
  const codes = results.map((result) => (result.status === "rejected" ? (result.reason as IlabError).code : "ok"));
  expect(codes.slice(3)).toEqual(Array(7).fill("TEACHER_LOST"));
  expect(dead.requests).toHaveLength(6);
  expect(String((results[9] as PromiseRejectedResult).reason.message)).toContain("connection refused");
});
