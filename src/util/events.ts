/**
 * Typed events of long work. Stages are async generators of these; the terminal, the JSONL log, server-sent events and
 * tests are their readers, so a stage never prints.
 */

export type Stage =
  | "models"
  | "taxonomy"
  | "seeds"
  | "pipeline"
  | "datasets"
  | "training"
  | "checkpoints"
  | "evaluation"
  | "build";

export type WorkEvent =
  /** A step begins; `total` counts `unit`s when it is known. */
  | { type: "step-start"; stage: Stage; step: string; total?: number; unit?: string }
  /** `done` of `total` so far; `note` is shown beside the bar (loss, rate, file). */
  | { type: "step-progress"; stage: Stage; step: string; done: number; total?: number; unit?: string; note?: string }
  | { type: "step-end"; stage: Stage; step: string; seconds: number; note?: string }
  /** One line worth reading later: a source passed over, rows dropped. */
  | { type: "message"; stage: Stage; level: "info" | "warning"; text: string }
  /** Numbers for logs and charts: loss, tokens per second. */
  | { type: "metrics"; stage: Stage; step: number; values: Record<string, number> };

/** Long work: yields events, returns its result. */
export type Work<Result> = AsyncGenerator<WorkEvent, Result, void>;

/** Runs work to its end, handing every event to `onEvent`, and returns the result. */
export async function runWork<Result>(
  work: Work<Result>,
  onEvent: (event: WorkEvent) => void = () => {},
): Promise<Result> {
  for (;;) {
    const next = await work.next();
    if (next.done) return next.value;
    onEvent(next.value);
  }
}
