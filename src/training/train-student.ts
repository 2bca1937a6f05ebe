/** The stage: training data + base model -> a run directory with an adapter. The manifest is written last. */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { MANIFEST_FILE, type RunManifest, runManifestSchema } from "../artifacts.ts";
import { readGguf } from "../formats/gguf/read-gguf.ts";
import type { LanguageModel } from "../llm/language-model.ts";
import { openTokenizer, type Tokenizer } from "../llm/tokenizer.ts";
import { assetPath, ilabVersion } from "../util/assets.ts";
import type { Work, WorkEvent } from "../util/events.ts";
import { describeWriteError, writeFileAtomic } from "../util/fs.ts";
import { sha256File } from "../util/hash.ts";
import { physicalCores } from "../util/physical-cores.ts";
import { makeRunDirectory } from "../util/run-directory.ts";
import { type AnchorText, collectAnchorTexts } from "./anchor-texts.ts";
import { readModelSpec } from "./engine/model-spec.ts";
import { type EncodedSamples, readSamples } from "./read-samples.ts";
import type { TrainingSettings } from "./training-settings.ts";
import type { AnchorPlan, StepReport, TrainingReport } from "./worker/protocol.ts";
import { trainInWorker } from "./worker/train-in-worker.ts";

export interface TrainRequest {
  /** GGUF of the base model. */
  modelFile: string;
  /** Messages file (JSON lines). */
  dataFile: string;
  /** The run's own directory is made inside. */
  outputDirectory: string;
  /** What the base model wrote for the anchor is kept here between runs. */
  cacheDirectory: string;
  settings: TrainingSettings;
  threads?: number;
  /** Opens the base model for the anchor texts; called only when they are not in the cache. */
  openBaseModel: () => Promise<LanguageModel>;
  signal?: AbortSignal;
}

export interface TrainResult {
  directory: string;
  adapterFile: string;
  manifest: RunManifest;
}

export async function* trainStudent(request: TrainRequest): Work<TrainResult> {
  const { settings, signal } = request;
  const startedAt = new Date();
  const file = await readGguf(request.modelFile);
  readModelSpec(file);
  await using tokenizer = await openTokenizer(file);
  const data = await readSamples(request.dataFile, tokenizer, settings.maxSequenceTokens);
  for (const warning of dropWarnings(data, settings))
    yield { type: "message", stage: "training", level: "warning", text: warning };
  const [modelHash, dataHash] = await Promise.all([
    sha256File(request.modelFile, signal),
    sha256File(request.dataFile, signal),
  ]);
  const anchor = settings.anchorWeight > 0 ? yield* planAnchor(request, tokenizer, modelHash) : undefined;

  const outputDirectory = await makeRunDirectory(request.outputDirectory, startedAt);
  try {
    const adapterFile = join(outputDirectory, "adapter.gguf");
    const reports = trainInWorker(
      {
        ...settings,
        modelFile: request.modelFile,
        samples: data.samples,
        lora: { rank: settings.loraRank, alpha: settings.loraAlpha, targets: settings.loraTargets },
        threads: request.threads ?? physicalCores(),
        anchor,
        adapterFile,
        notes: { version: ilabVersion, base_sha256: modelHash, data_sha256: dataHash },
      },
      signal,
    );
    const { steps, ready, done } = yield* followReports(reports);
    await writeFileAtomic(
      join(outputDirectory, "training.jsonl"),
      steps.map((step) => `${JSON.stringify(step)}\n`).join(""),
    );
    const manifest = runManifestSchema.parse({
      stage: "train",
      ilabVersion,
      startedAt: startedAt.toISOString(),
      endedAt: new Date().toISOString(),
      config: {
        ...settings,
        holdType: ready?.holdType ?? settings.holdType,
        baseModelFile: request.modelFile,
        dataFile: request.dataFile,
      },
      inputs: { model: modelHash, data: dataHash },
      counts: {
        rows: data.rows,
        samples: data.samples.length,
        tooLong: data.tooLong,
        nothingCounted: data.nothingCounted,
        steps: steps.length,
        tokens: done.tokens,
        adapterParameters: ready?.parameters ?? 0,
        peakMemoryBytes: done.peakMemoryBytes,
      },
      timings: { training: done.seconds },
      outputs: { adapter: "adapter.gguf", log: "training.jsonl" },
    } satisfies RunManifest);
    await writeFileAtomic(join(outputDirectory, MANIFEST_FILE), `${JSON.stringify(manifest, null, 2)}\n`);
    return { directory: outputDirectory, adapterFile, manifest };
  } catch (error) {
    // Without its manifest the run is not one; nothing in it is finished.
    await rm(outputDirectory, { recursive: true, force: true });
    throw describeWriteError(outputDirectory, error);
  }
}

function dropWarnings({ tooLong, nothingCounted }: EncodedSamples, settings: TrainingSettings): string[] {
  const warnings: string[] = [];
  if (tooLong > 0)
    warnings.push(
      `${tooLong} samples are longer than ${settings.maxSequenceTokens} tokens and were left out (--max-seq-len)`,
    );
  if (nothingCounted > 0) warnings.push(`${nothingCounted} samples have no answer of the assistant and were left out`);
  return warnings;
}

async function* planAnchor(
  request: TrainRequest,
  tokenizer: Tokenizer,
  modelHash: string,
): AsyncGenerator<WorkEvent, AnchorPlan, void> {
  const { settings, cacheDirectory, signal } = request;
  const key = modelHash.slice(0, 16);
  const directory = join(cacheDirectory, "anchors", key);
  const files = [join(directory, "texts.json"), assetPath("anchors", `${key}.json`)] as const;
  const texts = yield* collectAnchorTexts(files, request.openBaseModel, {
    count: settings.anchorTexts,
    tokensPerText: settings.anchorTokens,
    seed: settings.seed,
    signal,
  });
  return {
    texts: texts.map((text) => anchorTokens(tokenizer, text)).filter((tokens) => tokens.length > 1),
    weight: settings.anchorWeight,
    textsPerStep: settings.anchorTextsPerStep,
    topCount: settings.anchorTopCount,
    cacheFile: join(directory, "distributions.bin"),
  };
}

function anchorTokens(tokenizer: Tokenizer, { kind, prompt, text }: AnchorText): Int32Array {
  // A sampled text was cut at its length: the end token does not belong to it.
  if (kind === "text") return tokenizer.encodeDocument(prompt + text).tokens.slice(0, -1);
  return (
    tokenizer.encodeConversation([
      { role: "user", content: prompt },
      { role: "assistant", content: text },
    ])[0]?.tokens ?? new Int32Array(0)
  );
}

interface Followed {
  steps: StepReport[];
  ready: Extract<TrainingReport, { type: "ready" }> | undefined;
  done: Extract<TrainingReport, { type: "done" }>;
}

/** Turns the training process's reports into events. */
async function* followReports(reports: AsyncGenerator<TrainingReport>): AsyncGenerator<WorkEvent, Followed, void> {
  const stage = "training";
  const started = performance.now();
  const steps: StepReport[] = [];
  let ready: Followed["ready"];
  let done: Followed["done"] | undefined;
  let step = "load model";
  yield { type: "step-start", stage, step, unit: "layers" };
  const next = function* (name: string, total: number, unit: string): Generator<WorkEvent> {
    yield { type: "step-end", stage, step, seconds: (performance.now() - started) / 1000 };
    step = name;
    yield { type: "step-start", stage, step, total, unit };
  };
  for await (const report of reports) {
    if (report.type === "loading")
      yield { type: "step-progress", stage, step, done: report.layer, total: report.layers, unit: "layers" };
    if (report.type === "anchoring") {
      if (step === "load model") yield* next("base distributions", report.total, "texts");
      yield { type: "step-progress", stage, step, done: report.done, total: report.total, unit: "texts" };
    }
    if (report.type === "ready") {
      ready = report;
      yield* next("train", report.totalSteps, "steps");
    }
    if (report.type === "step") {
      steps.push(report);
      const rate = report.tokens / report.seconds;
      const note = `loss ${report.loss.toFixed(3)}, ${Math.round(rate)} tokens/s`;
      yield { type: "step-progress", stage, step, done: report.step, total: report.totalSteps, unit: "steps", note };
      const { loss, anchorLoss, learningRate, gradientNorm } = report;
      yield {
        type: "metrics",
        stage,
        step: report.step,
        values: { loss, anchorLoss, learningRate, gradientNorm, tokensPerSecond: rate },
      };
    }
    if (report.type === "done") {
      done = report;
      yield { type: "step-end", stage, step, seconds: report.seconds, note: `loss ${report.finalLoss.toFixed(3)}` };
    }
  }
  // trainInWorker ends only after `done` or by throwing.
  return { steps, ready, done: done! };
}
