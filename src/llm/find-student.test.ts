import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeTempDir, type TempDir } from "../../test/helpers/temp-dir.ts";
import type { GgufMetadataEntry } from "../formats/gguf/types.ts";
import { writeGguf } from "../formats/gguf/write-gguf.ts";
import { findStudent } from "./find-student.ts";

let temporary: TempDir;
let directory: string;
let model: string;
let adapter: string;
let run: string;

async function writeHeader(path: string, type: string): Promise<void> {
  const entry = (value: string): GgufMetadataEntry => ({ type: "string", value });
  await writeGguf(
    path,
    new Map([
      ["general.architecture", entry("llama")],
      ["general.type", entry(type)],
    ]),
    [],
  );
}

const manifest = (more: object) => ({
  stage: "train",
  ilabVersion: "0",
  startedAt: "",
  endedAt: "",
  config: { baseModelFile: model },
  inputs: {},
  counts: {},
  timings: {},
  outputs: { adapter: "adapter.gguf" },
  ...more,
});

async function writeRun(name: string, content: unknown): Promise<string> {
  const path = join(directory, name);
  await mkdir(path);
  await writeHeader(join(path, "adapter.gguf"), "adapter");
  await writeFile(join(path, "manifest.json"), typeof content === "string" ? content : JSON.stringify(content));
  return path;
}

beforeAll(async () => {
  temporary = await makeTempDir();
  directory = temporary.path;
  model = join(directory, "base.gguf");
  adapter = join(directory, "loose.gguf");
  await writeHeader(model, "model");
  await writeHeader(adapter, "adapter");
  run = await writeRun("run", manifest({}));
});
afterAll(() => temporary[Symbol.asyncDispose]());

test("a run that trained all weights is a model by itself", async () => {
  const whole = await writeRun("whole", manifest({ outputs: { model: "model.gguf" } }));
  expect(await findStudent(whole, { resolveModel })).toEqual({ name: "whole", modelFile: join(whole, "model.gguf") });
});

test("a checkpoint is its student; the run that it belongs to knows the base", async () => {
  const unfinished = join(directory, "unfinished");
  const checkpoint = join(unfinished, "checkpoints", "step-000007");
  await mkdir(checkpoint, { recursive: true });
  const record = {
    version: 1,
    createdAt: "",
    reasons: ["epoch"],
    progress: {
      step: 7,
      samples: 7,
      tokens: 7,
      seconds: 7,
      loss: 1,
      validationsSinceBest: 0,
      holdType: "F32",
      environment: {},
    },
    student: "adapter.gguf",
    hasState: false,
    files: {},
  };
  const write = (content: object) => writeFile(join(checkpoint, "checkpoint.json"), JSON.stringify(content));
  await write(record);
  await writeHeader(join(checkpoint, "adapter.gguf"), "adapter");
  await expect(findStudent(checkpoint, { resolveModel })).rejects.toMatchObject({ code: "RUN_UNUSABLE" });
  const run = { version: 1, startedAt: "", baseModelFile: model, identity: {} };
  await writeFile(join(unfinished, "run.json"), JSON.stringify(run));
  const student = { name: "unfinished, step 7", modelFile: model, adapterFile: join(checkpoint, "adapter.gguf") };
  expect(await findStudent(checkpoint, { resolveModel })).toEqual(student);
  expect(await findStudent(checkpoint, { resolveModel, baseModel: "moved.gguf" })).toMatchObject({
    modelFile: "moved.gguf",
  });
  await writeHeader(join(checkpoint, "adapter.gguf"), "model");
  expect(await findStudent(checkpoint, { resolveModel })).toEqual({
    name: "unfinished, step 7",
    modelFile: join(checkpoint, "adapter.gguf"),
  });
  await write({ ...record, student: undefined });
  await expect(findStudent(checkpoint, { resolveModel })).rejects.toThrow(/holds no student/);
});

/** A store with one name. */
const resolveModel = async (nameOrPath: string) => (nameOrPath === "smol" ? model : nameOrPath);

test("a name of the store and a file are themselves", async () => {
  expect(await findStudent("smol", { resolveModel })).toEqual({ name: "smol", modelFile: model });
  expect(await findStudent(model, { resolveModel })).toEqual({ name: "base.gguf", modelFile: model });
});

test("a training run is its base and its adapter", async () => {
  const student = { name: "run", modelFile: model, adapterFile: join(run, "adapter.gguf") };
  expect(await findStudent(run, { resolveModel })).toEqual(student);
  expect(await findStudent(join(run, "adapter.gguf"), { resolveModel })).toEqual(student);
  expect(await findStudent(run, { resolveModel, baseModel: "moved.gguf" })).toMatchObject({ modelFile: "moved.gguf" });
});

test("an adapter needs its base; a model takes an adapter", async () => {
  expect(await findStudent(adapter, { resolveModel, baseModel: "smol" })).toMatchObject({
    modelFile: model,
    adapterFile: adapter,
  });
  expect(await findStudent("smol", { resolveModel, adapterFile: adapter })).toEqual({
    name: "smol + loose.gguf",
    modelFile: model,
    adapterFile: adapter,
  });
  await expect(findStudent(adapter, { resolveModel })).rejects.toMatchObject({
    code: "USAGE",
    hint: expect.stringContaining("--base-model"),
  });
  await expect(findStudent("smol", { resolveModel, adapterFile: model })).rejects.toThrow(/not an adapter/);
});

test("what is no finished training run says so", async () => {
  const empty = join(directory, "empty");
  await mkdir(empty);
  await expect(findStudent(empty, { resolveModel })).rejects.toMatchObject({ code: "RUN_INCOMPLETE" });
  const codeOf = async (name: string, content: unknown) =>
    findStudent(await writeRun(name, content), { resolveModel }).then(
      () => "found",
      (error: { code: string }) => error.code,
    );
  expect(await codeOf("text", "not json")).toBe("RUN_UNUSABLE");
  expect(await codeOf("other", { stage: "train" })).toBe("RUN_UNUSABLE");
  expect(await codeOf("data", manifest({ stage: "generate", outputs: {} }))).toBe("RUN_UNUSABLE");
  expect(await codeOf("baseless", manifest({ config: {} }))).toBe("RUN_UNUSABLE");
  expect(await codeOf("fine", manifest({}))).toBe("found");
  await expect(findStudent(run, { resolveModel, adapterFile: adapter })).rejects.toMatchObject({ code: "USAGE" });
});
