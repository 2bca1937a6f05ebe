/** The verbs of the loop, composed from the stages: read this file to see how the parts fit together. */
import type { GeneratedLeaf, LeafSeeds, RunManifest } from "./artifacts.ts";
import { type DataRun, writeDataRun } from "./datasets/write-data-run.ts";
import type { LanguageModel } from "./llm/language-model.ts";
import { generateLeaves } from "./pipeline/generate-leaves.ts";
import type { Work } from "./util/events.ts";

export interface GenerateDataOptions {
  model: LanguageModel;
  /** `compact`, `auto`, or a directory with pipeline files. */
  pipeline: string;
  outputDirectory: string;
  /** Finished calls are kept here, so that the same run again repeats none. */
  cacheDirectory: string;
  seed?: number;
  signal?: AbortSignal;
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
  const startedAt = new Date();
  const { leaves, inputs, timings } = yield* generateLeaves(seeds, { ...options, seed });
  const run = await writeDataRun(leaves, {
    outputDirectory,
    startedAt,
    config: { ...options.config, pipeline, seed, teacher: model.id },
    inputs,
    timings,
  });
  return { ...run, leaves };
}
