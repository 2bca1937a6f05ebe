/**
 * The training process's side: takes one plan, reports, ends. ggml calls abort() on many errors; here that ends a job and not the program.
 * Whatever asks the process to go (a signal, or a parent that is gone) is obeyed after the state was saved.
 */
import type { CheckpointStore } from "../../artifacts.ts";
import { IlabError } from "../../util/errors.ts";
import { runTraining } from "../run-training.ts";
import type { TrainingControl } from "../training-loop.ts";
import type { TrainingCommand, TrainingPlan, TrainingReport } from "./protocol.ts";

export function serveTraining(openCheckpoints: (runDirectory: string) => CheckpointStore): void {
  const control: TrainingControl = { isStopWanted: false, isSaveWanted: false };
  const stop = () => {
    control.isStopWanted = true;
  };
  const save = () => {
    control.isSaveWanted = true;
  };
  // Ctrl-C reaches every process of the terminal: this one must not die before its parent has it save.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, stop);
  if (process.platform !== "win32") process.on("SIGUSR1", save);
  process.on("disconnect", stop);
  process.on("message", (command: TrainingCommand) => {
    if (command.type === "stop") stop();
    if (command.type === "save") save();
    if (command.type === "train") void train(command.plan, openCheckpoints(command.plan.runDirectory), control);
  });
}

async function train(plan: TrainingPlan, checkpoints: CheckpointStore, control: TrainingControl): Promise<void> {
  try {
    await runTraining(plan, { checkpoints, control, report: send });
  } catch (error) {
    if (error instanceof IlabError) {
      const { code, message, hint, exitCode } = error;
      send({ type: "failed", code, message, hint, exitCode });
    } else send({ type: "failed", code: "ENGINE_FAILED", message: (error as Error).stack ?? String(error) });
  } finally {
    // The open channel would keep the process alive.
    if (process.connected) process.disconnect();
  }
}

function send(report: TrainingReport): void {
  // The callback takes the error of a parent that went away in this moment.
  if (process.connected) process.send!(report, undefined, undefined, () => {});
}
