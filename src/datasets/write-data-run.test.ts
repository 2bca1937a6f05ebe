import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parse } from "yaml";
import {
  type GeneratedLeaf,
  type LeafNode,
  type MessagesSample,
  messagesSampleSchema,
  type Row,
  runManifestSchema,
} from "../artifacts.ts";
import { readJsonLines } from "../util/fs.ts";
import { readDataRun } from "./list-data-runs.ts";
import { requireOutputDirectory } from "./require-output-directory.ts";
import { summariseRun } from "./summarise-run.ts";
import { writeDataRun } from "./write-data-run.ts";

const leaf: LeafNode = {
  file: "/t/qna.yaml",
  taxonomyPath: "knowledge->towns->tarn",
  name: "knowledge_towns_tarn",
  kind: "knowledge",
  createdBy: "test",
  seedExamples: [
    {
      context: "Tarn lies on Lake Ossel.",
      pairs: [
        { question: "Where does Tarn lie? ", answer: " On Lake Ossel." },
        { question: "HOW MANY gates has Tarn", answer: "seven" },
      ],
    },
  ],
  heldOut: [{ question: "How many gates has Tarn?", answer: "seven" }],
};
const knowledge: GeneratedLeaf = {
  leaf,
  preprocessed: [{ document: "Tarn has gates." }],
  generated: [
    {
      question: "What has Tarn?",
      response: "Gates.",
      document: "Tarn has gates.",
      sentence: "Tarn has gates.",
      dataset_type: "qa",
    },
    { question: "how many gates has tarn", response: "Seven.", document: "Tarn has gates.", dataset_type: "qa" },
    {
      question: "About Tarn: how many gates has Tarn?",
      response: "Seven.",
      document: "Tarn has gates.",
      dataset_type: "qa",
    },
    { question: "Tell me about Tarn.", response: "Tarn has gates.", dataset_type: "about" },
    { text: "Tarn has gates.\u2028", sentence: "Tarn has gates.", dataset_type: "sentence" },
  ],
  drops: [{ block: "grounded", reason: "no name", count: 3, example: { question: "x" } }],
};
const skill: GeneratedLeaf = {
  leaf: { ...leaf, kind: "grounded_skill", name: "skills_sum", taxonomyPath: "compositional_skills->sum", heldOut: [] },
  preprocessed: [],
  generated: [{ context: "1 2", question: "Sum?", response: "3", dataset_type: "qa" }],
  drops: [],
};

async function write(leaves: GeneratedLeaf[], outputDirectory?: string) {
  const parent = outputDirectory ?? (await mkdtemp(join(tmpdir(), "runs-")));
  const startedAt = new Date(2026, 2, 4, 5, 6, 7);
  const options = { outputDirectory: parent, startedAt, config: {}, inputs: {}, timings: {} };
  return { parent, ...(await writeDataRun(leaves, options)) };
}

async function rows<T>(file: string): Promise<T[]> {
  const result: T[] = [];
  for await (const row of readJsonLines(file)) result.push(row as T);
  return result;
}

test("a run has upstream's file names and a manifest that names the file to train on", async () => {
  const { directory, messagesFile } = await write([knowledge, skill]);
  expect(directory).toMatch(/2026-03-04_050607$/);
  const files = (await readdir(directory, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(directory.length + 1))
    .sort();
  const suffix = "2026-03-04T05_06_07";
  expect(files).toEqual(
    [
      `generated_${suffix}/knowledge_towns_tarn.jsonl`,
      `generated_${suffix}/skills_sum.jsonl`,
      `knowledge_recipe_${suffix}.yaml`,
      `knowledge_train_msgs_${suffix}.jsonl`,
      "manifest.json",
      `messages_${suffix}.jsonl`,
      `node_datasets_${suffix}/knowledge_towns_tarn_p07.jsonl`,
      `node_datasets_${suffix}/knowledge_towns_tarn_p10.jsonl`,
      `node_datasets_${suffix}/skills_sum.jsonl`,
      "pipeline.log.jsonl",
      `preprocessed_${suffix}/knowledge_towns_tarn.jsonl`,
      `preprocessed_${suffix}/skills_sum.jsonl`,
      `skills_recipe_${suffix}.yaml`,
      `skills_train_msgs_${suffix}.jsonl`,
      `test_${suffix}.jsonl`,
      `train_${suffix}.jsonl`,
    ].sort(),
  );
  const manifest = runManifestSchema.parse(JSON.parse(await readFile(join(directory, "manifest.json"), "utf8")));
  expect(join(directory, manifest.outputs["messages"]!)).toBe(messagesFile);
  for (const output of Object.values(manifest.outputs)) expect(existsSync(join(directory, output)), output).toBe(true);
  const recipe = parse(await readFile(join(directory, manifest.outputs["knowledge_recipe"]!), "utf8"));
  for (const { path } of recipe.datasets) expect(existsSync(join(directory, path)), path).toBe(true);
});

test("held-out questions get into no file that is trained on, however they are written", async () => {
  const { directory, counts } = await write([knowledge]);
  expect(counts["heldOutRefused"]).toBe(3);
  for (const name of await readdir(directory, { recursive: true })) {
    if (!/messages_|train_|node_datasets_.*jsonl|_msgs_/.test(name) || !name.endsWith(".jsonl")) continue;
    for (const sample of await rows<object>(join(directory, name)))
      expect(JSON.stringify(sample).toLowerCase(), name).not.toContain("how many gates");
  }
});

test("samples are what the training stage reads: pairs, and texts learned as they stand", async () => {
  const { messagesFile, counts } = await write([knowledge, skill]);
  const samples = (await rows(messagesFile)).map((row) => messagesSampleSchema.parse(row));
  const shown = samples.map(({ messages }) => messages.map(({ role, content }) => `${role}: ${content}`).join(" | "));
  expect(shown).toContain("user: Where does Tarn lie? | assistant: On Lake Ossel.");
  expect(shown).toContain("user: What has Tarn? | assistant: Gates.");
  expect(shown).toContain("user: Sum?\n1 2 | assistant: 3");
  const plain = samples.filter(({ messages }) => messages[0]!.role === "pretraining");
  expect(plain).toHaveLength(1);
  expect(plain[0]).toMatchObject({ unmask: true, messages: [{ content: "Tarn has gates.\u2028" }] });
  expect(counts).toMatchObject({ samples: samples.length, texts: 1, droppedRows: 3 });
  expect(new Set(samples.map(({ id }) => id)).size).toBe(samples.length);
  expect(JSON.parse(samples[0]!.metadata!)).toMatchObject({ leaf: "knowledge->towns->tarn", dataset: "seed" });
});

test("the same rows give the same samples, and a second run in one second its own directory", async () => {
  const first = await write([knowledge]);
  const second = await write([knowledge], first.parent);
  expect(second.directory).toBe(`${first.directory}_2`);
  expect(await rows<MessagesSample>(second.messagesFile)).toEqual(await rows<MessagesSample>(first.messagesFile));
});

test("a place that cannot be written is named, before any work and after", async () => {
  const parent = await mkdtemp(join(tmpdir(), "runs-"));
  await writeFile(join(parent, "file"), "");
  await expect(requireOutputDirectory(join(parent, "file", "below"))).rejects.toThrow(/file/);
  await requireOutputDirectory(join(parent, "new", "place"));
  await expect(write([knowledge], join(parent, "file", "below"))).rejects.toThrow(/file/);
});

test("the summary counts by leaf and says what was dropped", async () => {
  const { directory, messagesFile } = await write([knowledge]);
  const text = summariseRun(directory, [knowledge], await rows<MessagesSample>(messagesFile));
  expect(text).toContain("1 new question-answer pairs, 1 from the seeds");
  expect(text).toContain("0 echo questions, 0 by keywords, 1 about names, 1 as text");
  expect(text).toContain("3 by grounded: no name");
  expect(text).toContain(directory);
});

const question = (number: number, document: string) => ({
  question: `Question ${number}?`,
  response: `Answer ${number}.`,
  document,
  dataset_type: "base_document",
});
const raftRows = async (documents: string[], perDocument = 1) => {
  const generated = documents.flatMap((document, i) =>
    Array.from({ length: perDocument }, (_, j) => question(i * perDocument + j, document)),
  );
  const { directory } = await write([{ ...knowledge, generated }]);
  const [name] = (await readdir(directory, { recursive: true })).filter((file) => file.endsWith("_p10.jsonl"));
  const all = await rows<MessagesSample>(join(directory, name!));
  return all
    .filter(({ metadata }) => metadata!.includes("_raft_p0.4"))
    .map((sample, i) => {
      const shown = sample.messages[0]!.content.split("Document:\n").slice(1);
      const own = documents[Math.floor(i / perDocument)]!;
      return { shown: shown.map((text) => text.trim().split("\n")[0]!), own, unmask: sample.unmask };
    });
};

test("documents that distract: three beside the right one in two of five cases, else four without it, in any order", async () => {
  const documents = Array.from({ length: 8 }, (_, i) => `Piece ${i}.`);
  const all = await raftRows(documents, 250);
  expect(all).toHaveLength(2000);
  const golden = all.filter(({ shown, own }) => shown.includes(own));
  // Four standard deviations of a binomial are 88.
  expect(Math.abs(golden.length - 800)).toBeLessThan(88);
  for (const { shown, unmask } of all) expect([new Set(shown).size, unmask]).toEqual([4, false]);
  const places = [0, 1, 2, 3].map((place) => golden.filter(({ shown, own }) => shown[place] === own).length);
  for (const count of places) expect(count).toBeGreaterThan(golden.length / 8);
  const distracting = new Set(all.flatMap(({ shown, own }) => shown.filter((text) => text !== own)));
  expect(distracting.size).toBe(8);
});

test("with few documents all of them are shown; a single one is the right one", async () => {
  expect((await raftRows(["Only."])).map(({ shown }) => shown)).toEqual([["Only."]]);
  for (const { shown, own } of await raftRows(["One.", "Two.", "Three."], 20))
    expect(shown.filter((text) => text !== own)).toHaveLength(2);
});

test("pairs in one column are split at the question mark, and a grounded question gets its context, once", async () => {
  const generated: Row[] = [
    { output: "What is the sum? 3, I think. Right?", seed_context: "1 and 2" },
    { output: "No question here.", seed_context: "1 and 2" },
    { output: "", seed_context: "1 and 2" },
    { context: "5 and 6", question: "5 and 6\n\nWhat is their sum?", response: " 11 " },
  ];
  const { directory, messagesFile, counts } = await write([{ ...skill, generated }]);
  const pairs = (await rows<MessagesSample>(messagesFile)).filter(({ metadata }) => metadata!.includes('"qa"'));
  expect(pairs.map(({ messages }) => messages.map(({ content }) => content))).toEqual([
    ["What is the sum?\n1 and 2", "3, I think. Right?"],
    ["5 and 6\n\nWhat is their sum?", "11"],
  ]);
  expect(counts["droppedRows"]).toBe(2);
  const log = await rows<{ block: string; reason: string; count: number }>(join(directory, "pipeline.log.jsonl"));
  expect(log).toMatchObject([{ block: "datasets", reason: "no question", count: 2 }]);
});

test("a leaf that yields nothing has no sets and stands in no recipe; others are mixed with the system prompt", async () => {
  const parent = await mkdtemp(join(tmpdir(), "runs-"));
  const options = { outputDirectory: parent, startedAt: new Date(2026, 2, 4), config: {}, inputs: {}, timings: {} };
  const leaves = [{ ...knowledge, generated: [] }, skill];
  const { directory } = await writeDataRun(leaves, { ...options, systemPrompt: "Be kind." });
  const files = await readdir(directory, { recursive: true });
  expect(files.filter((file) => /_p07|_p10|knowledge_train/.test(file))).toEqual([]);
  const mixed = await rows<MessagesSample>(join(directory, "skills_train_msgs_2026-03-04T00_00_00.jsonl"));
  expect(mixed).toHaveLength(30);
  for (const { messages } of mixed) expect(messages[0]).toEqual({ role: "system", content: "Be kind." });
  const [legacy] = await rows<object>(join(directory, "train_2026-03-04T00_00_00.jsonl"));
  expect(legacy).toMatchObject({ system: "Be kind." });
});

test("two leaves with one name do not overwrite each other's files", async () => {
  const { directory } = await write([skill, { ...skill, generated: [{ ...skill.generated[0]!, question: "Other?" }] }]);
  const files = (await readdir(directory, { recursive: true })).filter((file) => /node_datasets.*jsonl$/.test(file));
  expect(files.map((file) => file.replace(/.*\//, "")).sort()).toEqual(["skills_sum.jsonl", "skills_sum_2.jsonl"]);
});

test("multiple-choice questions lie beside their task, which names them", async () => {
  const evaluationRows = [
    { domain: "towns", mmlubench_question: "Which?\nA) a\nB) b\nC) c\nD) d", mmlubench_answer: "C) c" },
    { domain: "towns", mmlubench_question: "Which?", mmlubench_answer: "none" },
  ];
  const { directory } = await write([{ ...knowledge, evaluationRows }]);
  const task = (await readdir(directory, { recursive: true })).find((file) => file.endsWith("_task.yaml"));
  const { dataset_kwargs } = parse(await readFile(join(directory, task!), "utf8"));
  expect(await rows(dataset_kwargs.data_files.test)).toMatchObject([
    { subject: "towns", answer: 2, choices: ["a", "b", "c", "d"], question: "Which?", dataset_type: "mcq_qa" },
  ]);
});

test("runs of the Python program, which have no manifest, are known by their files", async () => {
  const directory = await mkdtemp(join(tmpdir(), "python-run-"));
  expect(await readDataRun(directory)).toBeUndefined();
  await mkdir(join(directory, "generated_X"));
  await writeFile(join(directory, "generated_X", "a_leaf.jsonl"), "{}\n{}\n");
  await writeFile(join(directory, "messages_X.jsonl"), '{"messages": []}\n');
  expect(await readDataRun(directory)).toMatchObject({
    hasManifest: false,
    samples: 1,
    messagesFile: join(directory, "messages_X.jsonl"),
    leaves: [{ name: "a_leaf", generatedRows: 2 }],
    sizeBytes: 6 + 17,
  });
});
