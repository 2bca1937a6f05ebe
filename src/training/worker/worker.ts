/** The training process: takes one plan, reports, ends. ggml calls abort() on many errors; here that ends a job and not the program. */
import { IlabError } from "../../util/errors.ts";
import { runTraining } from "../run-training.ts";
import type { TrainingPlan, TrainingReport } from "./protocol.ts";

const send = (report: TrainingReport) => process.send?.(report);

// Without its parent nobody would see the result: stop instead of heating the room.
process.on("disconnect", () => process.exit(1));

process.once("message", (plan: TrainingPlan) => {
  runTraining(plan, send)
    .catch((error: unknown) => {
      if (error instanceof IlabError)
        send({ type: "failed", code: error.code, message: error.message, hint: error.hint });
      else send({ type: "failed", code: "ENGINE_FAILED", message: (error as Error).stack ?? String(error) });
    })
    // The open channel would keep the process alive.
    .finally(() => {
      process.removeAllListeners("disconnect");
      process.disconnect();
    });
});
