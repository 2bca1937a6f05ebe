import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parse } from "yaml";
import {
  type GeneratedLeaf,
  type LeafNode,
  type MessagesSample,
  messagesSampleSchema,
  runManifestSchema,
} from "../artifacts.ts";
import { readJsonLines } from "../util/fs.ts";
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
