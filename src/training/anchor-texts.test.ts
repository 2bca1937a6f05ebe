/** What the base model is asked for, so that it can be held to its own words. */
import { join } from "node:path";
import { expect, test } from "vitest";
import { makeTempDir } from "../../test/helpers/temp-dir.ts";
import { scriptedModel } from "../llm/scripted-model.ts";
import { collectAnchorTexts } from "./anchor-texts.ts";

test("texts and answers; texts alone of a model that answers no questions; asked for once", async () => {
  await using temporary = await makeTempDir();
  const collect = async (name: string, hasChatTemplate: boolean) => {
    const model = scriptedModel(() => "so it goes");
    const options = { count: 8, tokensPerText: 4, seed: 1, hasChatTemplate };
    const work = collectAnchorTexts([join(temporary.path, name)], async () => model, options);
    for (;;) {
      const next = await work.next();
      if (next.done) return { kinds: next.value.map(({ kind }) => kind), asked: model.requests.length };
    }
  };
  const text = "text";
  const answer = "conversation";
  expect(await collect("chat.json", true)).toEqual({
    kinds: [text, text, text, answer, text, text, text, answer],
    asked: 8,
  });
  expect(await collect("base.json", false)).toEqual({ kinds: new Array(8).fill(text), asked: 8 });
  expect((await collect("base.json", false)).asked).toBe(0);
});
