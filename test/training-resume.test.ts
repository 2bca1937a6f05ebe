/** The training loop stopped between any two packs and continued: the same losses and the same adapter, bit for bit. In one process. */
import { mkdir, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openCheckpoints } from "../src/checkpoints/open-checkpoints.ts";
import { ALL_TARGETS } from "../src/training/engine/target-modules.ts";
import { runTraining } from "../src/training/run-training.ts";
import type { TrainingControl } from "../src/training/training-loop.ts";
import { trainingSettingsSchema } from "../src/training/training-settings.ts";
import type { TrainingPlan, TrainingReport } from "../src/training/worker/protocol.ts";
import { createRandomSource } from "../src/util/rng.ts";
import { makeTempDir, type TempDir } from "./helpers/temp-dir.ts";
import { writeTinyModel } from "./helpers/tiny-model.ts";
import { readLosses } from "./helpers/training-fixture.ts";

let temporary: TempDir;
let modelFile: string;
beforeAll(async () => {
  temporary = await makeTempDir();
  modelFile = join(temporary.path, "tiny.gguf");
  await writeTinyModel(modelFile);
});
afterAll(() => temporary[Symbol.asyncDispose]());

function randomSamples(count: number, seed: number) {
  const random = createRandomSource(seed);
  return Array.from({ length: count }, () => {
    const tokens = Int32Array.from({ length: 6 + random.integer(12) }, () => 3 + random.integer(250));
    return { tokens, counted: Uint8Array.from(tokens, (_, i) => (i > 3 ? 1 : 0)) };
  });
}

async function planIn(name: string, changes: Partial<TrainingPlan> = {}): Promise<TrainingPlan> {
  const runDirectory = join(temporary.path, name);
  await mkdir(runDirectory, { recursive: true });
  return {
    ...trainingSettingsSchema.parse({ epochs: 2, effectiveBatchSize: 4, maxBatchTokens: 30, holdType: "F32" }),
    modelFile,
    samples: randomSamples(10, 1),
    validationSamples: randomSamples(4, 2),
    validationFrequency: 2,
    method: { rank: 4, alpha: 8, targets: ALL_TARGETS },
    threads: 1,
    anchor: {
      texts: randomSamples(3, 3).map(({ tokens }) => tokens),
      weight: 0.5,
      textsPerStep: 1,
      topCount: 4,
      cacheFile: join(temporary.path, "distributions.bin"),
    },
    runDirectory,
    studentFile: "adapter.gguf",
    checkpointAtEpoch: false,
    resumePointSeconds: 3600,
    notes: {},
    ...changes,
  };
}

/** @returns the reports, and whether the run came to its end. */
async function run(plan: TrainingPlan, control: TrainingControl = { isStopWanted: false, isSaveWanted: false }) {
  const reports: TrainingReport[] = [];
  const report = (entry: TrainingReport) => reports.push(structuredClone(entry));
  await runTraining(plan, { checkpoints: openCheckpoints(plan.runDirectory), control, report });
  return { reports, isDone: reports.at(-1)?.type === "done" };
}

async function outcome({ runDirectory }: TrainingPlan) {
  return { losses: await readLosses(runDirectory), adapter: await readFile(join(runDirectory, "adapter.gguf")) };
}

test("stopped at any pack and continued, again and again, it comes to the same", async () => {
  const whole = await planIn("whole");
  expect((await run(whole)).isDone).toBe(true);
  const expected = await outcome(whole);
  expect(expected.losses.length).toBe(6);
  for (const packsPerSession of [1, 3, 4, 7]) {
    const plan = await planIn(`stopped-${packsPerSession}`);
    for (let session = 1; ; session++) {
      let packs = 0;
      // Every session takes one whole step at least: with less the run would never end.
      let hasStepped = false;
      const control = {
        isSaveWanted: false,
        get isStopWanted() {
          packs += 1;
          return packs > packsPerSession && hasStepped;
        },
      };
      const checkpoints = openCheckpoints(plan.runDirectory);
      let isDone = false;
      const report = (entry: TrainingReport) => {
        hasStepped ||= entry.type === "step";
        isDone ||= entry.type === "done";
      };
      await runTraining(plan, { checkpoints, control, report });
      if (isDone) {
        expect(session).toBeGreaterThan(1);
        break;
      }
    }
    expect(await outcome(plan)).toEqual(expected);
  }
});

test("points to go on from come by time, have no student, and only the newest two stay", async () => {
  const plan = await planIn("rolling", { resumePointSeconds: 0, validationSamples: [] });
  const { reports } = await run(plan);
  const saved = reports.filter((report) => report.type === "checkpoint");
  // The first is due at once, the next ones after ten times as long as it took to save.
  expect(saved.length).toBeGreaterThan(0);
  expect(saved.every(({ reasons }) => reasons.join() === "resume")).toBe(true);
  const kept = await openCheckpoints(plan.runDirectory).list();
  expect(kept.length).toBeLessThanOrEqual(2);
  expect(kept.at(-1)!.student).toBeUndefined();
  expect((await readdir(kept.at(-1)!.directory)).sort()).toEqual(["checkpoint.json", "state.bin"]);
});

test("the measured type of the weights is taken from the checkpoint, not measured again", async () => {
  const plan = await planIn("held", { holdType: "F16" });
  const control = { isStopWanted: false, isSaveWanted: false };
  const report = (entry: TrainingReport) => {
    control.isStopWanted ||= entry.type === "step";
  };
  await runTraining(plan, { checkpoints: openCheckpoints(plan.runDirectory), control, report });
  const { reports } = await run({ ...plan, holdType: "auto" });
  expect(reports.find((entry) => entry.type === "ready")).toMatchObject({ holdType: "F16", doneSteps: 1 });
});
