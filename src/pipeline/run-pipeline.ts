/** Rows through one pipeline, without a taxonomy around them. An empty result is a result: its `drops` say what happened. */
import type { DropRecord, LeafSeeds, Row } from "../artifacts.ts";
import type { Work } from "../util/events.ts";
import type { Pipeline } from "./files/load-pipeline.ts";
import { type RunPlansOptions, runPlans } from "./run/run-plans.ts";
import type { Usage } from "./teacher/usage.ts";

export interface RunPipelineOptions extends RunPlansOptions {
  /** The leaf that the rows come from, for blocks that work with its seeds. */
  seeds?: LeafSeeds;
}

export interface PipelineRun {
  rows: Row[];
  drops: DropRecord[];
  usage: Usage;
}

export async function* runPipeline(rows: Row[], pipeline: Pipeline, options: RunPipelineOptions): Work<PipelineRun> {
  const { seeds = { leaf: NO_LEAF, chunks: [] } } = options;
  const { leaves, usage } = yield* runPlans([{ seeds, parts: [{ pipeline, rows }] }], options);
  const { generated, drops } = leaves[0]!;
  return { rows: generated, drops, usage };
}

const NO_LEAF: LeafSeeds["leaf"] = {
  file: "",
  taxonomyPath: "rows",
  name: "rows",
  kind: "knowledge",
  createdBy: "",
  seedExamples: [],
  heldOut: [],
};
