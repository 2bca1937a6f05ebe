/** Turns the training process's reports into events. Throws `CANCELLED` when it was stopped before its end. */
import { CancelledError } from "../util/errors.ts";
import type { Work, WorkEvent } from "../util/events.ts";
import { createSlowdownWatch } from "./slowdown.ts";
import type { TrainingReport } from "./worker/protocol.ts";

export type Ready = Extract<TrainingReport, { type: "ready" }>;
export type Done = Extract<TrainingReport, { type: "done" }>;

export async function* followTraining(
  reports: AsyncGenerator<TrainingReport>,
  directory: string,
): Work<{ ready: Ready; done: Done }> {
  const stage = "training";
  const started = performance.now();
  let ready: Ready | undefined;
  let done: Done | undefined;
  let step = "load model";
  const watchSpeed = createSlowdownWatch();
  let before = { tokens: 0, seconds: 0 };
  const message = (level: "info" | "warning", text: string): WorkEvent => ({ type: "message", stage, level, text });
  yield { type: "step-start", stage, step, unit: "layers" };
  const next = function* (name: string, total: number, unit: string): Generator<WorkEvent> {
    yield { type: "step-end", stage, step, seconds: (performance.now() - started) / 1000 };
    step = name;
    yield { type: "step-start", stage, step, total, unit };
  };
  for await (const report of reports) {
    switch (report.type) {
      case "waiting":
        yield message("info", `waiting for ${report.holder}, which is still working on this run`);
        break;
      case "warning":
        yield message("warning", report.text);
        break;
      case "loading":
        yield { type: "step-progress", stage, step, done: report.layer, total: report.layers, unit: "layers" };
        break;
      case "anchoring":
        if (step === "load model") yield* next("base distributions", report.total, "texts");
        yield { type: "step-progress", stage, step, done: report.done, total: report.total, unit: "texts" };
        break;
      case "ready":
        ready = report;
        if (report.doneSteps > 0)
          yield message("info", `going on after step ${report.doneSteps} of ${report.totalSteps} of ${directory}`);
        if (report.memory !== "fast")
          yield message("info", `memory: ${report.memory}; less of it is taken, for a little more time`);
        yield* next("train", report.totalSteps, "steps");
        break;
      case "step": {
        const { loss, anchorLoss, learningRate, gradientNorm } = report;
        const tokensPerSecond = report.tokens / report.seconds;
        const note = `loss ${loss.toFixed(3)}, ${Math.round(tokensPerSecond)} tokens/s`;
        yield { type: "step-progress", stage, step, done: report.step, total: report.totalSteps, unit: "steps", note };
        const values = { loss, anchorLoss, learningRate, gradientNorm, tokensPerSecond };
        yield { type: "metrics", stage, step: report.step, values };
        const slowdown = watchSpeed((report.tokens - before.tokens) / (report.seconds - before.seconds));
        if (slowdown !== undefined) yield message("warning", slowdown);
        before = report;
        break;
      }
      case "validation": {
        const { loss, best } = report;
        yield { type: "metrics", stage, step: report.step, values: { validationLoss: loss } };
        const comparison = best.step === report.step ? "the best so far" : `the best is ${best.loss.toFixed(3)}`;
        yield message("info", `validation loss ${loss.toFixed(3)} after step ${report.step}, ${comparison}`);
        break;
      }
      case "checkpoint":
        if (report.reasons.includes("request"))
          yield message("info", `the state after step ${report.step} is in ${report.directory}`);
        break;
      case "stopped":
        throw stoppedError(report, directory);
      case "done":
        done = report;
        yield { type: "step-end", stage, step, seconds: report.seconds, note: doneNote(report, ready!) };
        break;
    }
  }
  // trainInWorker ends only after `done`, `stopped` or by throwing.
  return { ready: ready!, done: done! };
}

function doneNote({ steps, studentStep, finalLoss, bestValidationLoss }: Done, { totalSteps }: Ready): string {
  const early = steps < totalSteps ? `, ended early after step ${steps} of ${totalSteps}` : "";
  const best =
    bestValidationLoss === undefined
      ? ""
      : `, best validation loss ${bestValidationLoss.toFixed(3)} at step ${studentStep}`;
  return `loss ${finalLoss.toFixed(3)}${early}${best}`;
}

function stoppedError(
  { step, totalSteps, checkpoint }: Extract<TrainingReport, { type: "stopped" }>,
  directory: string,
): CancelledError {
  if (checkpoint === undefined) return new CancelledError("training was cancelled before its first step was done");
  return new CancelledError(
    `training was cancelled after step ${step} of ${totalSteps}; its state is kept in ${directory}`,
    `The same command (without --resume never) continues it, and so does --resume ${directory}.`,
  );
}
