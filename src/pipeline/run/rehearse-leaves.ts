/** What a run would ask of its teacher, found by running its own pipelines without asking. */
import type { CallCache } from "../teacher/call-cache.ts";
import { openRehearsingTeacher } from "../teacher/rehearsing-teacher.ts";
import type { Usage } from "../teacher/usage.ts";
import { type LeafPlan, runLeaf } from "./run-leaf.ts";

export interface LeafRehearsal {
  leaf: string;
  /** Rows that would come out if every filter let everything pass. */
  rows: number;
  usage: Usage;
}

export interface RehearsalOptions {
  modelIdentity: string;
  cache?: CallCache;
  seed: number;
  signal?: AbortSignal;
}

export async function rehearseLeaves(plans: readonly LeafPlan[], options: RehearsalOptions): Promise<LeafRehearsal[]> {
  const teacher = openRehearsingTeacher(options.modelIdentity, options.cache, options.signal);
  const rehearsals: LeafRehearsal[] = [];
  for (const plan of plans) {
    const { usage, finished } = runLeaf(plan, teacher, options.seed);
    const { generated } = await finished;
    rehearsals.push({ leaf: plan.seeds.leaf.taxonomyPath, rows: generated.length, usage });
  }
  return rehearsals;
}

/** Leaves and rows of each that stand for all others in `estimateCalls`. */
const LEAVES = 12;
const ROWS = 40;

/** About how many answers a run will need, from the cache or not: from its first leaves and rows. */
export async function estimateCalls(plans: readonly LeafPlan[], options: RehearsalOptions): Promise<number> {
  const rowsOf = (list: readonly LeafPlan[]) =>
    list.flatMap(({ parts }) => parts).reduce((sum, { rows }) => sum + rows.length, 0);
  const some = plans.slice(0, LEAVES).map((plan) => ({
    ...plan,
    parts: plan.parts.map((part) => ({ ...part, rows: part.rows.slice(0, ROWS) })),
    evaluation: plan.evaluation && { ...plan.evaluation, rows: plan.evaluation.rows.slice(0, ROWS) },
  }));
  const rehearsals = await rehearseLeaves(some, options);
  const calls = rehearsals.reduce((sum, { usage }) => sum + usage.requests + usage.fromCache + usage.shared, 0);
  return Math.round((calls * rowsOf(plans)) / Math.max(1, rowsOf(some)));
}
