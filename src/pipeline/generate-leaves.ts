/** Runs every leaf through its pipelines. One empty leaf does not stop the others. */
import type { GeneratedLeaf, LeafSeeds } from "../artifacts.ts";
import { IlabError } from "../util/errors.ts";
import type { Work, WorkEvent } from "../util/events.ts";
import { describeEmptyLeaf, hasPairs } from "./describe-empty-leaf.ts";
import { type PlanLeavesOptions, planLeaves } from "./plan-leaves.ts";
import { removeDuplicates } from "./run/remove-duplicates.ts";
import { type PlansRun, type RunPlansOptions, runPlans } from "./run/run-plans.ts";

export interface GenerateLeavesOptions extends Omit<PlanLeavesOptions, "teacher">, RunPlansOptions {}

export interface GeneratedLeaves extends PlansRun {
  /** sha256 of what decided the outcome, by name. */
  inputs: Record<string, string>;
}

/** Throws `GENERATED_NOTHING` when every leaf stays empty, `BAD_PIPELINE`, and what `runPlans` throws. */
export async function* generateLeaves(
  seeds: readonly LeafSeeds[],
  options: GenerateLeavesOptions,
): Work<GeneratedLeaves> {
  const { model } = options;
  const teacher = { name: model.id };
  const { leaves: plans, inputs, notes } = await planLeaves(seeds, { ...options, teacher });
  for (const text of notes) yield { type: "message", stage: "pipeline", level: "info", text };
  const made = yield* runPlans(plans, options);
  const leaves = removeDuplicates(made.leaves);
  yield* reportLeaves(leaves, seeds);
  return { ...made, leaves, inputs };
}

function* reportLeaves(leaves: readonly GeneratedLeaf[], seeds: readonly LeafSeeds[]): Generator<WorkEvent> {
  const message = (level: "info" | "warning", text: string): WorkEvent => {
    return { type: "message", stage: "pipeline", level, text };
  };
  const empty: string[] = [];
  for (const [index, made] of leaves.entries()) {
    for (const { block, reason, count } of made.drops)
      yield message("info", `${made.leaf.name}: ${block} dropped ${count}: ${reason}`);
    if (hasPairs(made)) continue;
    const text = describeEmptyLeaf(made, seeds[index]!);
    empty.push(text);
    yield message("warning", text);
  }
  if (empty.length < leaves.length) return;
  throw new IlabError({
    code: "GENERATED_NOTHING",
    message: leaves.length === 0 ? "there is no leaf to generate from" : `nothing was generated:\n${empty.join("\n")}`,
    hint: "Try --pipeline auto, which suits the pipeline to the teacher's size, or a larger teacher (--model, --endpoint-url). Seed examples that say each fact in one plain sentence help, too.",
  });
}
