/** For logs and pipes: one line when a step starts, one when it ends, and between them at most one every ten seconds. */
import { formatDuration } from "./format.ts";
import { type ClosableReporter, monotonicSeconds, type ReporterOptions } from "./output.ts";
import { type StepTracker, trackStep } from "./step-tracker.ts";

const SECONDS_BETWEEN_LINES = 10;

export function createPlainReporter({ stdout, stderr, now = monotonicSeconds }: ReporterOptions): ClosableReporter {
  const steps = new Map<string, { tracker: StepTracker; lastLineAt: number }>();
  return {
    event(event) {
      switch (event.type) {
        case "step-start":
          steps.set(event.step, { tracker: trackStep(event, now), lastLineAt: now() });
          stderr.write(`${event.step} ...\n`);
          break;
        case "step-progress": {
          let step = steps.get(event.step);
          if (step === undefined) {
            step = { tracker: trackStep(event, now), lastLineAt: now() };
            steps.set(event.step, step);
          }
          step.tracker.update(event);
          if (now() - step.lastLineAt < SECONDS_BETWEEN_LINES) break;
          step.lastLineAt = now();
          stderr.write(`${event.step}: ${step.tracker.describe()}\n`);
          break;
        }
        case "step-end":
          steps.delete(event.step);
          stderr.write(
            `${event.step}: done in ${formatDuration(event.seconds)}${event.note === undefined ? "" : `, ${event.note}`}\n`,
          );
          break;
        case "message":
          stderr.write(event.level === "warning" ? `warning: ${event.text}\n` : `${event.text}\n`);
          break;
        case "metrics":
          break;
      }
    },
    print: (text) => stdout.write(`${text}\n`),
    warn: (text) => stderr.write(`warning: ${text}\n`),
    result() {},
    close() {},
  };
}
