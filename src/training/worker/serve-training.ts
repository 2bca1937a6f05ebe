/**
 * The training process's side: takes one plan, reports, ends. ggml calls abort() on many errors; here that ends a job and not the program.
 * Whatever asks the process to go (a signal, or a parent that is gone) is obeyed after the state was saved.
 */
import type { CheckpointStore } from "../../artifacts.ts";
import { IlabError } from "../../util/errors.ts";
import { estimateRun } from "../estimate-run.ts";
import { runTraining } from "../run-training.ts";
import type { TrainingControl } from "../training-loop.ts";
import type { TrainingCommand, TrainingReport } from "./protocol.ts";

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
    if (command.type === "estimate")
      void answer(async () => send({ type: "estimate", estimate: await estimateRun(command.plan) }));
    if (command.type === "train") {
      const { plan } = command;
      const parts = { checkpoints: openCheckpoints(plan.runDirectory), control, report: send };
      void answer(() => runTraining(plan, parts));
    }
  });
}

/** Runs what was asked for, reports how it failed, and ends. */
async function answer(work: () => Promise<void>): Promise<void> {
  try {
    await work();
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
