/** How far a generation is, for the progress line: answers so far, an estimate of all, and what came of them. */
import type { LeafRunning } from "./run-leaf.ts";

export interface ProgressNow {
  done: number;
  /** Absent until the estimate is there. */
  total: number | undefined;
  note: string;
}

export interface GenerationProgress {
  leavesDone: number;
  /** Counts an answer; gives the state when it is time to show it again. */
  count(): ProgressNow | undefined;
  now(): ProgressNow;
}

const MS_BETWEEN = 100;
/** A run that ends before needs no estimate. */
const MS_BEFORE_ESTIMATE = 1500;

/** @param estimate asked for once, when the run turns out to take a while. @param running the leaves begun so far. */
export function createProgress(
  leaves: number,
  running: readonly LeafRunning[],
  estimate: () => Promise<number>,
): GenerationProgress {
  const startedAt = performance.now();
  let shownAt = startedAt;
  let done = 0;
  let total: number | undefined;
  let isAsked = false;
  const progress: GenerationProgress = {
    leavesDone: 0,
    now() {
      const tokens = running.reduce((sum, { usage }) => sum + usage.completionTokens, 0);
      const samples = running.reduce((sum, leaf) => sum + leaf.samples(), 0);
      const perSecond = Math.round(tokens / Math.max(0.001, (performance.now() - startedAt) / 1000));
      const note = `${progress.leavesDone}/${leaves} leaves, ${samples} samples, ${perSecond} tokens/s`;
      return { done, total: total === undefined ? undefined : Math.max(total, done), note };
    },
    count() {
      done += 1;
      const at = performance.now();
      if (!isAsked && at - startedAt > MS_BEFORE_ESTIMATE) {
        isAsked = true;
        // An estimate that fails leaves the progress without a total.
        estimate().then(
          (calls) => {
            total = calls;
          },
          () => {},
        );
      }
      if (at - shownAt < MS_BETWEEN) return undefined;
      shownAt = at;
      return progress.now();
    },
  };
  return progress;
}
