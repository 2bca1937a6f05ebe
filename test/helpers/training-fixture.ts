/** A tiny random model with a few conversations, and the real `ilab model train` on them in a home of its own. */
import { type ChildProcess, spawn } from "node:child_process";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { packageRoot } from "../../src/util/assets.ts";
import { type IlabRun, type RunIlabOptions, runIlab } from "./run-ilab.ts";
import { makeTempDir } from "./temp-dir.ts";
import { writeTinyModel } from "./tiny-model.ts";

export interface LoggedStep {
  type: "step";
  step: number;
  loss: number;
  anchorLoss: number;
  gradientNorm: number;
  learningRate: number;
}

export interface TrainingFixture extends AsyncDisposable {
  home: string;
  model: string;
  data: string;
  /** The command line. */
  words(directory: string, args?: readonly string[]): string[];
  /** Runs to its end; runs are made in `<home>/<directory>`. */
  train(directory: string, args?: readonly string[], options?: RunIlabOptions): Promise<IlabRun>;
  /** Starts it (quietly) as the leader of a process group, so that all of it can be killed at once. */
  start(directory: string, args?: readonly string[]): ChildProcess;
  /** Absolute paths of the runs in `<home>/<directory>`, oldest first. */
  runs(directory: string): Promise<string[]>;
}

export async function makeTrainingFixture(): Promise<TrainingFixture> {
  const temporary = await makeTempDir();
  const home = temporary.path;
  const model = join(home, "tiny.gguf");
  await writeTinyModel(model);
  const data = join(home, "messages.jsonl");
  const rows = Array.from({ length: 12 }, (_, i) => ({
    messages: [
      { role: "user", content: `How many boats has harbour ${i}?` },
      { role: "assistant", content: `It has ${i % 4} boats.` },
    ],
  }));
  const document = { messages: [{ role: "pretraining", content: "The harbour has boats." }], unmask: true };
  await writeFile(data, [...rows, document].map((row) => JSON.stringify(row)).join("\n"));
  const words = (directory: string, args: readonly string[] = []) => {
    const paths = ["--model-path", model, "--data-path", data, "--ckpt-output-dir", join(home, directory)];
    return ["model", "train", ...paths, "--num-epochs", "4", "--seed", "3", "--threads", "1", ...args];
  };
  return {
    home,
    model,
    data,
    words,
    train: (directory, args = [], options = {}) => runIlab(words(directory, args), { home, ...options }),
    start(directory, args = []) {
      const program = join(packageRoot, "dist", "cli", "main.js");
      const env = { ...process.env, HOME: home };
      return spawn(process.execPath, [program, ...words(directory, args)], { env, detached: true, stdio: "ignore" });
    },
    async runs(directory) {
      const names = await readdir(join(home, directory)).catch(() => []);
      return names.sort().map((name) => join(home, directory, name));
    },
    [Symbol.asyncDispose]: () => temporary[Symbol.asyncDispose](),
  };
}

export async function readLog(run: string): Promise<{ type: string; step: number }[]> {
  const text = await readFile(join(run, "training.jsonl"), "utf8");
  return text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
}

/** What must be the same in two runs that are the same. */
export async function readLosses(run: string): Promise<number[][]> {
  const steps = (await readLog(run)).filter((line): line is LoggedStep => line.type === "step");
  return steps.map(({ step, loss, anchorLoss, gradientNorm, learningRate }) => [
    step,
    loss,
    anchorLoss,
    gradientNorm,
    learningRate,
  ]);
}

/** Waits until the newest run in `parent` has logged so many steps. */
export async function untilSteps(parent: string, steps: number): Promise<void> {
  for (;;) {
    const [newest] = (await readdir(parent).catch(() => [])).sort().reverse();
    const text =
      newest === undefined ? "" : await readFile(join(parent, newest, "training.jsonl"), "utf8").catch(() => "");
    if (text.split("\n").filter((line) => line.includes('"type":"step"')).length >= steps) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

export function ended(child: ChildProcess): Promise<number | NodeJS.Signals | null> {
  return new Promise((resolve) => child.once("exit", (code, signal) => resolve(code ?? signal)));
}
