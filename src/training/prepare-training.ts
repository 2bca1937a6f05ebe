/** Everything that a training starts from, read and checked: samples, base model, adapter to begin with. */
import { readGguf } from "../formats/gguf/read-gguf.ts";
import { readLoraAdapter } from "../formats/lora-adapter.ts";
import { openTokenizer, type Tokenizer } from "../llm/tokenizer.ts";
import { UsageError } from "../util/errors.ts";
import type { Work } from "../util/events.ts";
import { sha256File } from "../util/hash.ts";
import { physicalCores } from "../util/physical-cores.ts";
import { adapterParameters } from "./adapter-parameters.ts";
import { describeLeftOut } from "./describe-left-out.ts";
import { createLoraLayout } from "./engine/lora-layout.ts";
import { readModelSpec } from "./engine/model-spec.ts";
import { type EncodedSamples, readSamples } from "./read-samples.ts";
import { splitSamples } from "./split-samples.ts";
import type { TrainRequest } from "./train-student.ts";
import { studentOf, trainingMethod } from "./training-method.ts";
import type { AnchorPlan, TrainingPlan } from "./worker/protocol.ts";

export interface PreparedTraining {
  /** The plan but for the run's own directory. */
  plan: Omit<TrainingPlan, "runDirectory" | "notes">;
  data: EncodedSamples;
  hashes: { model: string; data: string; adapter: string | undefined };
}

/** A run that is killed loses no more than about this. */
const RESUME_POINT_SECONDS = 45;

/** @param anchor gets the base model's own texts, once everything else is known to be sound. */
export async function* prepareTraining(
  request: TrainRequest,
  anchor: (tokenizer: Tokenizer, modelHash: string) => Work<AnchorPlan>,
): Work<PreparedTraining> {
  const { settings, signal, adapterFile } = request;
  const file = await readGguf(request.modelFile);
  const spec = readModelSpec(file);
  await using tokenizer = await openTokenizer(file);
  const data = await readSamples(request.dataFile, tokenizer, settings.maxSequenceTokens, { signal });
  for (const warning of describeLeftOut(data, settings.maxSequenceTokens))
    yield { type: "message", stage: "training", level: "warning", text: warning };
  const { training, validation } = splitSamples(data.samples, settings.validationSplit, settings.seed);
  const [model, dataHash, adapter] = await Promise.all(
    [request.modelFile, request.dataFile, adapterFile].map(async (path) =>
      path === undefined ? undefined : await sha256File(path, signal),
    ),
  );
  const hashes = { model: model!, data: dataHash!, adapter };
  const method = trainingMethod(settings);
  const layout = method === "full" ? undefined : createLoraLayout(spec, method);
  if (layout === undefined && adapterFile !== undefined)
    throw new UsageError(
      "full fine-tuning cannot begin with an adapter",
      "Merge it into its base first, with `ilab model convert`, and train that.",
    );
  const fit = { path: adapterFile!, architecture: spec.architecture, baseSha256: hashes.model };
  const initialParameters =
    layout === undefined || adapterFile === undefined
      ? undefined
      : adapterParameters(layout, await readLoraAdapter(adapterFile), fit);
  const plan = {
    ...settings,
    modelFile: request.modelFile,
    samples: training,
    validationSamples: validation,
    method,
    initialParameters,
    threads: request.threads ?? physicalCores(),
    anchor: settings.anchorWeight > 0 ? yield* anchor(tokenizer, hashes.model) : undefined,
    studentFile: studentOf(method).file,
    resumePointSeconds: RESUME_POINT_SECONDS,
  };
  return { plan, data, hashes };
}
