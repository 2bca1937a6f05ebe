/** Runs every leaf through its pipelines with one teacher. One empty leaf does not stop the others. */
import type { GeneratedLeaf, LeafSeeds } from "../artifacts.ts";
import type { LanguageModel } from "../llm/language-model.ts";
import { IlabError } from "../util/errors.ts";
import type { Work, WorkEvent } from "../util/events.ts";
import { workFrom } from "../util/work-from.ts";
import { openCallCache } from "./call-cache.ts";
import { describeEmptyLeaf, hasPairs } from "./describe-empty-leaf.ts";
import { createProgress, type GenerationProgress, type ProgressNow } from "./generation-progress.ts";
import { openTeacher, type Teacher } from "./open-teacher.ts";
import { type PlanLeavesOptions, planLeaves } from "./plan-leaves.ts";
import { estimateCalls } from "./rehearse-leaves.ts";
import { removeDuplicates } from "./remove-duplicates.ts";
import { type LeafPlan, runLeaf } from "./run-leaf.ts";
import { keepTeacherSpeed } from "./teacher-speed.ts";
import { addUsage, noUsage, type Usage } from "./usage.ts";

export interface GenerateLeavesOptions extends Omit<PlanLeavesOptions, "teacher"> {
  model: LanguageModel;
  /** Where finished calls are kept; without it none is. */
  cacheDirectory?: string;
  seed?: number;
  /** Requests in flight; what the model says it can use by default. */
  concurrency?: number;
  signal?: AbortSignal;
}

export interface GeneratedLeaves {
  leaves: GeneratedLeaf[];
  /** sha256 of what decided the outcome, by name. */
  inputs: Record<string, string>;
  /** Seconds per leaf. */
  timings: Record<string, number>;
  usage: Usage;
}

/** Throws `GENERATED_NOTHING` when every leaf stays empty, `TEACHER_LOST`, `BAD_PIPELINE`, `CANCELLED`. */
export async function* generateLeaves(
  seeds: readonly LeafSeeds[],
  options: GenerateLeavesOptions,
): Work<GeneratedLeaves> {
  const { model, cacheDirectory, seed = 42 } = options;
  const {
    leaves: plans,
    inputs,
    notes,
  } = await planLeaves(seeds, { ...options, teacher: { name: model.id, parameters: model.parameters } });
  for (const text of notes) yield { type: "message", stage: "pipeline", level: "info", text };
  const step = plans.length === 1 ? `generate ${plans[0]!.seeds.leaf.name}` : `generate ${plans.length} leaves`;
  const startedAt = performance.now();
  yield { type: "step-start", stage: "pipeline", step };
  using cache = cacheDirectory === undefined ? undefined : openCallCache(cacheDirectory);
  const { leaves, timings, usage } = yield* workFrom(async (emit) => {
    // A run that fails at one place ends its requests at all others.
    const stop = new AbortController();
    const signal = options.signal === undefined ? stop.signal : AbortSignal.any([options.signal, stop.signal]);
    const usages: Usage[] = [];
    const progress = createProgress(plans.length, usages, () =>
      estimateCalls(plans, { modelId: model.id, cache, seed, signal }),
    );
    const show = (now: ProgressNow | undefined) => {
      if (now !== undefined) emit({ type: "step-progress", stage: "pipeline", step, unit: "requests", ...now });
    };
    const { concurrency } = options;
    const teacher = openTeacher(model, { cache, signal, concurrency, onCall: () => show(progress.count()) });
    try {
      const made = await runAll(plans, teacher, seed, { usages, progress });
      show(progress.now());
      return made;
    } finally {
      stop.abort();
    }
  });
  const rows = leaves.reduce((sum, { generated }) => sum + generated.length, 0);
  const seconds = (performance.now() - startedAt) / 1000;
  yield { type: "step-end", stage: "pipeline", step, seconds, note: `${rows} rows, ${describeUsage(usage)}` };
  if (cacheDirectory !== undefined) await keepTeacherSpeed(cacheDirectory, model.id, usage, seconds);
  yield* reportLeaves(leaves, seeds);
  return { leaves, inputs, timings, usage };
}

async function runAll(
  plans: readonly LeafPlan[],
  teacher: Teacher,
  seed: number,
  { usages, progress }: { usages: Usage[]; progress: GenerationProgress },
): Promise<Pick<GeneratedLeaves, "leaves" | "timings" | "usage">> {
  const timings: Record<string, number> = {};
  const running: Promise<GeneratedLeaf>[] = [];
  for (const plan of plans) {
    const { leaf } = plan.seeds;
    const startedAt = performance.now();
    const { usage, started, finished } = runLeaf(plan, teacher, seed);
    usages.push(usage);
    const made = finished.then(({ generated, evaluationRows, drops }): GeneratedLeaf => {
      timings[leaf.taxonomyPath] = (performance.now() - startedAt) / 1000;
      progress.leavesDone += 1;
      progress.samples += generated.length;
      return {
        leaf,
        preprocessed: plan.parts.flatMap(({ rows }) => rows),
        generated,
        drops,
        evaluationRows,
        auxiliaryInstructions: Object.assign({}, ...plan.parts.map(({ pipeline }) => pipeline.auxiliaryInstructions)),
        usage,
      };
    });
    made.catch(() => {});
    running.push(made);
    // Rows of this leaf first; the next one fills the places that they leave.
    await started;
    await teacher.room();
  }
  const leaves = removeDuplicates(await Promise.all(running));
  return { leaves, timings, usage: usages.reduce(addUsage, noUsage()) };
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
    hint: "A larger teacher (--model, --endpoint-url) writes more; so do seed examples that say each fact in one plain sentence.",
  });
}

function describeUsage({ requests, fromCache, shared }: Usage): string {
  const saved = [
    ...(fromCache > 0 ? [`${fromCache} from the cache`] : []),
    ...(shared > 0 ? [`${shared} equal to others`] : []),
  ];
  return `${requests} requests${saved.length === 0 ? "" : ` (${saved.join(", ")})`}`;
}
