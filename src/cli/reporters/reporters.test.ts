/** What people and scripts see of the same events. */
import { expect, test } from "vitest";
import type { WorkEvent } from "../../util/events.ts";
import { createReporter } from "./create-reporter.ts";
import { formatBar, formatBytes, formatDuration } from "./format.ts";
import { formatTable } from "./format-table.ts";

interface Screen {
  stdout: string;
  stderr: string;
}

/** Plays events one second apart; gives what was written. */
function play(mode: { json?: boolean; verbose?: boolean; isTTY?: boolean }, events: WorkEvent[], columns = 80): Screen {
  const screen: Screen = { stdout: "", stderr: "" };
  let seconds = 0;
  const reporter = createReporter({
    json: mode.json ?? false,
    verbose: mode.verbose ?? false,
    now: () => seconds,
    stdout: {
      write(text) {
        screen.stdout += text;
      },
    },
    stderr: {
      write(text) {
        screen.stderr += text;
      },
      isTTY: mode.isTTY ?? false,
      columns,
    },
  });
  for (const event of events) {
    reporter.event(event);
    seconds += 1;
  }
  reporter.print("the text");
  reporter.result({ answer: 42 });
  reporter.close(true);
  return screen;
}

/** What a terminal shows in the end: carriage return goes to the line's start, ESC[K clears to its end. */
function shown(written: string): string[] {
  return written.split("\n").map((line) => {
    let text = "";
    let column = 0;
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what terminals are steered with
    for (const piece of line.replace(/\u001b\[\d+m/g, "").split(/(\r|\u001b\[K)/)) {
      if (piece === "\r") column = 0;
      else if (piece === "\u001b[K") text = text.slice(0, column);
      else {
        text = text.slice(0, column) + piece + text.slice(column + piece.length);
        column += piece.length;
      }
    }
    return text;
  });
}

const start: WorkEvent = { type: "step-start", stage: "training", step: "train", total: 100, unit: "steps" };
const progress = (done: number, note?: string): WorkEvent => ({
  type: "step-progress",
  stage: "training",
  step: "train",
  done,
  note,
});
const end: WorkEvent = { type: "step-end", stage: "training", step: "train", seconds: 75, note: "loss 0.1" };
const warning: WorkEvent = { type: "message", stage: "training", level: "warning", text: "careful" };

test("plain: one line at the start, one at the end, and at most one every ten seconds between", () => {
  const events = [start, ...Array.from({ length: 25 }, (_, index) => progress(index * 2, "loss 1")), end, warning];
  const lines = play({}, events).stderr.trimEnd().split("\n");
  expect(lines).toEqual([
    "train ...",
    expect.stringMatching(/^train: 18\/100 steps, 1\.\d+ steps\/s, \d+ s left, loss 1$/),
    expect.stringMatching(/^train: 38\/100 steps, 2 steps\/s, 31 s left, loss 1$/),
    "train: done in 1 min 15 s, loss 0.1",
    "warning: careful",
  ]);
  expect(play({}, events).stdout).toBe("the text\n");
});

test("pretty: what stays on the screen is one line per finished step and message, the output on stdout", () => {
  const screen = play({ isTTY: true }, [start, progress(10), warning, progress(50), end]);
  expect(shown(screen.stderr)).toEqual(["! careful", "✓ train  1 min 15 s  loss 0.1", ""]);
  expect(screen.stdout).toBe("the text\n");
});

test("pretty: the line shows bar, share, rate and time left, is one write, and never fills the last column", () => {
  const writes: string[] = [];
  let seconds = 0;
  const reporter = createReporter({
    json: false,
    verbose: false,
    now: () => seconds,
    stdout: { write: () => {} },
    stderr: { write: (text) => void writes.push(text), isTTY: true, columns: 60 },
  });
  reporter.event(start);
  for (seconds = 1; seconds <= 20; seconds++)
    reporter.event(progress(seconds, "a long note that goes on and on and on"));
  reporter.event(warning);
  const line = writes.at(-1)!;
  expect(line).toMatch(/^\r██░░░░░░░░ {2}20 % train {2}20\/100 steps, 1 steps\/s, 1 min/);
  expect(shown(line)[0]!.length).toBe(59);
  reporter.close(true);
  expect(shown(writes.join("")).at(-1)).toBe("");
});

test("json: stdout carries the result alone; events go to stderr when asked for", () => {
  const quiet = play({ json: true }, [start, progress(10), warning, end]);
  expect(JSON.parse(quiet.stdout)).toEqual({ answer: 42 });
  expect(quiet.stderr).toBe("warning: careful\n");
  const loud = play({ json: true, verbose: true, isTTY: true }, [start, progress(10), warning, end]);
  expect(
    loud.stderr
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line)),
  ).toEqual([start, progress(10), warning, end].map((event) => JSON.parse(JSON.stringify(event))));
});

test("what a resumed download already had does not count as speed", () => {
  const bytes = (done: number): WorkEvent => ({
    type: "step-progress",
    stage: "models",
    step: "download",
    done,
    total: 100e6,
    unit: "bytes",
  });
  const events = [
    { type: "step-start", stage: "models", step: "download", total: 100e6, unit: "bytes" } as WorkEvent,
    ...Array.from({ length: 12 }, (_, index) => bytes(80e6 + index * 1e6)),
  ];
  expect(play({}, events).stderr).toMatch(
    /download: 89\.0 MB of 100 MB, 1\.0 MB\/s|download: 89\.0 MB of 100 MB, 900 kB\/s/,
  );
});

test("quantities", () => {
  expect([0.04, 9.94, 9.96, 59.6, 185, 3725, Number.NaN].map(formatDuration)).toEqual([
    "0.0 s",
    "9.9 s",
    "10 s",
    "1 min 00 s",
    "3 min 05 s",
    "1 h 02 min",
    "?",
  ]);
  expect([12, 999, 1000, 98_362_432, 999_600, 4.2e9].map(formatBytes)).toEqual([
    "12 B",
    "999 B",
    "1.0 kB",
    "98.4 MB",
    "1.0 MB",
    "4.2 GB",
  ]);
  expect([0, 0.5, 0.99, 1, 7].map((fraction) => formatBar(fraction, 4))).toEqual([
    "░░░░",
    "██░░",
    "████",
    "████",
    "████",
  ]);
  expect(formatTable(["a", "long"], [["wide cell", "x"], ["b"]])).toBe(
    "a          long\n---------  ----\nwide cell  x\nb",
  );
});
