/**
 * For terminals: one progress line on stderr, rewritten in place (one write per change, so it does not flicker), and a line that
 * stays for every finished step.
 */
import { styleText } from "node:util";
import { formatBar, formatDuration } from "./format.ts";
import { type ClosableReporter, monotonicSeconds, type ReporterOptions } from "./output.ts";
import { type StepTracker, trackStep } from "./step-tracker.ts";

const REDRAW_MS = 100;
const BAR_CELLS = 24;
const CLEAR_LINE = "\r\u001b[K";
const spinner = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];

export function createPrettyReporter(options: ReporterOptions): ClosableReporter {
  const { stdout, stderr, now = monotonicSeconds } = options;
  /** Running steps; the newest is the one that the line shows. */
  const steps = new Map<string, { tracker: StepTracker; startedAt: number }>();
  let shownLine = "";
  let timer: NodeJS.Timeout | undefined;
  let tick = 0;

  const paint = (format: "green" | "yellow" | "dim" | "bold", text: string) =>
    stderr.isTTY && process.env["NO_COLOR"] === undefined ? styleText(format, text, { validateStream: false }) : text;

  function currentLine(): string {
    const step = [...steps.values()].at(-1);
    if (step === undefined) return "";
    // Some pseudo-terminals say 0.
    const columns = stderr.columns || 80;
    const fraction = step.tracker.fraction();
    const elapsed = formatDuration(now() - step.startedAt);
    const details = step.tracker.describe() || elapsed;
    const head =
      fraction === undefined
        ? spinner[tick % spinner.length]!
        : `${formatBar(fraction, columns < 70 ? 10 : BAR_CELLS)} ${String(Math.floor(fraction * 100)).padStart(3)} %`;
    // One cell is left free: a full line would wrap and could no longer be cleared.
    return `${head} ${step.tracker.name}  ${details}`.slice(0, columns - 1);
  }

  function draw(): void {
    tick += 1;
    const line = currentLine();
    if (line === shownLine) return;
    stderr.write(`\r${line}\u001b[K`);
    shownLine = line;
  }

  function clear(): string {
    const prefix = shownLine === "" ? "" : CLEAR_LINE;
    shownLine = "";
    return prefix;
  }

  function keepLine(text: string): void {
    stderr.write(`${clear()}${text}\n`);
    if (steps.size > 0) draw();
  }

  function setTimer(): void {
    if (steps.size > 0 && timer === undefined) timer = setInterval(draw, REDRAW_MS).unref();
    if (steps.size === 0 && timer !== undefined) {
      clearInterval(timer);
      timer = undefined;
    }
  }

  return {
    event(event) {
      switch (event.type) {
        case "step-start":
        case "step-progress": {
          let step = steps.get(event.step);
          if (step === undefined || event.type === "step-start") {
            step = { tracker: trackStep(event, now), startedAt: now() };
            steps.delete(event.step);
            steps.set(event.step, step);
            draw();
            setTimer();
          }
          step.tracker.update(event);
          break;
        }
        case "step-end": {
          steps.delete(event.step);
          setTimer();
          const note = event.note === undefined ? "" : `  ${event.note}`;
          keepLine(`${paint("green", "✓")} ${event.step}  ${paint("dim", `${formatDuration(event.seconds)}${note}`)}`);
          break;
        }
        case "message":
          keepLine(event.level === "warning" ? `${paint("yellow", "!")} ${event.text}` : `  ${event.text}`);
          break;
        case "metrics":
          break;
      }
    },
    print(text) {
      stderr.write(clear());
      stdout.write(`${text}\n`);
      if (steps.size > 0) draw();
    },
    warn: (text) => keepLine(`${paint("yellow", "warning:")} ${text}`),
    result() {},
    close() {
      steps.clear();
      setTimer();
      stderr.write(clear());
    },
  };
}
