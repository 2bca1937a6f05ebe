/** The compact pipeline with the real default model as teacher, on one paragraph. */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { LeafSeeds } from "../../src/artifacts.ts";
import type { LanguageModel } from "../../src/llm/language-model.ts";
import { openLocalModel } from "../../src/llm/local-model.ts";
import { generateLeaves } from "../../src/pipeline/generate-leaves.ts";
import { runWork } from "../../src/util/events.ts";
import { defaultModelFile } from "../helpers/default-model.ts";

let model: LanguageModel;
beforeAll(async () => {
  model = await openLocalModel({ file: defaultModelFile() });
});
afterAll(async () => {
  await model[Symbol.asyncDispose]();
});

const seeds: LeafSeeds = {
  leaf: {
    file: "/qna.yaml",
    taxonomyPath: "knowledge->geography->quend",
    name: "knowledge_geography_quend",
    kind: "knowledge",
    createdBy: "test",
    domain: "geography",
    documentOutline: "The invented village of Quend",
    seedExamples: [
      {
        context: "Quend is a village on the River Ase. It has 830 inhabitants.",
        pairs: [
          { question: "On which river does Quend lie?", answer: "Quend lies on the River Ase." },
          { question: "How many inhabitants does Quend have?", answer: "Quend has 830 inhabitants." },
        ],
      },
      {
        context: "The mill of Quend was built in 1721 by Jorin Weld. It grinds rye.",
        pairs: [
          { question: "When was the mill of Quend built?", answer: "The mill was built in 1721." },
          { question: "What does the mill of Quend grind?", answer: "The mill of Quend grinds rye." },
        ],
      },
    ],
    heldOut: [],
  },
  chunks: [
    {
      source: "quend.md",
      headings: ["Quend"],
      text: "The stone bridge over the Ase has nine arches. The school was opened in 1894 by the teacher Milla Brandt. The ferry Otter crosses the river in 12 minutes.",
    },
  ],
};

test("most of what the teacher writes and the filters keep is about the text", async () => {
  const { leaves } = await runWork(generateLeaves([seeds], { model, pipeline: "compact" }));
  const pairs = leaves[0]!.generated.filter((row) => row["rotation"] !== undefined);
  expect(pairs.length).toBeGreaterThanOrEqual(6);
  const answers = pairs.map((row) => String(row["response"])).join("\n");
  for (const fact of [/nine|9/, /1894/, /Milla Brandt/, /12 minutes/]) expect(answers).toMatch(fact);
});
