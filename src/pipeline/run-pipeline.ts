/** Rows through one pipeline, without a taxonomy around them. An empty result is a result: its `drops` say what happened. */
import type { DropRecord, LeafSeeds, Row } from "../artifacts.ts";
import type { LanguageModel } from "../llm/language-model.ts";
import { openCallCache } from "./call-cache.ts";
import type { Pipeline } from "./load-pipeline.ts";
import { openTeacher } from "./open-teacher.ts";
import { runLeaf } from "./run-leaf.ts";
import type { Usage } from "./usage.ts";

export interface RunPipelineOptions {
  model: LanguageModel;
  /** The leaf that the rows come from, for blocks that work with its seeds. */
  seeds: LeafSeeds;
  cacheDirectory?: string;
  seed?: number;
  concurrency?: number;
  signal?: AbortSignal;
}

export interface PipelineRun {
  rows: Row[];
  drops: DropRecord[];
  usage: Usage;
}

export async function runPipeline(
  rows: Row[],
  pipeline: Pipeline,
  { model, seeds, cacheDirectory, seed = 42, concurrency, signal }: RunPipelineOptions,
): Promise<PipelineRun> {
  using cache = cacheDirectory === undefined ? undefined : openCallCache(cacheDirectory);
  const teacher = openTeacher(model, { cache, signal, concurrency });
  const { usage, finished } = runLeaf({ seeds, parts: [{ pipeline, rows }] }, teacher, seed);
  const { generated, drops } = await finished;
  return { rows: generated, drops, usage };
}
