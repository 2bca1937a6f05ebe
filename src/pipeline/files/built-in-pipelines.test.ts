/** The built-in pipelines from seeds to pairs, with a teacher that keeps to the forms that their prompts ask for. */
import { expect, test } from "vitest";
import type { LeafKind, LeafSeeds } from "../../artifacts.ts";
import type { GenerateRequest } from "../../llm/language-model.ts";
import { scriptedModel } from "../../llm/scripted-model.ts";
import { runWork } from "../../util/events.ts";
import { runPipeline } from "../run-pipeline.ts";
import { sampleColumns, sampleRows } from "../sample-rows.ts";
import { testLeaf } from "../test-leaf.ts";
import { loadPipeline } from "./load-pipeline.ts";
import { evaluationPipelineFile, resolvePipeline } from "./resolve-pipeline.ts";

const promptOf = ({ prompt }: GenerateRequest) => ("messages" in prompt ? prompt.messages[0]!.content : prompt.text);

const part = (name: string, text: string) => `[Start of ${name}]\n${text}\n[End of ${name}]`;

/** By the request's last words; refuses whatever speaks of a crow. */
function answer(request: GenerateRequest): string {
  const prompt = promptOf(request);
  const [, asked = prompt] = prompt.split(/\nNow (?:judge|grade) this one\.\n/);
  const isBad = asked.includes("crow");
  const says = (words: string) => prompt.includes(words);
  if (says("[Start of Explanation] and")) {
    const verdict = says("[Start of Rating]")
      ? part("Rating", isBad ? "0" : "1")
      : part("Answer", isBad ? "NO" : "YES");
    return `${part("Explanation", "So it is.")}\n${verdict}`;
  }
  if (says("[Start of Feedback] and")) return `${part("Feedback", "Fine.")}\n${part("Score", "2")}`;
  if (says("from 1 to 3")) return `${part("Evaluation", "Fine.")}\n${part("Score", isBad ? "1" : "3")}`;
  if (says("[Start of Evaluation] and")) return `${part("Evaluation", "Fine.")}\n${part("Score", "1")}`;
  if (says("[QUESTION]"))
    return "[QUESTION]\nWhere does Tarn lie?\n[ANSWER]\nTarn lies on Lake Ossel.\n[END]\n\n[Question] What does the crow say? [Answer] Nothing. [End]\n";
  if (says("A) first choice"))
    return `${part("Question", "How many gates has Tarn?\nA) six\nB) seven\nC) eight\nD) nine")}\n${part("Answer", "B) seven")}`;
  if (says("Corrected copy:") || says("Detailed summary:") || says("Shortened document:"))
    return "Tarn, a town, lies on Lake Ossel.";
  if (says("Facts:")) return "- Tarn is a town.\n- Tarn lies on Lake Ossel.";
  if (says("Your new text:")) return part("Context", `Text ${request.seed}`);
  if (/Your \d+ questions/.test(prompt))
    return [part("Question", "How far is it?"), part("Question", "What of the crow?")].join("\n");
  if (says("[Start of Response]"))
    return part("Response", prompt.trimEnd().endsWith("crow?") ? "The crow flies." : "Ten miles.");
  return "How far is it?\nTen miles.";
}

function skillLeaf(kind: LeafKind): LeafSeeds {
  const seeds = testLeaf();
  const context = kind === "grounded_skill" ? { context: "The inn is ten miles away." } : {};
  const pairs = [
    { question: "How far is the inn?", answer: "Ten miles." },
    { question: "Is the inn near?", answer: "No." },
  ];
  return {
    leaf: { ...seeds.leaf, kind, taskDescription: "Tell distances.", seedExamples: [{ ...context, pairs }] },
    chunks: [],
  };
}

async function run(name: string, kind: LeafKind, file?: string) {
  const seeds = kind === "knowledge" ? testLeaf() : skillLeaf(kind);
  if (kind === "knowledge")
    seeds.leaf.seedExamples.push({ ...seeds.leaf.seedExamples[0]!, context: "Another context." });
  const pipeline = await loadPipeline(file ?? resolvePipeline(name, kind).file, sampleColumns(kind), {
    scaleFactor: 3,
  });
  const model = scriptedModel(answer);
  const { rows, drops } = await runWork(runPipeline(sampleRows(seeds), pipeline, { model, seeds }));
  const prompts = model.requests.map(promptOf);
  for (const prompt of prompts)
    expect(prompt, "no template is left, nothing is missing").not.toMatch(/\{\{|\}\}|(?:: |\n)None\n|undefined/);
  return { rows, drops, prompts, model };
}

test("full, knowledge: pairs about the document and its corrected copy, three judges, equal prompts asked once", async () => {
  const { rows, drops, prompts } = await run("full", "knowledge");
  expect(rows).toHaveLength(1);
  expect(rows[0]).toMatchObject({
    question: "Where does Tarn lie?",
    response: "Tarn lies on Lake Ossel.",
    dataset_type: "spellcheck",
    document: "Tarn, a town, lies on Lake Ossel.",
    raw_document: expect.stringContaining("seven gates"),
    leaf_node_type: "knowledge",
  });
  for (const gone of ["judgment", "explanation", "score", "rating", "feedback"])
    expect(rows[0]).not.toHaveProperty(gone);
  expect(drops.map(({ block, reason, count }) => [block, reason, count])).toEqual([
    ["gen_knowledge", "duplicate question", 6],
    ["filter_faithfulness", "judgment is not YES", 1],
  ]);
  // One chunk, two seeds: one correction, four generations, judges for the two distinct pairs.
  expect(prompts).toHaveLength(1 + 4 + 2 + 1 + 1);
});

test("prompts about a chunk begin alike: instructions, then the document, then what differs", async () => {
  const { prompts } = await run("full", "knowledge");
  const [first, second] = prompts.filter((prompt) => prompt.includes("[QUESTION]") && prompt.includes("seven gates"));
  const shared = [...first!].findIndex((character, index) => character !== second![index]);
  expect(first!.slice(0, shared)).toContain("It has seven gates.");
  expect(first!.slice(shared).length).toBeLessThan(first!.length / 2);
});

test("llama, knowledge: three kinds of summaries beside the document", async () => {
  const { rows } = await run("llama", "knowledge");
  expect(new Set(rows.map((row) => row["dataset_type"]))).toEqual(
    new Set(["summary_detailed", "summary_extractive", "summary_atomic_facts", "base_document"]),
  );
});

test.each(["full", "llama"])("%s, freeform skills: questions, answers, and a judge for both", async (name) => {
  const { rows, drops, model } = await run(name, "freeform_skill");
  expect(rows.map(({ question, response }) => [question, response])).toEqual([["How far is it?", "Ten miles."]]);
  expect(Object.keys(rows[0]!)).toEqual(expect.not.arrayContaining(["num_samples", "evaluation", "score"]));
  expect(drops.map(({ block, reason }) => [block, reason])).toContainEqual(["filter_qa_pair", "score is below 2"]);
  const samples = name === "full" ? 30 : 50;
  expect(promptOf(model.requests[0]!)).toContain(`Your ${samples} questions:`);
});

test("full, grounded skills: new texts, questions about them, and the text in the final question", async () => {
  const { rows, model } = await run("full", "grounded_skill");
  expect(rows.length).toBeGreaterThanOrEqual(1);
  expect(rows[0]).toMatchObject({
    context: expect.stringMatching(/^Text \d/),
    question: expect.stringMatching(/^Text \d+\n\nHow far is it\?$/),
    response: "Ten miles.",
    score: 3,
  });
  expect(model.requests[0]).toMatchObject({ temperature: 0.7, maxTokens: 2048 });
});

test.each<LeafKind>(["knowledge", "freeform_skill", "grounded_skill"])(
  "simple, %s: one text of question and answer",
  async (kind) => {
    const { rows, model } = await run("simple", kind);
    expect(rows.map((row) => row["output"])).toEqual(["How far is it?\nTen miles."]);
    expect(model.requests[0]).toMatchObject({ temperature: 0.7, maxTokens: 2048 });
  },
);

test("the evaluation pipeline writes questions with four choices", async () => {
  const { rows } = await run("", "knowledge", evaluationPipelineFile);
  expect(rows).toHaveLength(1);
  expect(rows[0]).toMatchObject({
    mmlubench_question: "How many gates has Tarn?\nA) six\nB) seven\nC) eight\nD) nine",
    mmlubench_answer: "B) seven",
  });
});
