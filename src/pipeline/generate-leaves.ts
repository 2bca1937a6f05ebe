/** Runs every leaf through its pipeline: all pipelines are checked before the first request, and one empty leaf does not stop the others. */
import type { GeneratedLeaf, LeafSeeds } from "../artifacts.ts";
import type { LanguageModel } from "../llm/language-model.ts";
import { IlabError } from "../util/errors.ts";
import type { Work } from "../util/events.ts";
import { sha256 } from "../util/hash.ts";
import { loadPipeline, type Pipeline } from "./load-pipeline.ts";
import { resolvePipeline } from "./resolve-pipeline.ts";
import { runPipeline } from "./run-pipeline.ts";
import { sampleColumns } from "./sample-rows.ts";

export interface GenerateLeavesOptions {
  model: LanguageModel;
  pipeline: string;
  cacheDirectory?: string;
  seed?: number;
  signal?: AbortSignal;
}

export interface GeneratedLeaves {
  leaves: GeneratedLeaf[];
  /** sha256 of what decided the outcome, by name. */
  inputs: Record<string, string>;
  /** Seconds per leaf. */
  timings: Record<string, number>;
}

export async function* generateLeaves(
  seeds: readonly LeafSeeds[],
  options: GenerateLeavesOptions,
): Work<GeneratedLeaves> {
  const pipelines = new Map<string, Pipeline>();
  const inputs: Record<string, string> = {};
  for (const { leaf } of seeds) {
    if (pipelines.has(leaf.kind)) continue;
    const loaded = await loadPipeline(resolvePipeline(options.pipeline, leaf.kind), sampleColumns(leaf.kind));
    pipelines.set(leaf.kind, loaded);
    inputs[`pipeline ${leaf.kind}`] = loaded.sha256;
  }
  const leaves: GeneratedLeaf[] = [];
  const timings: Record<string, number> = {};
  const empty: string[] = [];
  for (const leafSeeds of seeds) {
    const { leaf } = leafSeeds;
    inputs[leaf.taxonomyPath] = sha256(
      JSON.stringify([leaf.seedExamples, leaf.documentOutline, leaf.taskDescription, leaf.domain, leafSeeds.chunks]),
    );
    const startedAt = performance.now();
    const made = yield* runPipeline(leafSeeds, pipelines.get(leaf.kind)!, options);
    timings[leaf.taxonomyPath] = (performance.now() - startedAt) / 1000;
    for (const { block, reason, count } of made.drops)
      yield {
        type: "message",
        stage: "pipeline",
        level: "info",
        text: `${leaf.name}: ${block} dropped ${count}: ${reason}`,
      };
    leaves.push(made);
    if (hasPairs(made)) continue;
    const text = whyEmpty(made, leafSeeds);
    empty.push(text);
    yield { type: "message", stage: "pipeline", level: "warning", text };
  }
  if (empty.length === leaves.length)
    throw new IlabError({
      code: "GENERATED_NOTHING",
      message:
        leaves.length === 0 ? "there is no leaf to generate from" : `nothing was generated:\n${empty.join("\n")}`,
      hint: "A larger teacher (--model, --endpoint-url) writes more; so do seed examples that say each fact in one plain sentence.",
    });
  return { leaves, inputs, timings };
}

/** What every sentence gives by itself, without a teacher; it does not count as yield. */
const withoutTeacher = ["sentence", "about", "echo", "keywords"];

function hasPairs({ generated }: GeneratedLeaf): boolean {
  return generated.some((row) => !withoutTeacher.includes(String(row["dataset_type"])));
}

function whyEmpty({ leaf, preprocessed, drops }: GeneratedLeaf, { chunks }: LeafSeeds): string {
  const start = `${leaf.taxonomyPath}: no question and answer came out`;
  if (leaf.kind === "knowledge" && chunks.length === 0) return `${start}, because its documents hold no text.`;
  const worst = [...drops].sort((a, b) => b.count - a.count)[0];
  if (worst === undefined) return `${start} of ${preprocessed.length} rows: the teacher wrote none.`;
  const total = drops.reduce((sum, { count }) => sum + count, 0);
  const { question, response, completion } = worst.example;
  const shown = question === undefined ? completion : `${question} ${response ?? ""}`;
  const example = shown === undefined || shown === null ? "" : ` (such as: ${String(shown).trim().slice(0, 160)})`;
  return `${start}: block '${worst.block}' dropped ${worst.count} of ${total} rows, because ${worst.reason}${example}.`;
}
