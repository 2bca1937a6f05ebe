/** A run from its plan to the student: load, go on from the newest checkpoint if there is one, train, write. Runs inside the training process. */
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Checkpoint, TrainingProgress } from "../artifacts.ts";
import { readGguf } from "../formats/gguf/read-gguf.ts";
import type { GgufFile } from "../formats/gguf/types.ts";
import type { Device } from "../tensor/devices.ts";
import { ilabVersion } from "../util/assets.ts";
import { IlabError } from "../util/errors.ts";
import { anchorDistributions } from "./anchor-distributions.ts";
import { chooseMemory } from "./choose-memory.ts";
import { chooseTrainingDevice } from "./choose-training-device.ts";
import { fastestHoldType, HOLD_TYPES } from "./engine/fastest-hold-type.ts";
import type { HoldType } from "./engine/held-matrix.ts";
import { readModelSpec } from "./engine/model-spec.ts";
import { TrainingEngine } from "./engine/training-engine.ts";
import { lockRun } from "./lock-run.ts";
import { MEMORY_MODES, MEMORY_USE, type MemoryMode } from "./memory-mode.ts";
import { type LoopParts, planOf, trainingLoop } from "./training-loop.ts";
import type { TrainingPlan } from "./worker/protocol.ts";
import { writeStudent } from "./write-student.ts";

export type RunParts = Omit<LoopParts, "student">;

export async function runTraining(plan: TrainingPlan, parts: RunParts): Promise<void> {
  const { checkpoints, report } = parts;
  await using _lock = await lockRun(plan.runDirectory, (holder) => report({ type: "waiting", holder }));
  await removeParts(plan.runDirectory);
  // A process that was killed while it saved left its half behind, and perhaps that is what filled the disk.
  await checkpoints.prune({ keepLast: plan.keepLast, isFinished: false });
  const candidates = (await checkpoints.list()).filter(({ hasState }) => hasState).reverse();
  const file = await readGguf(plan.modelFile);
  const spec = readModelSpec(file);
  const device = chooseTrainingDevice(file, plan);
  const holdType =
    holdTypeOf(candidates[0]) ??
    (plan.holdType === "auto" ? fastestHoldType(spec, plan.threads, device) : plan.holdType);
  // Naming a mode is the way on for a run that the system ended for want of memory.
  const memory =
    (plan.memory === "auto" ? memoryOf(candidates[0]) : undefined) ?? requireMemory(file, plan, holdType, device);
  using engine = new TrainingEngine(file, {
    ...MEMORY_USE[memory],
    lora: plan.method === "full" ? undefined : plan.method,
    neftuneAlpha: plan.neftuneAlpha,
    seed: plan.seed,
    threads: plan.threads,
    device,
    holdType,
    onLayerLoaded: (layer) => report({ type: "loading", layer: layer + 1, layers: spec.layers }),
  });
  // While the parameters are still the base's: what the base predicts is what the student is held to.
  const anchors =
    plan.anchor === undefined
      ? []
      : await anchorDistributions(engine, plan.anchor, plan.maxBatchTokens, holdType, report);
  if (plan.initialParameters !== undefined) engine.setParameters(plan.initialParameters);
  const environment = {
    version: ilabVersion,
    processor: engine.processor,
    threads: plan.threads,
    maxBatchTokens: plan.maxBatchTokens,
    memory,
  };
  const begin: TrainingProgress = {
    step: 0,
    samples: 0,
    tokens: 0,
    seconds: 0,
    loss: 0,
    validationsSinceBest: 0,
    holdType,
    environment,
  };
  const start = (await restoreNewest(engine, candidates, environment, parts)) ?? begin;
  const { totalSteps } = planOf(plan, anchors.length);
  report({
    type: "ready",
    holdType,
    memory,
    weightBytes: engine.memory.weightBytes,
    parameters: engine.layout.size,
    doneSteps: start.step,
    totalSteps,
    processor: engine.processor,
  });
  const student = {
    file: plan.studentFile,
    write: (path: string) => writeStudent(path, engine, { file, method: plan.method, notes: plan.notes }),
  };
  const { progress, isStopped } = await trainingLoop(engine, plan, anchors, start, { ...parts, student });
  if (isStopped) {
    const checkpoint = (await checkpoints.list()).at(-1)?.directory;
    report({ type: "stopped", step: progress.step, totalSteps, checkpoint });
    return;
  }
  const path = join(plan.runDirectory, student.file);
  const best = plan.validationSamples.length > 0 ? await checkpoints.copyBest(path) : undefined;
  if (best === undefined) await student.write(path);
  report({
    type: "done",
    peakMemoryBytes: process.resourceUsage().maxRSS * 1024,
    steps: progress.step,
    studentStep: best?.progress.step ?? progress.step,
    finalLoss: progress.loss,
    bestValidationLoss: progress.best?.loss,
    tokens: progress.tokens,
    seconds: progress.seconds,
  });
}

/** What a process that was killed had begun to write. */
async function removeParts(directory: string): Promise<void> {
  for (const name of await readdir(directory))
    if (/\.part-[0-9a-f]+$/.test(name)) await rm(join(directory, name), { force: true });
}

function holdTypeOf(checkpoint: Checkpoint | undefined): HoldType | undefined {
  return HOLD_TYPES.find((type) => type === checkpoint?.progress.holdType);
}

/** A run goes on the way it began: what is rounded differs between the ways. */
function memoryOf(checkpoint: Checkpoint | undefined): MemoryMode | undefined {
  return MEMORY_MODES.find((mode) => mode === checkpoint?.progress.environment["memory"]);
}

function requireMemory(file: GgufFile, plan: TrainingPlan, holdType: HoldType, device: Device | undefined): MemoryMode {
  const { modes, chosen, availableBytes } = chooseMemory(file, plan, holdType, device);
  if (chosen !== undefined) return chosen;
  const { mode, totalBytes } = modes.at(-1)!;
  // Whoever names a mode knows; without one this would end in the system killing the process.
  if (plan.memory !== "auto") return mode;
  const gigabytes = (bytes: number) => `${(bytes / 1e9).toFixed(1)} GB`;
  throw new IlabError({
    code: "OUT_OF_MEMORY",
    message: `training needs about ${gigabytes(totalBytes)} of memory, and ${gigabytes(availableBytes)} are free`,
    hint: "`ilab model train --dry-run` with the same options says which setting would fit. Closing other programs helps too.",
  });
}

/** @param candidates newest first; a damaged one is passed over as long as there is another. */
async function restoreNewest(
  engine: TrainingEngine,
  candidates: readonly Checkpoint[],
  environment: TrainingProgress["environment"],
  { checkpoints, report }: RunParts,
): Promise<TrainingProgress | undefined> {
  for (const [index, checkpoint] of candidates.entries()) {
    const { progress } = checkpoint;
    const vectors = engine.exportState();
    try {
      await checkpoints.restore(checkpoint, vectors);
    } catch (error) {
      const isLast = index === candidates.length - 1;
      if (isLast || !(error instanceof IlabError) || error.code !== "CHECKPOINT_DAMAGED") throw error;
      report({ type: "warning", text: `${error.message}; going on from the checkpoint before it` });
      continue;
    }
    engine.importState({ ...vectors, steps: progress.step });
    const changed = Object.entries(environment).filter(([name, value]) => progress.environment[name] !== value);
    for (const [name, value] of changed)
      report({
        type: "warning",
        text: `${name} is now ${value} and was ${progress.environment[name]}: from here the losses are not quite those of an uninterrupted run (rounding, other random noise)`,
      });
    return { ...progress, environment };
  }
  return undefined;
}
