/** Runs a checked pipeline over one leaf, block after block, and accounts for every row that gets lost. */
import type { GeneratedLeaf, LeafSeeds, Row } from "../artifacts.ts";
import type { LanguageModel } from "../llm/language-model.ts";
import { throwIfAborted } from "../util/errors.ts";
import type { Work } from "../util/events.ts";
import { workFrom } from "../util/work-from.ts";
import type { BlockContext } from "./block.ts";
import { openCallCache } from "./call-cache.ts";
import { createDropCounter } from "./drop-counter.ts";
import type { Pipeline, PipelineStep } from "./load-pipeline.ts";
import { openTeacher } from "./open-teacher.ts";
import { sampleRows } from "./sample-rows.ts";

export interface RunPipelineOptions {
  model: LanguageModel;
  /** Where finished calls are kept; without it nothing is. */
  cacheDirectory?: string;
  seed?: number;
  signal?: AbortSignal;
  retryDelayMs?: number;
}

/** Yields progress counted in model requests. An empty result is a result: its `drops` say what happened. */
export async function* runPipeline(
  seeds: LeafSeeds,
  pipeline: Pipeline,
  options: RunPipelineOptions,
): Work<GeneratedLeaf> {
  const { model, cacheDirectory, signal, seed = 42, retryDelayMs } = options;
  const drops = createDropCounter();
  const preprocessed = sampleRows(seeds);
  const startedAt = performance.now();
  const step = `generate ${seeds.leaf.name}`;
  yield { type: "step-start", stage: "pipeline", step };
  const generated = yield* workFrom<Row[]>(async (emit) => {
    let done = 0;
    let total = 0;
    let current = "";
    const report = () =>
      emit({ type: "step-progress", stage: "pipeline", step, done, total, unit: "requests", note: current });
    const teacher = openTeacher(model, {
      cache: cacheDirectory === undefined ? undefined : openCallCache(cacheDirectory, model.id),
      signal,
      retryDelayMs,
      onCall: () => {
        done += 1;
        report();
      },
    });
    let rows = preprocessed;
    for (const entry of pipeline.steps) {
      throwIfAborted(signal);
      current = entry.name;
      const context: BlockContext = {
        seeds,
        seed,
        ask: teacher.ask,
        expect: (count) => {
          total += count;
          report();
        },
        drop: (row, reason) => drops.add(entry.name, row, reason),
      };
      rows = tidy(await entry.block.run(rows, context), entry, context);
    }
    return rows;
  });
  const seconds = (performance.now() - startedAt) / 1000;
  yield { type: "step-end", stage: "pipeline", step, seconds, note: `${generated.length} rows` };
  return { leaf: seeds.leaf, preprocessed, generated, drops: drops.records() };
}

/** The step's `drop_columns`, then its `drop_duplicates` (the first of equal rows stays). */
function tidy(rows: readonly Row[], { dropColumns, dropDuplicates }: PipelineStep, context: BlockContext): Row[] {
  const seen = new Set<string>();
  const result: Row[] = [];
  for (const row of rows) {
    if (dropDuplicates.length > 0) {
      const key = JSON.stringify(dropDuplicates.map((column) => row[column] ?? null));
      if (seen.has(key)) {
        context.drop(row, `duplicate ${dropDuplicates.join(", ")}`);
        continue;
      }
      seen.add(key);
    }
    result.push(
      dropColumns.length === 0
        ? row
        : Object.fromEntries(Object.entries(row).filter(([column]) => !dropColumns.includes(column))),
    );
  }
  return result;
}
