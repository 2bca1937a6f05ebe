/** The verbs of the loop, composed from the stages: read this file to see how the parts fit together. */
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { GeneratedLeaf, Issue, LeafNode, LeafSeeds, RunManifest, Scorecard } from "./artifacts.ts";
import { openCheckpoints } from "./checkpoints/open-checkpoints.ts";
import { requireOutputDirectory } from "./datasets/require-output-directory.ts";
import { type DataRun, writeDataRun } from "./datasets/write-data-run.ts";
import { compareModels } from "./evaluation/compare-models.ts";
import { planEvaluation } from "./evaluation/plan-evaluation.ts";
import { writeEvaluation } from "./evaluation/write-evaluation.ts";
import type { LanguageModel } from "./llm/language-model.ts";
import { estimateGeneration } from "./pipeline/estimate-generation.ts";
import { type GenerateLeavesOptions, generateLeaves } from "./pipeline/generate-leaves.ts";
import { type CollectSeedsOptions, collectSeeds } from "./seeds/collect-seeds.ts";
import { formatIssue } from "./taxonomy/format-issue.ts";
import { type ReadTaxonomyOptions, readTaxonomy } from "./taxonomy/read-taxonomy.ts";
import { type EstimateResult, estimateTraining as runEstimateStage } from "./training/estimate-training.ts";
import { trainStudent as runTrainStage, type TrainRequest, type TrainResult } from "./training/train-student.ts";
import { assetPath } from "./util/assets.ts";
import { IlabError, UsageError } from "./util/errors.ts";
import type { Work } from "./util/events.ts";
import { sha256, sha256File } from "./util/hash.ts";

export { type ConvertRequest, convertModel } from "./build/convert-model.ts";
export type { TrainRequest, TrainResult } from "./training/train-student.ts";

/** From training data and a base model to a run directory with a student; what was begun before is continued. */
export function trainStudent(request: TrainRequest): Work<TrainResult> {
  return runTrainStage(request, { openCheckpoints, program: trainingProgram() });
}

/** What the same request would need in memory and time. */
export function estimateTraining(request: TrainRequest): Work<EstimateResult> {
  return runEstimateStage(request, { program: trainingProgram() });
}

function trainingProgram(): string {
  const isSource = import.meta.url.endsWith(".ts");
  return fileURLToPath(new URL(isSource ? "training-process.ts" : "training-process.js", import.meta.url));
}

export interface ReadSeedsOptions extends CollectSeedsOptions, Pick<ReadTaxonomyOptions, "lintConfig"> {
  /** Git reference that changes are counted from; `empty` takes the whole tree. */
  base: string;
}

/** From a taxonomy to its leaves with their documents. Throws `TAXONOMY_INVALID` with every finding. */
export async function* readSeeds(taxonomyPath: string, options: ReadSeedsOptions): Work<LeafSeeds[]> {
  const { leaves, issues } = await readTaxonomy(taxonomyPath, options);
  const isError = ({ severity }: Issue) => severity === "error";
  for (const issue of issues.filter((issue) => !isError(issue)))
    yield { type: "message", stage: "taxonomy", level: "warning", text: formatIssue(issue, "text") };
  const errors = issues.filter(isError);
  if (errors.length > 0)
    throw new IlabError({
      code: "TAXONOMY_INVALID",
      message: `${errors.map((issue) => formatIssue(issue, "text")).join("\n")}\n${errors.length} ${errors.length === 1 ? "error" : "errors"} in the taxonomy ${taxonomyPath}`,
      hint: `Correct the places named above; 'ilab taxonomy diff --taxonomy-path ${taxonomyPath}' checks again.`,
    });
  if (leaves.length === 0)
    throw new UsageError(
      `no new or changed qna.yaml in ${taxonomyPath} since ${options.base}`,
      "Take the whole tree with --taxonomy-base empty, or add a qna.yaml below knowledge/ or compositional_skills/.",
    );
  return yield* collectSeeds(leaves, options);
}

/** What the same generation would ask of its teacher. */
export { estimateGeneration };

export interface GenerateDataOptions extends GenerateLeavesOptions {
  outputDirectory: string;
  /** What the student is told before every conversation. */
  systemPrompt?: string;
  /** Where a site's own recipes may lie (`IlabPaths.dataDirectories`). */
  dataDirectories?: readonly string[];
  /** Kept in the manifest beside what this function adds. */
  config?: RunManifest["config"];
}

export interface GenerateDataResult extends DataRun {
  leaves: GeneratedLeaf[];
}

/** Grows seeds into a run directory of training data. A leaf that yields nothing is a warning; none at all is `GENERATED_NOTHING`. */
export async function* generateData(
  seeds: readonly LeafSeeds[],
  options: GenerateDataOptions,
): Work<GenerateDataResult> {
  const { model, pipeline, outputDirectory, seed = 42 } = options;
  await requireOutputDirectory(outputDirectory);
  const startedAt = new Date();
  const { leaves, inputs, timings } = yield* generateLeaves(seeds, { ...options, seed });
  const run = await writeDataRun(leaves, {
    outputDirectory,
    startedAt,
    seed,
    systemPrompt: options.systemPrompt,
    dataDirectories: options.dataDirectories,
    config: { ...options.config, pipeline, seed, teacher: model.id },
    inputs,
    timings,
  });
  return { ...run, leaves };
}

export interface ProveOptions {
  /** Base model and trained adapter. */
  modelFile: string;
  adapterFile: string;
  /** Whose held-out questions are asked. */
  leaves: readonly LeafNode[];
  outputDirectory: string;
  open: (file: string, adapterFile?: string) => Promise<LanguageModel>;
  signal?: AbortSignal;
}

/** Compares a student with its base: what it learned (held-out questions) and what it forgot (perplexity on general text). */
export async function* proveStudent(options: ProveOptions): Work<{ scorecard: Scorecard; path: string }> {
  const { modelFile, adapterFile, leaves, outputDirectory, open, signal } = options;
  const startedAt = new Date();
  const generalText = await readFile(assetPath("benchmarks", "general-text.md"), "utf8");
  const plan = planEvaluation({ benchmarks: ["held_out", "forgetting"], leaves: [...leaves], generalText });
  const student = { name: "trained", open: () => open(modelFile, adapterFile) };
  const scorecard = yield* compareModels(plan, student, { name: "base", open: () => open(modelFile) }, { signal });
  const path = await writeEvaluation(scorecard, {
    directory: outputDirectory,
    startedAt,
    config: { model: modelFile, adapter: adapterFile, seed: plan.seed },
    inputs: {
      plan: sha256(JSON.stringify(plan)),
      model: await sha256File(modelFile, signal),
      adapter: await sha256File(adapterFile, signal),
    },
  });
  return { scorecard, path };
}
