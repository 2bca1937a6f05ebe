/** A training that was killed, stopped or broken off goes on with the very losses of one that was not: real signals to the real program. */
import { execFileSync } from "node:child_process";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { packageRoot } from "../../src/util/assets.ts";
import { createRandomSource } from "../../src/util/rng.ts";
import { writeTinyModel } from "../helpers/tiny-model.ts";
import {
  ended,
  makeTrainingFixture,
  readLosses,
  type TrainingFixture,
  untilSteps,
} from "../helpers/training-fixture.ts";

/** Long enough to be caught in the middle; validation makes early stopping part of the state. */
const LONG = ["--num-epochs", "8", "--save-samples", "8"];
const SPLIT = ["--validation-split", "0.2", "--early-stop-patience", "9"];
const NOISE = ["--lora-dropout", "0.1", "--neftune-alpha", "5"];
const ARGS = [...LONG, ...SPLIT, ...NOISE];
const STEPS = 16;

let fixture: TrainingFixture;
let expected: { losses: number[][]; adapter: Buffer };

beforeAll(async () => {
  fixture = await makeTrainingFixture();
  expect((await fixture.train("whole", ARGS)).exitCode).toBe(0);
  expected = await outcome("whole");
  expect(expected.losses.length).toBe(STEPS);
});
afterAll(() => fixture[Symbol.asyncDispose]());

const parentOf = (directory: string) => join(fixture.home, directory);

/** Of the only run in there. */
async function outcome(directory: string): Promise<{ losses: number[][]; adapter: Buffer }> {
  const runs = await fixture.runs(directory);
  expect(runs.length).toBe(1);
  return { losses: await readLosses(runs[0]!), adapter: await readFile(join(runs[0]!, "adapter.gguf")) };
}

/** Starts a training and ends it the hard way after so many steps. */
async function breakOff(directory: string, steps: number, args: readonly string[] = ARGS): Promise<void> {
  const child = fixture.start(directory, args);
  await untilSteps(parentOf(directory), steps);
  process.kill(-child.pid!, "SIGKILL");
  await ended(child);
}

test("kill -9 at any moment: the same command goes on, and the losses are those of an uninterrupted run", async () => {
  const random = createRandomSource(5);
  for (const steps of [0, 2, 6, 11]) {
    const child = fixture.start("killed", ARGS);
    const gone = ended(child);
    await untilSteps(parentOf("killed"), steps);
    // Anywhere between two steps, with checkpoints being written all the time.
    await new Promise((resolve) => setTimeout(resolve, 60 * random.next()));
    process.kill(-child.pid!, "SIGKILL");
    await gone;
  }
  const last = await fixture.train("killed", ARGS);
  expect(last.stderr).toMatch(new RegExp(`going on after step \\d+ of ${STEPS}`));
  expect(last.exitCode).toBe(0);
  expect(await outcome("killed")).toEqual(expected);
  const [run] = await fixture.runs("killed");
  const left = (await readdir(run!, { recursive: true })).filter((name) => /part-|lock|state/.test(name));
  expect(left, "nothing half-written stays").toEqual([]);
});

test("full fine-tuning goes on the same way", async () => {
  const full = [...ARGS, "--method", "full", "--num-epochs", "4"];
  await breakOff("full-killed", 3, full);
  expect((await fixture.train("full-killed", full)).stderr).toMatch(/going on after step/);
  expect((await fixture.train("full-whole", full)).exitCode).toBe(0);
  const [killed] = await fixture.runs("full-killed");
  const [whole] = await fixture.runs("full-whole");
  expect(await readLosses(killed!)).toEqual(await readLosses(whole!));
  expect(await readFile(join(killed!, "model.gguf"))).toEqual(await readFile(join(whole!, "model.gguf")));
});

test("when the program alone is killed, the training process saves and goes", async () => {
  const child = fixture.start("orphan", ARGS);
  await untilSteps(parentOf("orphan"), 3);
  child.kill("SIGKILL");
  await ended(child);
  const next = await fixture.train("orphan", ARGS);
  expect(next.exitCode).toBe(0);
  expect(await outcome("orphan")).toEqual(expected);
});

test("when the training process is killed, the program says so and keeps the run", async () => {
  const child = fixture.start("engine", ARGS);
  const gone = ended(child);
  await untilSteps(parentOf("engine"), 4);
  const [run] = await fixture.runs("engine");
  const { pid } = JSON.parse(await readFile(join(run!, "run.lock"), "utf8"));
  expect(pid).not.toBe(child.pid);
  process.kill(pid, "SIGKILL");
  expect(await gone).toBe(1);
  expect((await fixture.train("engine", ARGS)).exitCode).toBe(0);
  expect(await outcome("engine")).toEqual(expected);
});

test.each(["SIGINT", "SIGTERM"] as const)(
  "%s to everything in the terminal saves, ends with 130 and loses no step",
  async (signal) => {
    const directory = `signal-${signal}`;
    const long = ["--num-epochs", "9000", "--no-checkpoint-at-epoch"];
    const child = fixture.start(directory, long);
    const gone = ended(child);
    await untilSteps(parentOf(directory), 5);
    process.kill(-child.pid!, signal);
    expect(await gone).toBe(130);
    const [run] = await fixture.runs(directory);
    const logged = (await readLosses(run!)).length;
    expect(await readdir(join(run!, "checkpoints"))).toEqual([`step-${String(logged).padStart(6, "0")}`]);
    expect((await readdir(run!)).sort()).toEqual(["checkpoints", "run.json", "training.jsonl"]);
  },
);

test("Ctrl-C says that the same command continues, and before the first step leaves nothing", async () => {
  const stopped = await fixture.train("polite", ["--num-epochs", "9000"], {
    onStart: (child) => void untilSteps(parentOf("polite"), 3).then(() => child.kill("SIGINT")),
  });
  expect(stopped.exitCode).toBe(130);
  expect(stopped.stderr).toMatch(/cancelled after step \d+ of 18000; its state is kept in .*polite/);
  expect(stopped.stderr).toMatch(/hint: The same command .*continues it/);

  const early = await fixture.train("early", ARGS, {
    onStart: (child) =>
      child.stderr!.on("data", (piece) => {
        if (String(piece).includes("load model ...")) child.kill("SIGINT");
      }),
  });
  expect(early.exitCode).toBe(130);
  expect(await fixture.runs("early")).toEqual([]);
});

test("SIGUSR1 makes a checkpoint and the training goes on", async () => {
  const run = await fixture.train("asked", [...LONG, "--no-checkpoint-at-epoch", "--save-samples", "0"], {
    onStart: (child) => void untilSteps(parentOf("asked"), 3).then(() => child.kill("SIGUSR1")),
  });
  expect(run.exitCode).toBe(0);
  const told = /the state after step (\d+) is in (\S+)/.exec(run.stderr);
  expect(Number(told?.[1])).toBeGreaterThanOrEqual(3);
  expect((await readdir(told![2]!)).sort()).toEqual(["adapter.gguf", "checkpoint.json"]);
});

test("changed data, model or settings are refused with what changed and the ways out", async () => {
  await breakOff("changed", 4);
  const [unfinished] = await fixture.runs("changed");
  const refused = async (...args: string[]) => {
    const run = await fixture.train("changed", [...ARGS, ...args, "--json"]);
    expect(run.exitCode).toBe(2);
    expect((await fixture.runs("changed")).length).toBe(1);
    const { error } = JSON.parse(run.stdout);
    expect(error.code).toBe("RUN_CHANGED");
    expect(error.hint).toMatch(/--resume never.*--ckpt-output-dir/);
    return error.details.differences;
  };
  expect(await refused("--learning-rate", "1e-3")).toEqual(["setting learningRate: 0.002 then, 0.001 now"]);
  const model = join(fixture.home, "changed.gguf");
  await writeTinyModel(model, { seed: 9 });
  expect(await refused("--model-path", model)).toEqual([expect.stringMatching(/^model: [0-9a-f]{12} then/)]);
  const data = join(fixture.home, "changed.jsonl");
  await writeFile(data, (await readFile(fixture.data, "utf8")).replace("It has", "There are"));
  expect(await refused("--data-path", data)).toEqual([expect.stringMatching(/^training data: /)]);

  // The ways out: another run beside it, and then still the old one, by name.
  expect((await fixture.train("changed", [...ARGS, "--num-epochs", "1", "--resume", "never"])).exitCode).toBe(0);
  expect((await fixture.runs("changed")).length).toBe(2);
  expect((await fixture.train("changed", [...ARGS, "--resume", unfinished!])).exitCode).toBe(0);
  expect(await readLosses(unfinished!)).toEqual(expected.losses);
});

test("what is kept and how much memory is taken may change on the way", async () => {
  // Without random noise, which other packs draw differently.
  const args = [...LONG, ...SPLIT];
  expect((await fixture.train("heavy", args)).exitCode).toBe(0);
  await breakOff("lighter", 4, args);
  const changed = ["--max-batch-len", "256", "--memory", "least", "--keep-last", "1", "--save-samples", "0"];
  const run = await fixture.train("lighter", [...args, ...changed]);
  expect(run.exitCode).toBe(0);
  expect(run.stderr).toMatch(/warning: maxBatchTokens is now 256 and was 768/);
  expect(run.stderr).toMatch(/warning: memory is now least and was fast/);
  const { losses } = await outcome("heavy");
  for (const [i, [, loss]] of (await outcome("lighter")).losses.entries()) expect(loss).toBeCloseTo(losses[i]![1]!, 2);
});

test("a damaged checkpoint is noticed, and the one before it taken", async () => {
  await breakOff("damaged", 6);
  const [run] = await fixture.runs("damaged");
  const directory = join(run!, "checkpoints");
  const states: string[] = [];
  for (const name of (await readdir(directory)).filter((entry) => entry.startsWith("step-")).sort())
    if ((await readdir(join(directory, name))).includes("state.bin")) states.push(join(directory, name, "state.bin"));
  const flip = async (path: string) => {
    const bytes = await readFile(path);
    bytes[1000]! ^= 1;
    await writeFile(path, bytes);
  };
  await flip(states.at(-1)!);
  const next = await fixture.train("damaged", ARGS);
  expect(next.stderr).toMatch(/warning: the checkpoint file .*state\.bin is damaged: its checksum .*; going on from/);
  expect(next.exitCode).toBe(0);
  expect(await outcome("damaged")).toEqual(expected);
});

test("a full disk ends the run with a clear error, earlier checkpoints stay, and with room it goes on", async () => {
  await breakOff("full", 4);
  const [run] = await fixture.runs("full");
  const before = (await readdir(join(run!, "checkpoints"))).filter((name) => name.startsWith("step-")).sort();
  // A limit on the size of files lets the log and small files pass, but not the state: as with a disk that is nearly full.
  const program = join(packageRoot, "dist", "cli", "main.js");
  const words = fixture.words("full", [...ARGS, "--json"]);
  let output = "";
  let status: number | null = 0;
  try {
    output = execFileSync("bash", ["-c", 'ulimit -f 200; exec "$@"', "bash", process.execPath, program, ...words], {
      env: { ...process.env, HOME: fixture.home },
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    });
  } catch (error) {
    ({ stdout: output, status } = error as { stdout: string; status: number });
  }
  expect(status).toBe(1);
  const { error } = JSON.parse(output);
  expect(error.code).toBe("DISK_FULL");
  expect(error.hint).toMatch(/Free some space.*is kept in .*step-/);
  const after = await readdir(join(run!, "checkpoints"));
  expect(after).toEqual(expect.arrayContaining(before.slice(-1)));
  expect(after.filter((name) => name.startsWith(".part-"))).toEqual([]);
  expect((await fixture.train("full", ARGS)).exitCode).toBe(0);
  expect(await outcome("full")).toEqual(expected);
});
