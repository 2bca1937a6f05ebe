/** Starts the training process and hands on its reports; cancelling or a crash ends in a clear error. */
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { CancelledError, IlabError } from "../../util/errors.ts";
import type { TrainingPlan, TrainingReport } from "./protocol.ts";

export async function* trainInWorker(
  plan: TrainingPlan,
  signal?: AbortSignal,
): AsyncGenerator<TrainingReport, void, void> {
  if (signal?.aborted) throw new CancelledError();
  // From a checkout the sources run through tsx; installed, they are JavaScript.
  const isSource = import.meta.url.endsWith(".ts");
  const entry = fileURLToPath(new URL(isSource ? "worker.ts" : "worker.js", import.meta.url));
  const child = fork(entry, [], {
    serialization: "advanced",
    execArgv: isSource ? ["--import", "tsx"] : [],
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
  const abort = () => child.kill("SIGTERM");
  signal?.addEventListener("abort", abort, { once: true });
  child.send(plan);
  try {
    let finished = false;
    for (;;) {
      for (const report of queue.splice(0)) {
        if (report.type === "failed")
          throw new IlabError({ code: report.code, message: report.message, hint: report.hint });
        if (report.type === "done") finished = true;
        yield report;
      }
      if (queue.length > 0) continue;
      if (exited !== undefined) break;
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    if (finished) return;
    if (signal?.aborted) throw new CancelledError("training was cancelled", "Nothing was kept of the unfinished run.");
    throw new IlabError({
      code: "ENGINE_CRASHED",
      message: `the training process ended unexpectedly (${exited.signal ?? `status ${exited.code}`})${stderr === "" ? "" : `:\n${stderr.trim()}`}`,
      hint:
        exited.signal === "SIGKILL"
          ? "The system probably ran out of memory: close other programs or choose a smaller model or --max-batch-len."
          : "Run again with a smaller --max-batch-len; if it happens again, please report it with the lines above.",
    });
  } finally {
    signal?.removeEventListener("abort", abort);
    if (exited === undefined) child.kill("SIGKILL");
  }
}
