/** The benchmarks on the real default model: it knows what everyone knows and nothing about an invented place. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { compareModels } from "../../src/evaluation/compare-models.ts";
import { planEvaluation } from "../../src/evaluation/plan-evaluation.ts";
import { openLocalModel } from "../../src/llm/local-model.ts";
import { readTaxonomy } from "../../src/taxonomy/read-taxonomy.ts";
import { assetPath, packageRoot } from "../../src/util/assets.ts";
import { runWork } from "../../src/util/events.ts";
import { defaultModelFile } from "../helpers/default-model.ts";

const file = defaultModelFile();
const open = () => openLocalModel({ file });
const pairs = (list: [string, string][]) => list.map(([question, answer]) => ({ question, answer }));

test("an invented place: nothing recalled; general text: an ordinary perplexity", async () => {
  const { leaves } = await readTaxonomy(join(packageRoot, "examples", "taxonomy"), { base: "empty" });
  const generalText = await readFile(assetPath("benchmarks", "general-text.md"), "utf8");
  const plan = planEvaluation({
    benchmarks: ["held_out", "forgetting"],
    leaves: leaves.filter(({ kind }) => kind === "knowledge"),
    generalText,
  });
  const card = await runWork(compareModels(plan, { name: "m", open }, undefined));
  expect(card.heldOut!.recall.model.share).toBeLessThan(0.1);
  expect(card.heldOut!.multipleChoice!.model.total).toBe(card.heldOut!.questions.length);
  expect(card.forgetting!.model.perplexity).toBeGreaterThan(5);
  expect(card.forgetting!.model.perplexity).toBeLessThan(60);
});

test("what everyone knows is recognised among wrong choices", async () => {
  const heldOut = pairs([
    ["What is the capital of Italy?", "Rome"],
    ["What is the capital of Germany?", "Berlin"],
    ["What is the capital of Japan?", "Tokyo"],
    ["What is the capital of Spain?", "Madrid"],
    ["What is the capital of Russia?", "Moscow"],
    ["What is the capital of England?", "London"],
  ]);
  const leaf = {
    file: "qna.yaml",
    taxonomyPath: "knowledge->capitals",
    name: "knowledge_capitals",
    kind: "knowledge" as const,
    createdBy: "test",
    seedExamples: [],
    heldOut,
  };
  const plan = planEvaluation({ benchmarks: ["held_out"], leaves: [leaf] });
  const card = await runWork(compareModels(plan, { name: "m", open }, undefined));
  expect(card.heldOut!.multipleChoice!.model.correct).toBeGreaterThanOrEqual(5);
});
