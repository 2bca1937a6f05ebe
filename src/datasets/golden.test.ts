/** The files that the original program makes of the same rows; golden/make-golden.py made golden/golden.json with instructlab-sdg 0.8.3. */
import { mkdir, mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parse } from "yaml";
import type { GeneratedLeaf, LeafKind, Row } from "../artifacts.ts";
import { readDataFile } from "../formats/data-file.ts";
import { toPandasJson, toPythonJson } from "../formats/jsonl-styles.ts";
import { runWork } from "../util/events.ts";
import { mixRecipe } from "./mix-recipe.ts";
import { createNumpyChoice } from "./numpy-random.ts";
import { harnessTask, multipleChoiceRows } from "./question-file.ts";
import { readRecipe } from "./recipe.ts";
import { writeDataRun } from "./write-data-run.ts";

interface Golden {
  system: string;
  auxiliary: Record<string, string[]>;
  rows: Record<string, Row[]>;
  evaluationRows: Row[];
  files: Record<string, string>;
  sampling: [seed: number, count: number, size: number, indices: number[]][];
}
const golden = JSON.parse(await readFile(join(import.meta.dirname, "golden", "golden.json"), "utf8")) as Golden;
const lines = (text: string) => text.trimEnd().split("\n");
const objects = (text: string) => lines(text).map((line) => JSON.parse(line) as Row);
/** Upstream's ids are random, and its skill messages have their keys the other way round. */
const withoutIds = (text: string) =>
  text
    .replace(/("id":")[0-9a-f-]{36}"/g, '$1ID"')
    .replace(/\{"content":("(?:[^"\\]|\\.)*"),"role":("\w+")\}/g, '{"role":$2,"content":$1}');

async function writeGoldenRun(order = Object.keys(golden.rows)) {
  const leaves = order.map((name): GeneratedLeaf => {
    const kind: LeafKind = name.startsWith("knowledge") ? "knowledge" : "freeform_skill";
    const leaf = { file: "", taxonomyPath: name, name, kind, createdBy: "", seedExamples: [], heldOut: [] };
    const generated = golden.rows[name]!;
    return { leaf, preprocessed: [], generated, drops: [], auxiliaryInstructions: golden.auxiliary };
  });
  const outputDirectory = await mkdtemp(join(tmpdir(), "golden-"));
  const startedAt = new Date(2026, 0, 2, 3, 4, 5);
  const options = { outputDirectory, startedAt, config: {}, inputs: {}, timings: {}, systemPrompt: golden.system };
  const { directory } = await writeDataRun(leaves, options);
  const suffix = "2026-01-02T03_04_05";
  return (name: string) => readFile(join(directory, name.replace("_S", `_${suffix}`)), "utf8");
}

test.each(golden.sampling)("numpy's choice: seed %i, %i rows, %i drawn", (seed, count, size, indices) => {
  const choose = createNumpyChoice(seed, count);
  expect(Array.from({ length: size }, choose)).toEqual(indices);
});

test("both styles of JSON lines are upstream's byte for byte", () => {
  for (const [name, text] of Object.entries(golden.files)) {
    if (!name.endsWith(".jsonl") || name === "mixed.jsonl") continue;
    const style = name.startsWith("generated") || name === "other.jsonl" ? toPythonJson : toPandasJson;
    for (const line of lines(text)) expect(style(JSON.parse(line)), name).toBe(line);
  }
  expect(toPythonJson("a\u2028b\u0085")).toBe('"a\\u2028b\\u0085"');
});

test.each([
  "generated_S/knowledge_harbour.jsonl",
  "node_datasets_S/knowledge_harbour_p07.jsonl",
  "node_datasets_S/compositional_skills_sum.jsonl",
  "node_datasets_S/compositional_skills_simple.jsonl",
  "knowledge_train_msgs_S.jsonl",
])("%s is what the original writes", async (name) => {
  const read = await writeGoldenRun();
  expect(withoutIds(await read(name))).toBe(withoutIds(golden.files[name]!));
});

test("the recipes are the original's", async () => {
  const read = await writeGoldenRun();
  for (const kind of ["knowledge", "skills"]) {
    const text = (await read(`${kind}_recipe_S.yaml`)).replaceAll(/_2026[\dT_-]+\d\d/g, "_S");
    expect(text).toBe(golden.files[`${kind}_recipe_S.yaml`]);
  }
});

test("p10 differs from the original's in what is drawn at random alone", async () => {
  const name = "node_datasets_S/knowledge_harbour_p10.jsonl";
  const read = await writeGoldenRun();
  const [ours, theirs] = [objects(withoutIds(await read(name))), objects(golden.files[name]!)];
  /** Questions without the documents before them. */
  const comparable = (row: Row) => {
    const [user, assistant] = row["messages"] as [{ content: string }, unknown];
    const isRaft = String(row["metadata"]).includes("_raft_p0.4");
    return { ...row, messages: [isRaft ? user.content.split("\n\n").at(-1) : user, assistant] };
  };
  expect(ours.map(comparable)).toEqual(theirs.map(comparable));
  for (const row of [...ours, ...theirs].filter(({ metadata }) => String(metadata).includes("_raft"))) {
    const { content } = (row["messages"] as [{ content: string }])[0];
    expect(content).toMatch(/^(Document:\n(?:.+)\n\n\n?){4}\nWhat stands in document/);
  }
});

test("same rows, same seed, same bytes", async () => {
  const [first, second] = [await writeGoldenRun(), await writeGoldenRun()];
  for (const name of ["node_datasets_S/knowledge_harbour_p10.jsonl", "skills_train_msgs_S.jsonl"])
    expect(await first(name)).toBe(await second(name));
});

test("a recipe is mixed as the original mixes it, with its sampling", async () => {
  const directory = await mkdtemp(join(tmpdir(), "mix-"));
  for (const name of ["other.jsonl", "recipe.yaml"]) await writeFile(join(directory, name), golden.files[name]!);
  const outputFile = join(directory, "mixed.jsonl");
  const recipe = await readRecipe(join(directory, "recipe.yaml"));
  const options = { outputFile, sampling: "upstream" as const, seed: 42, systemPrompt: golden.system };
  const { rows, datasets } = await runWork(mixRecipe(recipe, options));
  expect(await readFile(outputFile, "utf8")).toBe(golden.files["mixed.jsonl"]);
  expect(rows).toBe(24);
  expect(datasets.map((dataset) => dataset.rows + dataset.leftOut)).toEqual([10, 2, 7, 5, 5]);
});

test("metadata is written anew, and rows without an id keep none, as the original does it", async () => {
  const directory = await mkdtemp(join(tmpdir(), "mix-"));
  const messages = '[{"role":"user","content":"q"},{"role":"assistant","content":"a"}]';
  await writeFile(
    join(directory, "a.jsonl"),
    `{"messages":${messages},"metadata":"{\\"town\\":\\"Zürich\\",\\"score\\":2.0}"}\n{"messages":${messages},"metadata":"{\\"x\\": NaN}","id":"i"}\n`,
  );
  await writeFile(join(directory, "recipe.yaml"), "datasets:\n- {path: a.jsonl, sampling_size: 1.0}\n");
  const outputFile = join(directory, "mixed.jsonl");
  const recipe = await readRecipe(join(directory, "recipe.yaml"));
  await runWork(mixRecipe(recipe, { outputFile, sampling: "upstream", seed: 42 }));
  const rows = (await readFile(outputFile, "utf8"))
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(rows.map(({ metadata, id }) => [metadata, id])).toEqual([
    ['{"town": "Z\\u00fcrich", "score": 2.0}', null],
    ['{"x": null}', "i"],
  ]);
  await runWork(mixRecipe(recipe, { outputFile, sampling: "distinct", seed: 42 }));
  expect(JSON.parse((await readFile(outputFile, "utf8")).split("\n")[0]!).id).toMatch(/^[0-9a-f-]+$/);
});

test("the skills set of a run is the original's when it is mixed again with its sampling", async () => {
  const directory = await mkdtemp(join(tmpdir(), "mix-"));
  for (const [name, text] of Object.entries(golden.files)) {
    await mkdir(join(directory, "node_datasets_S"), { recursive: true });
    if (/^(node_datasets_S|skills_recipe)/.test(name)) await writeFile(join(directory, name), text);
  }
  const outputFile = join(directory, "mixed.jsonl");
  const recipe = await readRecipe(join(directory, "skills_recipe_S.yaml"));
  await runWork(mixRecipe(recipe, { outputFile, sampling: "upstream", seed: 42 }));
  expect(await readFile(outputFile, "utf8")).toBe(golden.files["skills_train_msgs_S.jsonl"]);
});

test("Parquet that Python wrote is read", async () => {
  const rows: unknown[] = [];
  for await (const row of readDataFile(join(import.meta.dirname, "golden", "knowledge_harbour.parquet")))
    rows.push(row);
  expect(rows).toEqual(golden.rows["knowledge_harbour"]);
});

test("multiple-choice questions as the original writes them, with labels that count from A", () => {
  const ours = multipleChoiceRows(golden.evaluationRows);
  const theirs = objects(golden.files["mmlubench.jsonl"]!);
  const letters = (row: Row) => "ABCD".indexOf(String(row["mmlubench_answer"]).trim()[0]!);
  // The original refuses the space before the letter.
  const known = ours.filter((row) => !String(row["mmlubench_answer"]).startsWith(" "));
  const mended = theirs.map((row) => ({ ...row, answer: letters(row) }));
  expect(known.map(toPandasJson)).toEqual(mended.map(toPandasJson));
  expect(ours.map(({ answer }) => answer)).toEqual([1, 3, 2, 3]);
  expect(parse(harnessTask("harbour", "DATA.jsonl"))).toEqual(parse(golden.files["task.yaml"]!));
});
