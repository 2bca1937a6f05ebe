/** Runs a plan in a child process and hands on its reports. Aborting lets the child save its state and end. */
import { fork } from "node:child_process";
import { CancelledError, IlabError } from "../../util/errors.ts";
import type { TrainingCommand, TrainingPlan, TrainingReport } from "./protocol.ts";

export interface WorkerOptions {
  /** Only ask what the plan would need. */
  isDryRun?: boolean;
  /** What the child runs. */
  program: string;
  signal?: AbortSignal;
  /** Calls back whenever a checkpoint is wanted now; returns how to stop that. */
  onSaveRequest?: (save: () => void) => () => void;
}

export async function* trainInWorker(
  plan: TrainingPlan,
  { program, isDryRun = false, signal, onSaveRequest }: WorkerOptions,
): AsyncGenerator<TrainingReport, void, void> {
  if (signal?.aborted) throw new CancelledError();
  const child = fork(program, [], {
    serialization: "advanced",
    // From a checkout the sources run through tsx; installed, they are JavaScript.
    execArgv: program.endsWith(".ts") ? ["--import", "tsx"] : [],
    stdio: ["ignore", "ignore", "pipe", "ipc"],
  });
  const queue: TrainingReport[] = [];
  let wake: () => void = () => {};
  let exited: { code: number | null; signal: NodeJS.Signals | null } | undefined;
  let stderr = "";
  child.stderr!.on("data", (piece: Buffer) => {
    stderr = (stderr + piece.toString()).slice(-4000);
  });
  child.on("message", (report) => {
    queue.push(report as TrainingReport);
    wake();
  });
  child.on("close", (code, killedBy) => {
    exited = { code, signal: killedBy };
    wake();
  });
  const tell = (command: TrainingCommand) => {
    if (child.connected) child.send(command, () => {});
  };
  const stop = () => tell({ type: "stop" });
  signal?.addEventListener("abort", stop, { once: true });
  const endSaveRequests = onSaveRequest?.(() => tell({ type: "save" }));
  tell({ type: isDryRun ? "estimate" : "train", plan });
  let hasEnded = false;
  try {
    for (;;) {
      for (const report of queue.splice(0)) {
        if (report.type === "failed") throw new IlabError(report);
        hasEnded ||= ["done", "stopped", "estimate"].includes(report.type);
        yield report;
      }
      if (queue.length > 0) continue;
      if (exited !== undefined) break;
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    if (hasEnded) return;
    throw new IlabError({
      code: "ENGINE_CRASHED",
      message: `the training process ended unexpectedly (${exited.signal ?? `status ${exited.code}`})${stderr === "" ? "" : `:\n${stderr.trim()}`}`,
      hint:
        exited.signal === "SIGKILL"
          ? "The system probably ran out of memory: close other programs or choose a smaller model or --max-batch-len."
          : "Run again with a smaller --max-batch-len; if it happens again, please report it with the lines above.",
    });
  } finally {
    signal?.removeEventListener("abort", stop);
    endSaveRequests?.();
    // Only when the reader of the reports gave up: the child then saves and goes by itself.
    if (child.connected) child.disconnect();
  }
}
