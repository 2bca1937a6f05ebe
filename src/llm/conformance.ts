/** What every `LanguageModel` must do, as named checks that any test runner can run; the tests of each implementation run them all. */
import assert from "node:assert/strict";
import type { GenerateRequest, LanguageModel } from "./language-model.ts";

export interface ConformanceCheck {
  name: string;
  /** `model` must answer `prompt` with at least four words, the same each time at temperature 0. */
  run(model: LanguageModel, prompt: GenerateRequest["prompt"]): Promise<void>;
}

export const languageModelConformance: ConformanceCheck[] = [
  {
    name: "generate counts its tokens and keeps to maxTokens",
    async run(model, prompt) {
      const result = await model.generate({ prompt, maxTokens: 6 });
      assert.ok(result.text.length > 0);
      assert.ok(result.promptTokens > 0);
      assert.ok(result.completionTokens > 0 && result.completionTokens <= 6, `${result.completionTokens} tokens`);
      const one = await model.generate({ prompt, maxTokens: 1 });
      assert.equal(one.finishReason, "length");
      assert.equal(one.completionTokens, 1);
      assert.ok(result.text.startsWith(one.text));
    },
  },
  {
    name: "temperature 0 gives the same text each time",
    async run(model, prompt) {
      const request = { prompt, maxTokens: 12, temperature: 0 };
      assert.equal((await model.generate(request)).text, (await model.generate({ ...request, seed: 99 })).text);
    },
  },
  {
    name: "stream gives the text of generate in pieces",
    async run(model, prompt) {
      const whole = await model.generate({ prompt, maxTokens: 12 });
      const pieces: string[] = [];
      for await (const piece of model.stream({ prompt, maxTokens: 12 })) pieces.push(piece);
      assert.equal(pieces.join(""), whole.text);
      assert.ok(pieces.length > 1, "more than one piece");
    },
  },
  {
    name: "a stop string ends the text and is not part of it",
    async run(model, prompt) {
      const { text } = await model.generate({ prompt, maxTokens: 12 });
      const middle = Math.floor(text.length / 2);
      const stop = text.slice(middle, middle + 3);
      const expected = text.slice(0, text.indexOf(stop));
      const stopped = await model.generate({ prompt, maxTokens: 12, stop: ["\u0000never", stop] });
      assert.equal(stopped.text, expected);
      assert.equal(stopped.finishReason, "stop");
      let streamed = "";
      for await (const piece of model.stream({ prompt, maxTokens: 12, stop: [stop] })) streamed += piece;
      assert.equal(streamed, expected);
    },
  },
  {
    name: "a conversation is answered",
    async run(model) {
      const messages = [
        { role: "system" as const, content: "You answer briefly." },
        { role: "user" as const, content: "What colour is the sky on a clear day?" },
      ];
      assert.ok((await model.generate({ prompt: { messages }, maxTokens: 8 })).text.length > 0);
    },
  },
  {
    name: "more requests than fit at once are all answered, each with its own answer",
    async run(model, prompt) {
      const lengths = Array.from({ length: model.concurrency + 3 }, (_, index) => 1 + (index % 4));
      const results = await Promise.all(lengths.map((maxTokens) => model.generate({ prompt, maxTokens })));
      assert.deepEqual(
        results.map((result) => result.completionTokens),
        lengths,
      );
    },
  },
  {
    name: "a signal that has fired refuses, one that fires later ends the work",
    async run(model, prompt) {
      const isCancelled = (error: unknown) => (error as { code?: string }).code === "CANCELLED";
      await assert.rejects(model.generate({ prompt, maxTokens: 4, signal: AbortSignal.abort() }), isCancelled);
      const controller = new AbortController();
      await assert.rejects(async () => {
        for await (const _ of model.stream({ prompt, maxTokens: 400, signal: controller.signal })) controller.abort();
      }, isCancelled);
      assert.equal((await model.generate({ prompt, maxTokens: 1 })).completionTokens, 1);
    },
  },
  {
    name: "score gives one log-probability for each token, in the order asked, or says that it cannot",
    async run(model) {
      const text = "The capital of France is";
      const requests = [" Paris", " cheese and", ""].map((continuation) => ({ prompt: { text }, continuation }));
      const scores = await model.score(requests).catch((error: { code?: string }) => {
        if (error.code === "SCORE_UNSUPPORTED") return undefined;
        throw error;
      });
      if (!scores) return;
      assert.equal(scores.length, 3);
      assert.ok(scores[0]!.logProbabilities.length >= 1 && scores[1]!.logProbabilities.length >= 1);
      assert.deepEqual(scores[2]!.logProbabilities, []);
      for (const value of scores.flatMap((score) => score.logProbabilities))
        assert.ok(value <= 0 && Number.isFinite(value));
      const sum = (index: number) => scores[index]!.logProbabilities.reduce((total, value) => total + value, 0);
      assert.ok(sum(0) > sum(1), `${sum(0)} > ${sum(1)}`);
    },
  },
  {
    name: "embed gives one vector for each text, or says that it cannot",
    async run(model) {
      const vectors = await model.embed(["one", "two"]).catch((error: { code?: string }) => {
        if (error.code === "EMBED_UNSUPPORTED") return undefined;
        throw error;
      });
      if (!vectors) return;
      assert.equal(vectors.length, 2);
      assert.equal(vectors[0]!.length, vectors[1]!.length);
    },
  },
];
