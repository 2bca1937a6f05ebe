/** The stage: training data + base model -> a run directory with an adapter. The manifest is written last. */
import { rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import {
  type Checkpoint,
  type CheckpointStore,
  MANIFEST_FILE,
  type RunManifest,
  runManifestSchema,
} from "../artifacts.ts";
import type { LanguageModel } from "../llm/language-model.ts";
import { ilabVersion } from "../util/assets.ts";
import { IlabError } from "../util/errors.ts";
import type { Work } from "../util/events.ts";
import { describeWriteError, writeFileAtomic } from "../util/fs.ts";
import { chooseRun } from "./choose-run.ts";
import { followTraining } from "./follow-training.ts";
import { planAnchor } from "./plan-anchor.ts";
import { prepareTraining } from "./prepare-training.ts";
import { runIdentity } from "./run-identity.ts";
import { studentOf } from "./training-method.ts";
import type { TrainingSettings } from "./training-settings.ts";
import { trainInWorker } from "./worker/train-in-worker.ts";

export interface TrainRequest {
  /** GGUF of the base model. */
  modelFile: string;
  /** Messages file (JSON lines). */
  dataFile: string;
  /** The run's own directory is made inside, or an unfinished one in there continued. */
  outputDirectory: string;
  /** What the base model wrote for the anchor is kept here between runs. */
  cacheDirectory: string;
  settings: TrainingSettings;
  /** `auto` continues an unfinished run of the very same; `never` does not; a directory names the run to continue. */
  resume?: string;
  /** An adapter to begin with. */
  adapterFile?: string;
  threads?: number;
  /** Opens the base model for the anchor texts; called only when they are not in the cache. */
  openBaseModel: () => Promise<LanguageModel>;
  /** Aborting saves the state and ends. */
  signal?: AbortSignal;
  /** Calls back whenever a checkpoint is wanted now; returns how to stop that. */
  onSaveRequest?: (save: () => void) => () => void;
}

export interface TrainResult {
  directory: string;
  /** The adapter, or after full fine-tuning the model. */
  studentFile: string;
  manifest: RunManifest;
}

/** What the stage is composed with in `flow.ts`. */
export interface TrainParts {
  openCheckpoints: (runDirectory: string) => CheckpointStore;
  /** What the training process runs. */
  program: string;
}

export async function* trainStudent(request: TrainRequest, parts: TrainParts): Work<TrainResult> {
  const { settings, signal, resume = "auto", adapterFile } = request;
  const { plan, data, hashes } = yield* prepareTraining(request, (tokenizer, modelHash) =>
    planAnchor(request, tokenizer, modelHash),
  );
  const student = studentOf(plan.method);
  const run = await chooseRun({
    outputDirectory: request.outputDirectory,
    baseModelFile: resolve(request.modelFile),
    identity: runIdentity({
      settings,
      modelHash: hashes.model,
      dataHash: hashes.data,
      adapterHash: hashes.adapter,
      samples: data.samples,
      anchorTexts: plan.anchor?.texts ?? [],
    }),
    resume,
    openCheckpoints: parts.openCheckpoints,
  });
  const { directory } = run;
  const checkpoints = parts.openCheckpoints(directory);
  try {
    const reports = trainInWorker(
      {
        ...plan,
        runDirectory: directory,
        notes: { version: ilabVersion, base_sha256: hashes.model, data_sha256: hashes.data },
      },
      { program: parts.program, signal, onSaveRequest: request.onSaveRequest },
    );
    const { ready, done } = yield* followTraining(reports, directory);
    const manifest = runManifestSchema.parse({
      stage: "train",
      ilabVersion,
      startedAt: run.startedAt.toISOString(),
      endedAt: new Date().toISOString(),
      config: {
        ...settings,
        holdType: ready.holdType,
        memory: ready.memory,
        baseModelFile: request.modelFile,
        dataFile: request.dataFile,
        ...(adapterFile === undefined ? {} : { adapterFile }),
      },
      inputs: {
        model: hashes.model,
        data: hashes.data,
        ...(hashes.adapter === undefined ? {} : { adapter: hashes.adapter }),
      },
      counts: {
        rows: data.rows,
        samples: plan.samples.length,
        validationSamples: plan.validationSamples.length,
        tooLong: data.tooLong,
        nothingCounted: data.nothingCounted,
        empty: data.empty,
        documentsCut: data.documentsCut,
        steps: done.steps,
        studentStep: done.studentStep,
        tokens: done.tokens,
        trainedParameters: ready.parameters,
        peakMemoryBytes: done.peakMemoryBytes,
      },
      timings: { training: done.seconds },
      outputs: { [student.role]: student.file, log: "training.jsonl" },
    } satisfies RunManifest);
    await writeFileAtomic(join(directory, MANIFEST_FILE), `${JSON.stringify(manifest, null, 2)}\n`);
    await checkpoints.prune({ keepLast: settings.keepLast, isFinished: true });
    return { directory, studentFile: join(directory, student.file), manifest };
  } catch (error) {
    const kept = (await checkpoints.list().catch(() => [])).at(-1);
    // Without a checkpoint nothing in it is worth keeping; a run that was there before is left as it was found.
    if (kept === undefined && run.isNew) await rm(directory, { recursive: true, force: true });
    throw withWhatIsKept(describeWriteError(directory, error), kept);
  }
}

/** Adds to an error's hint where the work until then is. */
function withWhatIsKept(error: unknown, kept: Checkpoint | undefined): unknown {
  if (kept === undefined || !(error instanceof IlabError) || error.code === "CANCELLED") return error;
  const { code, message, exitCode, details, cause } = error;
  const place = `The state after step ${kept.progress.step} is kept in ${kept.directory}.`;
  const hint = error.hint === undefined ? place : `${error.hint} ${place}`;
  return new IlabError({ code, message, hint, exitCode, details, cause });
}
