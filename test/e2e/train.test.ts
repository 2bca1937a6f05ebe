/** `ilab model train` as a user runs it, on a tiny random model: the run it leaves, reproducibility, settings, bad input. */
import { existsSync } from "node:fs";
import { mkdir, open, readdir, readFile, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runManifestSchema } from "../../src/artifacts.ts";
import { readGguf } from "../../src/formats/gguf/read-gguf.ts";
import { runIlab } from "../helpers/run-ilab.ts";
import { writeTinyModel } from "../helpers/tiny-model.ts";
import { makeTrainingFixture, readLog, readLosses, type TrainingFixture } from "../helpers/training-fixture.ts";

let fixture: TrainingFixture;
beforeAll(async () => {
  fixture = await makeTrainingFixture();
});
afterAll(() => fixture[Symbol.asyncDispose]());

const lossesOf = async (directory: string) => await readLosses((await fixture.runs(directory))[0]!);

test("a run learns, is complete, is reproducible, and its student answers", async () => {
  const first = await fixture.train("first", ["--json", "--no-checkpoint-at-epoch"]);
  expect(first.stderr).not.toMatch(/error/);
  expect(first.exitCode).toBe(0);
  const { directory, studentFile } = JSON.parse(first.stdout);
  expect((await readdir(directory)).sort()).toEqual(["adapter.gguf", "manifest.json", "run.json", "training.jsonl"]);
  expect(existsSync(studentFile)).toBe(true);
  const manifest = runManifestSchema.parse(JSON.parse(await readFile(join(directory, "manifest.json"), "utf8")));
  expect(manifest).toMatchObject({ stage: "train", counts: { rows: 13, samples: 13, tooLong: 0, steps: 8 } });

  const losses = await lossesOf("first");
  expect(losses.at(-1)![1]!).toBeLessThan(0.8 * losses[0]![1]!);
  // The first is finished: the same command begins anew, and comes to the same.
  await fixture.train("first", ["--no-checkpoint-at-epoch"]);
  const [, second] = await fixture.runs("first");
  expect(await readLosses(second!)).toEqual(losses);

  const ask = ["model", "chat", "--model", directory, "--max-tokens", "4", "-qq", "How many boats?"];
  expect((await runIlab(ask, { home: fixture.home })).exitCode).toBe(0);
});

test("the anchor can be switched off, and is then absent", async () => {
  expect((await fixture.train("free", ["--anchor-weight", "0"])).exitCode).toBe(0);
  expect((await lossesOf("free")).every(([, , anchorLoss]) => anchorLoss === 0)).toBe(true);
});

test("with a validation split the best student is kept, and training ends when nothing better comes", async () => {
  const rate = ["--learning-rate", "0.05", "--lr-scheduler", "constant", "--anchor-weight", "0"];
  const stop = ["--validation-split", "0.3", "--validation-frequency", "1", "--early-stop-patience", "2"];
  const run = await fixture.train("split", [...rate, ...stop, "--num-epochs", "40", "--json"]);
  expect(run.exitCode).toBe(0);
  const { directory, counts } = JSON.parse(run.stdout);
  expect(counts).toMatchObject({ samples: 9, validationSamples: 4 });
  const measured = (await readLog(directory)).filter(({ type }) => type === "validation") as unknown as {
    step: number;
    loss: number;
  }[];
  const best = measured.reduce((a, b) => (b.loss < a.loss ? b : a));
  expect(counts.studentStep).toBe(best.step);
  expect(counts.steps).toBe(best.step + 2);
  const checkpoint = join(directory, "checkpoints", `step-${String(best.step).padStart(6, "0")}`, "adapter.gguf");
  expect(await readFile(join(directory, "adapter.gguf"))).toEqual(await readFile(checkpoint));
});

test("checkpoints come by samples though steps miss the multiple, and only the last stay", async () => {
  // 13 samples in steps of 8 and 5: 8, 13, 21, 26, 34, 39, 47, 52 are seen; 10, 20, 30, 40 and 50 are passed.
  const run = await fixture.train("samples", ["--no-checkpoint-at-epoch", "--save-samples", "10", "--keep-last", "0"]);
  expect(run.exitCode).toBe(0);
  const directory = join((await fixture.runs("samples"))[0]!, "checkpoints");
  expect((await readdir(directory)).sort()).toEqual([
    "step-000002",
    "step-000003",
    "step-000005",
    "step-000007",
    "step-000008",
  ]);
  // What is over needs no state to go on from.
  expect((await readdir(join(directory, "step-000008"))).sort()).toEqual(["adapter.gguf", "checkpoint.json"]);
  await fixture.train("epochs", ["--keep-last", "1"]);
  expect(await readdir(join((await fixture.runs("epochs"))[0]!, "checkpoints"))).toEqual(["step-000008"]);
});

test("an adapter is trained further, and one that does not fit is refused", async () => {
  const [trained] = await fixture.runs("first");
  const further = await fixture.train("further", ["--adapter", trained!, "--learning-rate", "1e-4"]);
  expect(further.exitCode).toBe(0);
  const before = await lossesOf("first");
  const after = await lossesOf("further");
  expect(after[0]![1]!).toBeLessThan(0.8 * before[0]![1]!);

  const refused = async (...args: string[]) => {
    const run = await fixture.train("unfit", ["--adapter", trained!, "--json", ...args]);
    expect(run.exitCode).toBe(2);
    expect(await fixture.runs("unfit")).toEqual([]);
    return JSON.parse(run.stdout).error;
  };
  const mismatch = (flag: string) => ({ code: "ADAPTER_MISMATCH", hint: expect.stringContaining(`Set ${flag} `) });
  expect(await refused("--lora-rank", "8")).toMatchObject(mismatch("--lora-rank"));
  expect(await refused("--lora-alpha", "8")).toMatchObject(mismatch("--lora-alpha"));
  expect(await refused("--lora-target-modules", "q_proj")).toMatchObject(mismatch("--lora-target-modules"));
  const other = join(fixture.home, "other.gguf");
  await writeTinyModel(other, { seed: 2 });
  expect(await refused("--model-path", other)).toMatchObject({ message: expect.stringMatching(/another model/) });
  expect(await refused("--adapter", join(fixture.home, "first"))).toMatchObject({ code: "ADAPTER_NOT_FOUND" });
});

test("full fine-tuning leaves a model that answers by itself, and a checkpoint of it does too", async () => {
  const run = await fixture.train("full", [
    "--method",
    "full",
    "--learning-rate",
    "1e-3",
    "--keep-last",
    "1",
    "--json",
  ]);
  expect(run.exitCode).toBe(0);
  const { directory, studentFile } = JSON.parse(run.stdout);
  expect(studentFile).toBe(join(directory, "model.gguf"));
  const losses = await lossesOf("full");
  expect(losses.at(-1)![1]!).toBeLessThan(0.9 * losses[0]![1]!);
  for (const model of [directory, join(directory, "checkpoints", "step-000008")]) {
    const ask = ["model", "chat", "--model", model, "--max-tokens", "4", "-qq", "How many boats?"];
    expect((await runIlab(ask, { home: fixture.home })).exitCode).toBe(0);
  }
  const adapted = await fixture.train("full-adapter", ["--method", "full", "--adapter", directory, "--json"]);
  expect(JSON.parse(adapted.stdout).error.code).toBe("ADAPTER_NOT_FOUND");
});

test("numbers that are not finite end the run with the reason, and what was saved before stays", async () => {
  const { model } = fixture;
  const broken = join(fixture.home, "nan.gguf");
  await writeFile(broken, await readFile(model));
  const file = await open(broken, "r+");
  const nan = new Uint8Array(Float32Array.of(Number.NaN).buffer);
  await file.write(nan, 0, 4, (await readGguf(broken)).tensors.get("blk.0.attn_q.weight")!.offset);
  await file.close();
  const args = ["--anchor-weight", "0", "--json"];
  const first = await fixture.train("nan", ["--model-path", broken, ...args]);
  expect(first.exitCode).toBe(1);
  expect(JSON.parse(first.stdout).error.code).toBe("MODEL_NOT_FINITE");
  expect(await fixture.runs("nan")).toEqual([]);

  const wild = await fixture.train("wild", [
    "--learning-rate",
    "1e38",
    "--warmup-steps",
    "9",
    "--save-samples",
    "8",
    ...args,
  ]);
  expect(wild.exitCode).toBe(1);
  const { error } = JSON.parse(wild.stdout);
  expect(error.code).toBe("LOSS_NOT_FINITE");
  expect(error.hint).toMatch(/--learning-rate.*is kept in/);
  const [kept] = await fixture.runs("wild");
  expect(await readdir(join(kept!, "checkpoints"))).toContain("step-000001");
});

test("what cannot be trained is refused with a reason and a hint, before anything is made", async () => {
  const { home, model, data } = fixture;
  const refused = async (path: string, dataPath: string, ...args: string[]) => {
    const out = join(home, "refused");
    await mkdir(out, { recursive: true });
    const run = await runIlab(
      ["model", "train", "--model-path", path, "--data-path", dataPath, "--ckpt-output-dir", out, "--json", ...args],
      { home },
    );
    expect(await readdir(out)).toEqual([]);
    expect(run.exitCode).not.toBe(0);
    const { error } = JSON.parse(run.stdout);
    expect(error.hint).toEqual(expect.any(String));
    return error.code;
  };
  const mamba = join(home, "mamba.gguf");
  await writeTinyModel(mamba, { architecture: "mamba" });
  expect(await refused(mamba, data)).toBe("ARCHITECTURE_UNSUPPORTED");
  const cut = join(home, "cut.gguf");
  await writeFile(cut, await readFile(model));
  await truncate(cut, 60_000);
  expect(await refused(cut, data)).toBe("GGUF_TRUNCATED");
  const missing = join(home, "missing.gguf");
  await writeTinyModel(missing, { mutate: (_, tensors) => tensors.delete("blk.1.ffn_up.weight") });
  expect(await refused(missing, data)).toBe("GGUF_INVALID");

  expect(await refused(model, join(home, "nowhere.jsonl"))).toBe("DATA_NOT_FOUND");
  const broken = join(home, "broken.jsonl");
  await writeFile(broken, '{"messages": []}\n');
  expect(await refused(model, broken)).toBe("BAD_SAMPLE");
  await writeFile(broken, "{not json\n");
  expect(await refused(model, broken)).toBe("BAD_JSON_LINE");
  const silent = join(home, "silent.jsonl");
  await writeFile(silent, `${JSON.stringify({ messages: [{ role: "user", content: "Hello?" }] })}\n`);
  expect(await refused(model, silent)).toBe("NOTHING_TO_TRAIN");
  await writeFile(silent, (await readFile(data, "utf8")).split("\n").slice(0, 3).join("\n"));
  expect(await refused(model, silent, "--max-seq-len", "8")).toBe("NOTHING_TO_TRAIN");
  expect(await refused(model, data, "--num-epochs", "none")).toBe("USAGE");
  expect(await refused(model, data, "--adamw-betas", "0.9")).toBe("USAGE");
  expect(await refused(model, data, "--lora-target-modules", "nonsense")).toBe("USAGE");
  expect(await refused(model, data, "--validation-split", "0.99")).toBe("USAGE");
  expect(await refused(model, data, "--early-stop-patience", "2")).toBe("USAGE");
  expect(await refused(model, data, "--resume", join(home, "nowhere"))).toBe("USAGE");
});
