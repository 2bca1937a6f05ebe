/** What is to be done for every leaf: its rows by kind of seed, the pipeline of each kind. All pipelines are checked before anything is asked. */
import type { LeafKind, LeafSeeds } from "../artifacts.ts";
import { sha256 } from "../util/hash.ts";
import { type LoadPipelineOptions, loadPipeline, type Pipeline } from "./files/load-pipeline.ts";
import { evaluationPipelineFile, type ResolvePipelineOptions, resolvePipeline } from "./files/resolve-pipeline.ts";
import type { LeafPlan } from "./run/run-leaf.ts";
import { rowKinds, sampleColumns, sampleRows } from "./sample-rows.ts";

/** Reads documents without their headings, and is for teachers that cannot write questions with four choices. */
const SENTENCE_BY_SENTENCE = "compact";

export interface LeafPlans {
  leaves: LeafPlan[];
  /** sha256 of what decides the outcome, by name. */
  inputs: Record<string, string>;
  /** What was chosen for the user, and why. */
  notes: string[];
}

export interface PlanLeavesOptions extends LoadPipelineOptions, ResolvePipelineOptions {
  pipeline: string;
}

/** Throws `BAD_PIPELINE`, and `USAGE` for a pipeline that is not there. */
export async function planLeaves(seeds: readonly LeafSeeds[], options: PlanLeavesOptions): Promise<LeafPlans> {
  const loaded = new Map<string, Pipeline>();
  const inputs: Record<string, string> = {};
  const notes = new Set<string>();
  const open = async (file: string, kind: LeafKind, name: string): Promise<Pipeline> => {
    const known = loaded.get(file);
    if (known !== undefined) return known;
    const pipeline = await loadPipeline(file, sampleColumns(kind), options);
    loaded.set(file, pipeline);
    inputs[name] = pipeline.sha256;
    for (const warning of pipeline.warnings) notes.add(warning);
    return pipeline;
  };
  const leaves: LeafPlan[] = [];
  for (const leafSeeds of seeds) {
    const { leaf, chunks } = leafSeeds;
    inputs[leaf.taxonomyPath] = sha256(
      JSON.stringify([leaf.seedExamples, leaf.documentOutline, leaf.taskDescription, leaf.domain, chunks]),
    );
    const plan: LeafPlan = { seeds: leafSeeds, parts: [] };
    for (const kind of rowKinds(leaf)) {
      const { name, file, note } = resolvePipeline(options.pipeline, kind, options);
      if (note !== undefined) notes.add(note);
      const rows = sampleRows(leafSeeds, name !== SENTENCE_BY_SENTENCE);
      plan.parts.push({
        pipeline: await open(file, kind, `pipeline ${kind}`),
        rows: rows.filter((row) => row["leaf_node_type"] === kind),
      });
      if (kind === "knowledge" && name !== SENTENCE_BY_SENTENCE)
        plan.evaluation = { pipeline: await open(evaluationPipelineFile, kind, "pipeline evaluation"), rows };
    }
    leaves.push(plan);
  }
  return { leaves, inputs, notes: [...notes] };
}
