import { mkdir, mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { expect, test } from "vitest";
import type { LeafKind } from "../../artifacts.ts";
import { sampleColumns } from "../sample-rows.ts";
import { autoPipeline } from "./auto-pipeline.ts";
import { loadPipeline } from "./load-pipeline.ts";
import { builtInPipelines, evaluationPipelineFile, resolvePipeline } from "./resolve-pipeline.ts";

const kinds: LeafKind[] = ["knowledge", "freeform_skill", "grounded_skill"];
const all = builtInPipelines.flatMap((name) => kinds.map((kind) => [name, kind] as const));

test.each(all)("the built-in pipeline %s is sound for %s", async (name, kind) => {
  const { file } = resolvePipeline(name, kind);
  const pipeline = await loadPipeline(file, sampleColumns(kind));
  const columns = pipeline.steps.reduce(
    (present, { block, dropColumns }) => block.outputColumns(present).filter((column) => !dropColumns.includes(column)),
    sampleColumns(kind),
  );
  expect(columns).toEqual(expect.arrayContaining(name === "simple" ? ["output"] : ["question", "response"]));
  expect(pipeline.warnings).toEqual([]);
  // Texts of a kind of their own need words that ask for them.
  const flatten = pipeline.steps.some(({ type }) => type === "FlattenColumnsBlock");
  expect(Object.keys(pipeline.auxiliaryInstructions).length > 0).toBe(flatten);
});

test("the evaluation pipeline is sound", async () => {
  const { steps } = await loadPipeline(evaluationPipelineFile, sampleColumns("knowledge"));
  expect(steps[0]!.block.outputColumns([])).toEqual(["mmlubench_question", "mmlubench_answer"]);
});

test.each<[string, number | undefined, string]>([
  ["SmolLM2-135M-Instruct", 134_515_008, "compact"],
  ["SmolLM2-1.7B", undefined, "compact"],
  ["/models/teacher.gguf", 1_540_000_000, "compact"],
  ["qwen2.5-7b-instruct-q4_k_m", undefined, "simple"],
  ["teacher", 7_615_616_512, "simple"],
  ["merlinite-7b-lab-Q4_K_M", undefined, "simple"],
  ["llama-3.1-8b", 8_030_261_248, "full"],
  ["Mixtral-8x7B-Instruct-v0.1", undefined, "full"],
  ["Qwen3-30B-A3B", undefined, "full"],
  ["meta-llama/Llama-3.3-70B-Instruct", undefined, "llama"],
  ["llama3:70b", undefined, "llama"],
  ["Llama-2-70b-chat", undefined, "full"],
  ["gpt-4o", undefined, "full"],
])("a teacher %s with %s parameters gets the pipeline it is up to", (name, parameters, expected) => {
  const chosen = autoPipeline({ name, parameters });
  expect(chosen.name).toBe(expected);
  expect(chosen.note).toContain(expected);
});

test("auto says what it chose and why", () => {
  const { file, name, note } = resolvePipeline("auto", "knowledge", { teacher: { name: "x-135M" } });
  expect([file.endsWith(join("compact", "knowledge.yaml")), name]).toEqual([true, "compact"]);
  expect(note).toMatch(/compact: the teacher x-135M has about 135 million parameters/);
  expect(resolvePipeline("auto", "knowledge", { teacher: { name: "some-model" } }).note).toMatch(/size .* is unknown/);
});

test("pipelines of one's own are found by name before built-in ones, and by path", async () => {
  const home = await mkdtemp(join(tmpdir(), "pipelines-"));
  for (const name of ["mine", "full"]) {
    await mkdir(join(home, name));
    await writeFile(join(home, name, "knowledge.yaml"), 'version: "1.0"\n');
  }
  const options = { directories: [join(home, "none"), home] };
  expect(resolvePipeline("mine", "knowledge", options).file).toBe(join(home, "mine", "knowledge.yaml"));
  expect(resolvePipeline("full", "knowledge", options).file).toBe(join(home, "full", "knowledge.yaml"));
  for (const path of [join(home, "mine"), relative(process.cwd(), join(home, "mine"))])
    expect(resolvePipeline(path, "knowledge").file).toBe(join(home, "mine", "knowledge.yaml"));
  const flow = join(home, "mine", "knowledge.yaml");
  expect(resolvePipeline(flow, "freeform_skill").file).toBe(flow);
  expect(() => resolvePipeline("mine", "freeform_skill", options)).toThrow(/freeform_skills\.yaml does not exist/);
  expect(() => resolvePipeline("mnie", "knowledge", options)).toThrow(/no pipeline 'mnie' \(did you mean 'mine'/);
  expect(() => resolvePipeline("../mine", "knowledge", { directories: [join(home, "none")] })).toThrow(/no pipeline/);
});
