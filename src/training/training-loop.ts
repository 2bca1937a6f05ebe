/**
 * Step after step from wherever a run stands to its end: learn, measure, log, save. Everything a step depends on is in the engine's vectors,
 * in the progress and in the plan, so a run that was killed goes on with the very losses it would have had.
 */
import { join } from "node:path";
import type { CheckpointContent, CheckpointReason, CheckpointStore, TrainingProgress } from "../artifacts.ts";
import type { TrainingEngine } from "./engine/training-engine.ts";
import type { Sequence } from "./lay-out-pack.ts";
import { type PlannedStep, planSteps, type StepPlan } from "./plan-steps.ts";
import { requireFinite, runStep, validationLoss } from "./run-step.ts";
import { openTrainingLog } from "./training-log.ts";
import type { StepReport, TrainingPlan, TrainingReport, ValidationReport } from "./worker/protocol.ts";

/** What somebody outside wants; looked at between packs. */
export interface TrainingControl {
  isStopWanted: boolean;
  isSaveWanted: boolean;
}

export interface LoopParts {
  checkpoints: CheckpointStore;
  control: TrainingControl;
  report: (report: TrainingReport) => void;
  student: NonNullable<CheckpointContent["student"]>;
}

/** Saving may take this share of the time. */
const SAVING_SHARE = 0.1;

export function planOf(plan: TrainingPlan, anchors: number): StepPlan {
  const anchorsPerStep = plan.anchor?.textsPerStep ?? 0;
  return planSteps({ ...plan, samples: plan.samples.length, anchors, anchorsPerStep });
}

/** @returns how far it came; before the last step when a stop was wanted. */
export async function trainingLoop(
  engine: TrainingEngine,
  plan: TrainingPlan,
  anchors: readonly Sequence[],
  start: TrainingProgress,
  parts: LoopParts,
): Promise<{ progress: TrainingProgress; isStopped: boolean }> {
  const { control, report } = parts;
  const steps = planOf(plan, anchors.length);
  const startedAt = performance.now();
  let progress = start;
  const saver = createSaver(engine, plan, start.step, parts);
  await using log = await openTrainingLog(join(plan.runDirectory, "training.jsonl"), start.step);

  while (progress.step < steps.totalSteps && !isStoppedEarly(progress, plan)) {
    const step = progress.step + 1;
    const planned = steps.at(step);
    const sequences = [
      ...planned.samples.map((index) => plan.samples[index]!),
      ...planned.anchors.map((index) => anchors[index]!),
    ];
    const losses = await runStep(engine, sequences, {
      maxBatchTokens: plan.maxBatchTokens,
      anchorWeight: plan.anchor?.weight ?? 0,
      noiseSeed: planned.noiseSeed,
      isStopWanted: () => control.isStopWanted,
    });
    if (losses === undefined) {
      // The parameters are still those of the last whole step; the unfinished one is taken again.
      if (progress.step > saver.savedStep) await saver.save(["stop"], progress);
      return { progress, isStopped: true };
    }
    requireFinite([losses.loss, losses.anchorLoss], progress.step);
    const gradientNorm = engine.step({ ...plan, learningRate: planned.learningRate });
    const before = progress;
    progress = {
      ...progress,
      step,
      samples: progress.samples + planned.samples.length,
      tokens: progress.tokens + sequences.reduce((sum, { tokens }) => sum + tokens.length, 0),
      seconds: start.seconds + (performance.now() - startedAt) / 1000,
      loss: losses.loss,
    };
    const stepReport: StepReport = {
      type: "step",
      step,
      totalSteps: steps.totalSteps,
      epoch: planned.epoch,
      ...losses,
      gradientNorm,
      learningRate: planned.learningRate,
      samples: progress.samples,
      tokens: progress.tokens,
      seconds: progress.seconds,
    };
    await log.append(stepReport);
    report(stepReport);

    let validation: ValidationReport | undefined;
    if (isValidationDue(step, plan, steps)) {
      const loss = await validationLoss(engine, plan.validationSamples, plan.maxBatchTokens);
      requireFinite([loss], step);
      const isBest = progress.best === undefined || loss < progress.best.loss;
      const best = isBest ? { step, loss } : progress.best!;
      progress = { ...progress, best, validationsSinceBest: isBest ? 0 : progress.validationsSinceBest + 1 };
      validation = { type: "validation", step, epoch: planned.epoch, loss, best };
      await log.append(validation);
      report(validation);
    }

    const reasons = reasonsToSave(before, progress, plan, planned);
    if (control.isSaveWanted) reasons.push("request");
    control.isSaveWanted = false;
    if (reasons.length === 0 && saver.isDue()) reasons.push("resume");
    if (reasons.length > 0) {
      await log.flush();
      await saver.save(reasons, progress, validation?.loss);
    }
  }
  return { progress, isStopped: false };
}

function isStoppedEarly({ validationsSinceBest }: TrainingProgress, { earlyStopPatience }: TrainingPlan): boolean {
  return earlyStopPatience > 0 && validationsSinceBest >= earlyStopPatience;
}

function isValidationDue(step: number, plan: TrainingPlan, { stepsPerEpoch, totalSteps }: StepPlan): boolean {
  if (plan.validationSamples.length === 0) return false;
  return step % (plan.validationFrequency ?? stepsPerEpoch) === 0 || step === totalSteps;
}

function reasonsToSave(
  before: TrainingProgress,
  after: TrainingProgress,
  plan: TrainingPlan,
  planned: PlannedStep,
): CheckpointReason[] {
  const reasons: CheckpointReason[] = [];
  const passes = (samples: number) => Math.floor(samples / plan.saveSamples);
  // Passing a multiple is enough: steps need not end on one.
  if (plan.saveSamples > 0 && passes(after.samples) > passes(before.samples)) reasons.push("samples");
  if (plan.checkpointAtEpoch && planned.isEndOfEpoch) reasons.push("epoch");
  if (after.best?.step === after.step) reasons.push("best");
  return reasons;
}

function createSaver(engine: TrainingEngine, plan: TrainingPlan, resumedStep: number, parts: LoopParts) {
  let savedStep = resumedStep;
  let nextSaveAt = performance.now() + plan.resumePointSeconds * 1000;
  return {
    get savedStep() {
      return savedStep;
    },
    isDue: () => performance.now() >= nextSaveAt,
    async save(reasons: CheckpointReason[], progress: TrainingProgress, validation?: number): Promise<void> {
      const startedAt = performance.now();
      const isUseful = reasons.some((reason) => reason !== "resume");
      const checkpoint = await parts.checkpoints.save({
        reasons,
        progress,
        vectors: engine.exportState(),
        validationLoss: validation,
        student: isUseful ? parts.student : undefined,
      });
      await parts.checkpoints.prune({ keepLast: plan.keepLast, isFinished: false });
      savedStep = progress.step;
      const endedAt = performance.now();
      nextSaveAt = endedAt + Math.max(plan.resumePointSeconds * 1000, (endedAt - startedAt) / SAVING_SHARE);
      parts.report({ type: "checkpoint", step: progress.step, directory: checkpoint.directory, reasons });
    },
  };
}
