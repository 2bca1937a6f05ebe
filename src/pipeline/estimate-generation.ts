/** What a generation would ask of its teacher: calls and tokens by leaf, time and cost, without asking anything. */
import type { LeafSeeds, TeacherUsage } from "../artifacts.ts";
import type { GenerateLeavesOptions } from "./generate-leaves.ts";
import { planLeaves } from "./plan-leaves.ts";
import { rehearseLeaves } from "./run/rehearse-leaves.ts";
import { openCallCache } from "./teacher/call-cache.ts";
import { readTeacherSpeed } from "./teacher/teacher-speed.ts";
import { addUsage, noUsage } from "./teacher/usage.ts";

export interface EstimateGenerationOptions extends GenerateLeavesOptions {
  /** Of a million tokens read and written, in any currency. */
  prices?: { prompt: number; completion: number };
}

export interface GenerationEstimate {
  /** What was chosen for the user, and why. */
  notes: string[];
  leaves: { leaf: string; rows: number; usage: TeacherUsage }[];
  usage: TeacherUsage;
  /** From the speed of the last run with this teacher; undefined when there was none. */
  seconds?: number;
  cost?: number;
}

export async function estimateGeneration(
  seeds: readonly LeafSeeds[],
  options: EstimateGenerationOptions,
): Promise<GenerationEstimate> {
  const { model, cacheDirectory, seed = 42, prices, signal } = options;
  const plans = await planLeaves(seeds, { ...options, teacher: { name: model.id } });
  using cache = cacheDirectory === undefined ? undefined : openCallCache(cacheDirectory);
  const leaves = await rehearseLeaves(plans.leaves, { modelIdentity: model.identity, cache, seed, signal });
  const usage = leaves.map((leaf) => leaf.usage).reduce(addUsage, noUsage());
  const { promptTokens, completionTokens } = usage;
  const speed = cacheDirectory === undefined ? undefined : await readTeacherSpeed(cacheDirectory, model.id);
  return {
    notes: plans.notes,
    leaves,
    usage,
    seconds: speed === undefined ? undefined : (promptTokens + completionTokens) / speed,
    cost: prices && (promptTokens * prices.prompt + completionTokens * prices.completion) / 1e6,
  };
}
