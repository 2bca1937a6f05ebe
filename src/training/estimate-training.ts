/** What a training would need, without doing any of it: memory, time, and which setting would help when memory will not do. */
import type { Work } from "../util/events.ts";
import type { TrainingEstimate } from "./estimate-run.ts";
import { prepareTraining } from "./prepare-training.ts";
import type { TrainRequest } from "./train-student.ts";
import { trainInWorker } from "./worker/train-in-worker.ts";

export interface EstimateResult extends TrainingEstimate {
  samples: number;
  validationSamples: number;
  longestTokens: number;
}

export async function* estimateTraining(request: TrainRequest, { program }: { program: string }): Work<EstimateResult> {
  const { settings, signal } = request;
  // The base model writes the anchor texts only for a real run; here their sizes are enough.
  const prepared = yield* prepareTraining(request, async function* () {
    return {
      texts: Array.from({ length: settings.anchorTexts }, () => new Int32Array(settings.anchorTokens)),
      weight: settings.anchorWeight,
      textsPerStep: settings.anchorTextsPerStep,
      topCount: settings.anchorTopCount,
      cacheFile: "",
    };
  });
  const { plan } = prepared;
  const reports = trainInWorker({ ...plan, runDirectory: "", notes: {} }, { program, isDryRun: true, signal });
  for await (const report of reports)
    if (report.type === "estimate")
      return {
        ...report.estimate,
        samples: plan.samples.length,
        validationSamples: plan.validationSamples.length,
        longestTokens: Math.max(...plan.samples.map(({ tokens }) => tokens.length)),
      };
  throw new Error("the training process gave no estimate");
}
