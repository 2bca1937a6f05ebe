import { expect, test } from "vitest";
import { languageModelConformance } from "./conformance.ts";
import { scriptedModel } from "./scripted-model.ts";

test.each(languageModelConformance)("conformance: $name", async ({ run }) => {
  const model = scriptedModel(() => "one two three four five six seven eight nine ten eleven twelve thirteen", {
    score: ({ continuation }) =>
      continuation
        .trim()
        .split(" ")
        .map((word) => (word === "Paris" ? -0.1 : -3)),
  });
  await run(model, { text: "Count" });
});

test("answers come in order and requests are kept", async () => {
  const model = scriptedModel(["first", "second"]);
  const ask = (text: string) => model.generate({ prompt: { text }, maxTokens: 5 });
  expect([(await ask("a")).text, (await ask("b")).text]).toEqual(["first", "second"]);
  await expect(ask("the third")).rejects.toThrow(/2 answers.*the third/);
  expect(model.requests.map(({ prompt }) => prompt)).toEqual([{ text: "a" }, { text: "b" }, { text: "the third" }]);
});

test("without scores it says so", async () => {
  await expect(scriptedModel([]).score([])).rejects.toMatchObject({ code: "SCORE_UNSUPPORTED" });
});
