/** Leaves through their pipelines with one teacher, which all of them share: progress, the call cache, what the teacher was asked. */
import type { GeneratedLeaf } from "../../artifacts.ts";
import type { LanguageModel } from "../../llm/language-model.ts";
import type { Work } from "../../util/events.ts";
import { workFrom } from "../../util/work-from.ts";
import { openCallCache } from "../teacher/call-cache.ts";
import { openTeacher, type Teacher } from "../teacher/open-teacher.ts";
import { keepTeacherSpeed } from "../teacher/teacher-speed.ts";
import { addUsage, noUsage, type Usage } from "../teacher/usage.ts";
import { createProgress, type GenerationProgress, type ProgressNow } from "./generation-progress.ts";
import { estimateCalls } from "./rehearse-leaves.ts";
import { type LeafPlan, type LeafRunning, runLeaf } from "./run-leaf.ts";

export interface RunPlansOptions {
  model: LanguageModel;
  /** Where finished calls are kept; without it none is. */
  cacheDirectory?: string;
  seed?: number;
  /** Requests in flight; what the model says it can use by default. */
  concurrency?: number;
  signal?: AbortSignal;
}

export interface PlansRun {
  leaves: GeneratedLeaf[];
  /** Seconds per leaf. */
  timings: Record<string, number>;
  usage: Usage;
}

/** Throws `TEACHER_LOST`, `BLOCK_FAILED`, `CALL_NOT_KEPT`, `CANCELLED`. */
export async function* runPlans(plans: readonly LeafPlan[], options: RunPlansOptions): Work<PlansRun> {
  const { model, cacheDirectory, seed = 42 } = options;
  const step = plans.length === 1 ? `generate ${plans[0]!.seeds.leaf.name}` : `generate ${plans.length} leaves`;
  const startedAt = performance.now();
  yield { type: "step-start", stage: "pipeline", step };
  using cache = cacheDirectory === undefined ? undefined : openCallCache(cacheDirectory);
  const made = yield* workFrom(async (emit) => {
    // A run that fails at one place ends its requests at all others.
    const stop = new AbortController();
    const signal = options.signal === undefined ? stop.signal : AbortSignal.any([options.signal, stop.signal]);
    const running: LeafRunning[] = [];
    const progress = createProgress(plans.length, running, () =>
      estimateCalls(plans, { modelIdentity: model.identity, cache, seed, signal }),
    );
    const show = (now: ProgressNow | undefined) => {
      if (now !== undefined) emit({ type: "step-progress", stage: "pipeline", step, unit: "requests", ...now });
    };
    const { concurrency } = options;
    const teacher = openTeacher(model, { cache, signal, concurrency, onCall: () => show(progress.count()) });
    try {
      const made = await runAll(plans, teacher, seed, { running, progress });
      teacher.requireAnswers();
      show(progress.now());
      return made;
    } finally {
      stop.abort();
    }
  });
  const { usage } = made;
  const rows = made.leaves.reduce((sum, { generated }) => sum + generated.length, 0);
  const seconds = (performance.now() - startedAt) / 1000;
  yield { type: "step-end", stage: "pipeline", step, seconds, note: `${rows} rows, ${describeUsage(usage)}` };
  if (cacheDirectory !== undefined) await keepTeacherSpeed(cacheDirectory, model.id, usage, seconds);
  return made;
}

async function runAll(
  plans: readonly LeafPlan[],
  teacher: Teacher,
  seed: number,
  { running, progress }: { running: LeafRunning[]; progress: GenerationProgress },
): Promise<PlansRun> {
  const timings: Record<string, number> = {};
  const ends: Promise<GeneratedLeaf>[] = [];
  for (const plan of plans) {
    const { leaf } = plan.seeds;
    const startedAt = performance.now();
    const leafRunning = runLeaf(plan, teacher, seed);
    running.push(leafRunning);
    const { usage, started, finished } = leafRunning;
    const made = finished.then(({ generated, evaluationRows, drops }): GeneratedLeaf => {
      timings[leaf.taxonomyPath] = (performance.now() - startedAt) / 1000;
      progress.leavesDone += 1;
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
    ends.push(made);
    // Rows of this leaf first; the next one fills the places that they leave.
    await started;
    // Blocks that work on whole tables ask now.
    await new Promise((resolve) => setImmediate(resolve));
    await teacher.room();
  }
  const leaves = await Promise.all(ends);
  return { leaves, timings, usage: running.map(({ usage }) => usage).reduce(addUsage, noUsage()) };
}

function describeUsage({ requests, fromCache, shared }: Usage): string {
  const saved = [
    ...(fromCache > 0 ? [`${fromCache} from the cache`] : []),
    ...(shared > 0 ? [`${shared} equal to others`] : []),
  ];
  return `${requests} requests${saved.length === 0 ? "" : ` (${saved.join(", ")})`}`;
}
