import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { makeTempDir } from "../../test/helpers/temp-dir.ts";
import { runManifestSchema, type Scorecard, scorecardSchema } from "../artifacts.ts";
import { buildScorecard } from "./build-scorecard.ts";
import { exampleAnswers, explainScorecard, scorecardTable } from "./describe-scorecard.ts";
import { writeEvaluation } from "./write-evaluation.ts";

const numbers = Array.from({ length: 16 }, (_, index) => index);

/** 16 questions; `right` of them recalled; each of four passages of ten tokens with this mean log-probability. */
function scores(right: number, logProbability: number) {
  return {
    answers: numbers.map((index) => ({
      answer: index < right ? `Answer ${index}.` : "Something\nelse.",
      isRecalled: index < right,
      missing: index < right ? [] : [`${index}`],
    })),
    passages: [0, 1, 2, 3].map(() => ({ tokens: 10, logLikelihood: 10 * logProbability })),
  };
}

const plan = {
  questions: numbers.map((index) => ({
    leaf: "l",
    question: `Question ${index}?`,
    reference: `Answer ${index}`,
    choices: [],
  })),
  passages: ["a", "b", "c", "d"],
  seed: 1,
};

const card = (right: number, base: number | undefined, ratio: number): Scorecard =>
  buildScorecard(
    plan,
    { name: "run", scores: scores(right, -3 - Math.log(ratio)) },
    base === undefined ? undefined : { name: "smol", scores: scores(base, -3) },
    "2026-01-01T00:00:00.000Z",
  );

test("the table shows counts, intervals and what the difference is worth", () => {
  const { head, rows } = scorecardTable(card(10, 0, 1.3));
  expect(head).toEqual(["", "base", "trained", "difference"]);
  expect(rows).toEqual([
    [
      "held-out questions recalled",
      "0 of 16 = 0 % (0 % to 19 %)",
      "10 of 16 = 63 % (39 % to 82 %)",
      "10 gained, 0 lost, p = 0.002",
    ],
    ["perplexity on general text", "20.1 (20.1 to 20.1)", "26.1 (26.1 to 26.1)", "times 1.30 (1.30 to 1.30)"],
  ]);
});

test("one model alone", () => {
  const { head, rows } = scorecardTable(card(10, undefined, 1));
  expect(head).toEqual(["", "model", ""]);
  expect(rows.map((row) => row.length)).toEqual([3, 3]);
  expect(explainScorecard(card(10, undefined, 1)).join(" ")).toMatch(/answered 10 right.*--base-model/);
});

test.each([
  [10, 0, "is not chance"],
  [3, 0, "could be chance"],
  [2, 2, "no difference"],
])("%i right against %i: %s", (right, base, words) => {
  expect(explainScorecard(card(right, base, 1))[0]).toContain(words);
});

test.each([
  [1.05, "kept"],
  [1.3, "a little"],
  [2, "noticeably"],
  [4, "much"],
])("perplexity times %f: forgot %s", (ratio, words) => {
  expect(explainScorecard(card(1, 0, ratio))[1]).toContain(words);
});

test("examples: what was learned, and one that is still wrong", () => {
  const shown = exampleAnswers(card(10, 0, 1));
  expect(shown).toHaveLength(3);
  expect(shown[0]).toBe(
    "Question 0?\n  expected: Answer 0\n  base:     Something else.  [wrong: lacks 0]\n  trained:  Answer 0.  [right]",
  );
  expect(shown[2]).toContain("Question 10?");
  expect(exampleAnswers(card(16, 0, 1)).join()).not.toContain("trained:  Something");
});

test("on disk: the scorecard whole, the manifest beside it", async () => {
  await using temporary = await makeTempDir();
  const directory = join(temporary.path, "deep", "run");
  const path = await writeEvaluation(card(10, 0, 1.3), {
    directory,
    startedAt: new Date(1000),
    endedAt: new Date(3500),
    config: { model: "run" },
    inputs: { model: "abc" },
  });
  expect(scorecardSchema.parse(JSON.parse(await readFile(path, "utf8"))).heldOut!.questions).toHaveLength(16);
  const manifest = runManifestSchema.parse(JSON.parse(await readFile(join(directory, "manifest.json"), "utf8")));
  expect(manifest).toMatchObject({
    stage: "evaluate",
    counts: { questions: 16, recalled: 10 },
    timings: { total: 2.5 },
  });
});
