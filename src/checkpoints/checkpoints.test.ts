/** Checkpoints on a real disk: what is saved comes back, what was changed is noticed, what was cut short is not seen, and what is kept. */
import { mkdir, readdir, readFile, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { makeTempDir } from "../../test/helpers/temp-dir.ts";
import type { CheckpointContent, CheckpointReason, CheckpointStore, TrainingProgress } from "../artifacts.ts";
import { openCheckpoints } from "./open-checkpoints.ts";

const SIZE = 3_000_000;

function vectors(fill: number) {
  // More than one piece of 8 MiB, and views that do not begin where their memory does.
  const vector = (offset: number) => new Float32Array(SIZE + 3).subarray(3).fill(fill + offset);
  return { parameters: vector(0), firstMoments: vector(0.25), secondMoments: vector(0.5) };
}

function progress(step: number): TrainingProgress {
  return {
    step,
    samples: 8 * step,
    tokens: 100 * step,
    seconds: step,
    loss: 1 / step,
    validationsSinceBest: 0,
    holdType: "F32",
    environment: { threads: 1 },
  };
}

const small = {
  parameters: new Float32Array(4),
  firstMoments: new Float32Array(4),
  secondMoments: new Float32Array(4),
};

function save(store: CheckpointStore, step: number, reasons: CheckpointReason[], validationLoss?: number) {
  const student: CheckpointContent["student"] = {
    file: "adapter.gguf",
    write: (path) => writeFile(path, `adapter of step ${step}`),
  };
  const isUseful = reasons.some((reason) => reason !== "resume");
  const content = { reasons, progress: progress(step), vectors: small, validationLoss };
  return store.save(isUseful ? { ...content, student } : content);
}

const steps = async (store: CheckpointStore) => (await store.list()).map((checkpoint) => checkpoint.progress.step);

test("the state comes back bit for bit, with all that was said about it", async () => {
  await using directory = await makeTempDir();
  const store = openCheckpoints(directory.path);
  expect(await store.list()).toEqual([]);
  const content = { reasons: ["resume" as const], progress: progress(12), vectors: vectors(Math.PI) };
  content.vectors.parameters[SIZE - 1] = 1e-40;
  const saved = await store.save(content);
  const [found] = await store.list();
  expect(found).toEqual(saved);
  expect(found).toMatchObject({ progress: content.progress, hasState: true });
  const restored = vectors(0);
  await store.restore(found!, restored);
  const bytesOf = (all: ReturnType<typeof vectors>) =>
    Buffer.concat(Object.values(all).map((v) => new Uint8Array(v.buffer, v.byteOffset, v.byteLength)));
  expect(bytesOf(restored).equals(bytesOf(content.vectors))).toBe(true);
  expect(await readdir(join(directory.path, "checkpoints"))).toEqual(["step-000012"]);
});

test("a state that was changed, cut or exchanged is refused", async () => {
  await using directory = await makeTempDir();
  const store = openCheckpoints(directory.path);
  const checkpoint = await save(store, 3, ["stop"]);
  const path = join(checkpoint.directory, "state.bin");
  const bytes = await readFile(path);
  const damage = { code: "CHECKPOINT_DAMAGED", hint: expect.stringMatching(/--resume never/) };
  await writeFile(path, bytes.with(17, 1));
  await expect(store.restore(checkpoint, small)).rejects.toMatchObject(damage);
  await writeFile(path, bytes);
  await store.restore(checkpoint, small);
  await truncate(path, bytes.length - 4);
  await expect(store.restore(checkpoint, small)).rejects.toMatchObject(damage);
  // Another adapter's size is another run's state.
  await writeFile(path, bytes);
  await expect(store.restore(checkpoint, vectors(0))).rejects.toMatchObject(damage);
  await writeFile(join(checkpoint.directory, "checkpoint.json"), "{}");
  await expect(store.list()).rejects.toMatchObject(damage);
});

test("the student with the lowest validation loss is taken, and only when it is what was written", async () => {
  await using directory = await makeTempDir();
  const store = openCheckpoints(directory.path);
  const path = join(directory.path, "adapter.gguf");
  expect(await store.copyBest(path)).toBeUndefined();
  await save(store, 1, ["epoch"], 0.9);
  const best = await save(store, 2, ["best"], 0.5);
  await save(store, 3, ["epoch"], 0.5);
  await save(store, 4, ["resume"], 0.1);
  expect((await store.copyBest(path))?.progress.step).toBe(2);
  expect(await readFile(path, "utf8")).toBe("adapter of step 2");
  await writeFile(join(best.directory, "adapter.gguf"), "adapter of step X");
  await expect(store.copyBest(path)).rejects.toMatchObject({ code: "CHECKPOINT_DAMAGED" });
  expect(await readFile(path, "utf8")).toBe("adapter of step 2");
});

test("kept are the last by samples and epoch, what was asked for, the best, and two states to go on from", async () => {
  await using directory = await makeTempDir();
  const store = openCheckpoints(directory.path);
  await save(store, 1, ["epoch", "best"], 0.5);
  await save(store, 2, ["resume"]);
  await save(store, 3, ["epoch"], 0.7);
  await save(store, 4, ["request"]);
  await save(store, 5, ["samples"], 0.8);
  await save(store, 6, ["stop"]);
  await save(store, 7, ["resume"]);
  await save(store, 8, ["resume"]);
  await mkdir(join(directory.path, "checkpoints", ".part-step-000009-00"));
  await store.prune({ keepLast: 0, isFinished: false });
  expect(await steps(store)).toEqual([1, 3, 4, 5, 7, 8]);
  const states = (await store.list()).filter(({ hasState }) => hasState).map((checkpoint) => checkpoint.progress.step);
  expect(states).toEqual([7, 8]);
  expect((await readdir((await store.list())[0]!.directory)).sort()).toEqual(["adapter.gguf", "checkpoint.json"]);
  await store.prune({ keepLast: 1, isFinished: false });
  expect(await steps(store)).toEqual([1, 4, 5, 7, 8]);
  await store.prune({ keepLast: 1, isFinished: true });
  expect(await steps(store)).toEqual([1, 4, 5]);
  expect((await readdir(join(directory.path, "checkpoints"))).filter((name) => name.startsWith("."))).toEqual([]);
});

test("a save that fails leaves no trace, and what stood before stays", async () => {
  await using directory = await makeTempDir();
  const store = openCheckpoints(directory.path);
  await save(store, 1, ["epoch"]);
  const write = () => Promise.reject(Object.assign(new Error("no space"), { code: "ENOSPC" }));
  const failing = { reasons: ["epoch" as const], progress: progress(2), vectors: small, student: { file: "a", write } };
  await expect(store.save(failing)).rejects.toMatchObject({ code: "DISK_FULL", hint: expect.any(String) });
  expect(await readdir(join(directory.path, "checkpoints"))).toEqual(["step-000001"]);
});
