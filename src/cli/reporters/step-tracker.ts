/** Follows one step of work: how much is done, how fast lately, how long it will still take. */
import type { WorkEvent } from "../../util/events.ts";
import { formatAmount, formatDuration, formatProgress } from "./format.ts";

/** Rates are taken over the last this many seconds, so that they follow changes without jumping. */
const WINDOW_SECONDS = 15;

export type ProgressEvent = Extract<WorkEvent, { type: "step-start" | "step-progress" }>;

export interface StepTracker {
  readonly name: string;
  /** 0..1, undefined where the total is not known. */
  fraction(): number | undefined;
  update(event: ProgressEvent): void;
  /** `12/40 samples, 3.1 samples/s, 9 s left, loss 1.2`; empty before the first figure. */
  describe(): string;
}

/** `now` gives seconds from any fixed start. */
export function trackStep(start: ProgressEvent, now: () => number): StepTracker {
  let { total, unit } = start;
  let done = 0;
  let note: string | undefined;
  let hasProgress = false;
  const points: { time: number; done: number }[] = [{ time: now(), done: 0 }];

  function rate(): number | undefined {
    const first = points[0]!;
    const last = points.at(-1)!;
    const seconds = last.time - first.time;
    return seconds >= 0.5 && last.done > first.done ? (last.done - first.done) / seconds : undefined;
  }

  return {
    name: start.step,
    fraction: () => (total === undefined || total <= 0 ? undefined : done / total),
    update(event) {
      if (event.type === "step-progress") {
        // What a resumed download already had is not speed: the first figure is where counting starts.
        if (!hasProgress) points[0]!.done = event.done <= (event.total ?? total ?? 0) * 0.02 ? 0 : event.done;
        hasProgress = true;
        done = event.done;
        note = event.note ?? note;
      }
      total = event.total ?? total;
      unit = event.unit ?? unit;
      const time = now();
      points.push({ time, done });
      while (points.length > 2 && time - points[0]!.time > WINDOW_SECONDS) points.shift();
    },
    describe() {
      if (!hasProgress) return note ?? "";
      const parts = [formatProgress(done, total, unit)];
      const speed = rate();
      if (speed !== undefined) {
        if (unit !== undefined) parts.push(`${formatAmount(speed, unit)}/s`);
        if (total !== undefined && done < total) parts.push(`${formatDuration((total - done) / speed)} left`);
      }
      if (note !== undefined && note !== "") parts.push(note);
      return parts.join(", ");
    },
  };
}
