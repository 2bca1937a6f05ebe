import { expect, test } from "vitest";
import { type LeafNode, scorecardSchema } from "../artifacts.ts";
import { scriptedModel } from "../llm/scripted-model.ts";
import { runWork, type WorkEvent } from "../util/events.ts";
import { compareModels } from "./compare-models.ts";
import { evaluateModel } from "./evaluate-model.ts";
import { planEvaluation } from "./plan-evaluation.ts";

const facts = [
  ["Who is the captain?", "Ines Dorrow"],
  ["Who is the architect?", "Maren Holloway"],
  ["Who is the founder?", "Aldous Fenn"],
  ["Who is the miller?", "Perrin Quill"],
] as const;

const leaf: LeafNode = {
  file: "/t/qna.yaml",
  taxonomyPath: "knowledge->place",
  name: "knowledge_place",
  kind: "knowledge",
  createdBy: "x",
  seedExamples: [],
  heldOut: facts.map(([question, answer]) => ({ question, answer })),
};
const generalText = "# Title\n\nOne two three.\n\nFour five\nsix seven.\n\n## More\n\nEight.\n";
const both = ["held_out", "forgetting"] as const;

/** Knows the first `known` facts; takes every word of the right answer as likely, every other as unlikely. */
function student(known: number, wordLogProbability = -1) {
  const knows = (question: string) => facts.slice(0, known).find(([asked]) => asked === question)?.[1];
  const questionOf = (prompt: { text: string } | { messages: { content: string }[] }) =>
    "messages" in prompt ? prompt.messages[0]!.content : "";
  return scriptedModel(({ prompt }) => knows(questionOf(prompt)) ?? "I do not know that.", {
    score: ({ prompt, continuation }) =>
      continuation.split(" ").map(() => {
        if ("text" in prompt) return wordLogProbability;
        return continuation === knows(questionOf(prompt)) ? -0.1 : continuation === "Perrin Quill" ? -2 : -3;
      }),
  });
}

test("passages are the paragraphs without headings", () => {
  expect(planEvaluation({ benchmarks: ["forgetting"], generalText }).passages).toEqual([
    "One two three.",
    "Four five six seven.",
    "Eight.",
  ]);
});

test("nothing to ask is an error that says what to write", () => {
  expect(() => planEvaluation({ benchmarks: ["held_out"], leaves: [{ ...leaf, heldOut: [] }] })).toThrow(/held-out/);
  expect(() => planEvaluation({ benchmarks: ["forgetting"], generalText: "# only\n" })).toThrow(/no paragraphs/);
});

test("a trained model beside its base: every figure from the answers", async () => {
  const plan = planEvaluation({ benchmarks: both, leaves: [leaf], generalText });
  const opened: string[] = [];
  const open = (name: string, model: ReturnType<typeof student>) => ({
    name,
    open: async () => {
      opened.push(name);
      return { ...model, [Symbol.asyncDispose]: async () => void opened.push(`${name} closed`) };
    },
  });
  const events: WorkEvent[] = [];
  const scorecard = await runWork(
    compareModels(plan, open("trained", student(3, -1.5)), open("base", student(0, -1)), {
      now: () => new Date(0),
    }),
    (event) => events.push(event),
  );
  expect(opened).toEqual(["base", "base closed", "trained", "trained closed"]);
  expect(scorecardSchema.parse(JSON.parse(JSON.stringify(scorecard)))).toEqual(JSON.parse(JSON.stringify(scorecard)));
  expect(scorecard).toMatchObject({ model: "trained", baseModel: "base", createdAt: "1970-01-01T00:00:00.000Z" });

  const { recall, multipleChoice, questions } = scorecard.heldOut!;
  expect(recall).toMatchObject({
    model: { correct: 3, total: 4, share: 0.75 },
    base: { correct: 0 },
    gained: 3,
    lost: 0,
  });
  expect(recall.pValue).toBeCloseTo(0.25, 10);
  // Per character "Perrin Quill" is the base's favourite: right once by luck.
  expect(multipleChoice).toMatchObject({
    model: { correct: 4 },
    base: { correct: 1 },
    gained: 3,
    lost: 0,
    chance: 0.25,
  });
  const captain = questions[0]!;
  expect(captain.choices.map(({ text }) => text).sort()).toEqual(facts.map(([, answer]) => answer).sort());
  expect(captain.model).toMatchObject({ answer: "Ines Dorrow", isRecalled: true, missing: [] });
  expect(captain.base).toMatchObject({ isRecalled: false, missing: ["ine", "dorrow"] });
  const right = captain.choices.findIndex(({ isRight }) => isRight);
  expect(captain.model.choice).toMatchObject({ picked: right, isRight: true });
  expect(captain.model.choice!.scores[right]!.logLikelihood).toBeCloseTo(-0.2);
  expect(captain.model.choice!.scores[right]!.perCharacter).toBeCloseTo(-0.2 / 11);

  const { forgetting } = scorecard;
  expect(forgetting!.base!.perplexity).toBeCloseTo(Math.E, 10);
  expect(forgetting!.model.perplexity).toBeCloseTo(Math.exp(1.5), 10);
  expect(forgetting!.ratio!.value).toBeCloseTo(Math.exp(0.5), 10);
  expect(forgetting!.tokens).toBe(3 + 4 + 1);
  expect(forgetting!.passages[1]).toMatchObject({ tokens: 4, modelLogLikelihood: -6, baseLogLikelihood: -4 });

  const ends = events.filter(({ type }) => type === "step-end");
  expect(ends).toHaveLength(6);
  expect(events.filter((event) => event.type === "step-progress" && event.step === "base model: answers")).toHaveLength(
    4,
  );
});

test("perplexity weighs tokens, not passages", async () => {
  const plan = planEvaluation({ benchmarks: ["forgetting"], generalText });
  const model = scriptedModel([], {
    score: ({ continuation }) => continuation.split(" ").map(() => (continuation === "Eight." ? -5 : -1)),
  });
  const card = await runWork(compareModels(plan, { name: "m", open: async () => model }, undefined));
  expect(card.forgetting!.model.perplexity).toBeCloseTo(Math.exp((7 * 1 + 5) / 8), 10);
  expect(card.forgetting).not.toHaveProperty("ratio.value");
  expect(card.forgetting!.model.low).toBeLessThan(card.forgetting!.model.perplexity);
});

test("each question is one user message, greedy; each passage begins from nothing", async () => {
  const plan = planEvaluation({ benchmarks: both, leaves: [leaf], generalText });
  const model = student(4);
  await runWork(evaluateModel(model, plan, { maxAnswerTokens: 7 }));
  expect(model.requests).toHaveLength(4);
  expect(model.requests[0]).toMatchObject({
    prompt: { messages: [{ role: "user", content: "Who is the captain?" }] },
    maxTokens: 7,
    temperature: 0,
  });
  expect(model.scoreRequests.filter(({ prompt }) => "text" in prompt)).toEqual(
    plan.passages.map((continuation) => ({ prompt: { text: "" }, continuation })),
  );
});

test("a model without log-probabilities keeps its recall and says what is missing", async () => {
  const plan = planEvaluation({ benchmarks: ["held_out"], leaves: [leaf] });
  const events: WorkEvent[] = [];
  const model = scriptedModel(() => "Ines Dorrow");
  const card = await runWork(compareModels(plan, { name: "m", open: async () => model }, undefined), (event) =>
    events.push(event),
  );
  expect(card.heldOut!.recall.model.correct).toBe(1);
  expect(card.heldOut!.multipleChoice).toBeUndefined();
  expect(events.some((event) => event.type === "message" && event.level === "warning")).toBe(true);
});

test("cancelling ends it and closes the model", async () => {
  const plan = planEvaluation({ benchmarks: ["held_out"], leaves: [leaf] });
  let isClosed = false;
  const model = {
    ...student(1),
    [Symbol.asyncDispose]: async () => {
      isClosed = true;
    },
  };
  const work = compareModels(plan, { name: "m", open: async () => model }, undefined, { signal: AbortSignal.abort() });
  await expect(runWork(work)).rejects.toMatchObject({ code: "CANCELLED" });
  expect(isClosed).toBe(true);
});
