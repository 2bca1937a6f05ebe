/**
 * The run directory to work in: an unfinished run of the very same inputs and settings is continued, otherwise a new one is made. An
 * unfinished run of something else is not silently left behind: that is refused, with the ways out.
 */
import { existsSync } from "node:fs";
import { readdir, readFile, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import {
  type CheckpointStore,
  MANIFEST_FILE,
  TRAINING_RUN_FILE,
  type TrainingRun,
  trainingRunSchema,
} from "../artifacts.ts";
import { IlabError, UsageError } from "../util/errors.ts";
import { writeFileAtomic } from "../util/fs.ts";
import { makeRunDirectory } from "../util/run-directory.ts";
import { isRunBusy } from "./lock-run.ts";
import { describeDifferences, type RunIdentity } from "./run-identity.ts";

export interface ChosenRun {
  directory: string;
  startedAt: Date;
  isNew: boolean;
}

export interface ChooseRunOptions {
  outputDirectory: string;
  baseModelFile: string;
  identity: RunIdentity;
  /** `auto`, `never`, or the directory of the run to continue. */
  resume: string;
  openCheckpoints: (runDirectory: string) => CheckpointStore;
}

interface FoundRun {
  directory: string;
  run: TrainingRun;
  isFinished: boolean;
}

/** @throws IlabError `RUN_CHANGED`, `USAGE` */
export async function chooseRun(options: ChooseRunOptions): Promise<ChosenRun> {
  const { outputDirectory, identity, resume } = options;
  if (resume === "never") return await makeRun(options);
  if (resume !== "auto") return await continueNamed(resolve(resume), options);
  const runs = await findRuns(outputDirectory);
  const same = runs.find(({ run }) => describeDifferences(run.identity, identity).length === 0);
  if (same !== undefined && !same.isFinished) return continued(same);
  const [newest] = runs;
  if (newest !== undefined && !newest.isFinished && newest !== same) await refuseToLeave(newest, options);
  return await makeRun(options);
}

async function makeRun({ outputDirectory, baseModelFile, identity }: ChooseRunOptions): Promise<ChosenRun> {
  const startedAt = new Date();
  const directory = await makeRunDirectory(outputDirectory, startedAt);
  const run: TrainingRun = { version: 1, startedAt: startedAt.toISOString(), baseModelFile, identity };
  try {
    await writeFileAtomic(join(directory, TRAINING_RUN_FILE), `${JSON.stringify(run, null, 2)}\n`);
  } catch (error) {
    await rm(directory, { recursive: true, force: true });
    throw error;
  }
  return { directory, startedAt, isNew: true };
}

async function continueNamed(directory: string, options: ChooseRunOptions): Promise<ChosenRun> {
  const found = await readRun(directory);
  if (found === undefined)
    throw new UsageError(`${directory} is not a training run`, "Give --resume auto, never, or the directory of a run.");
  if (found.isFinished)
    throw new UsageError(
      `the run ${directory} is finished`,
      `Train further from its adapter with --adapter ${directory}, or leave out --resume.`,
    );
  if (describeDifferences(found.run.identity, options.identity).length > 0) throw changed(found, options.identity);
  return continued(found);
}

function continued({ directory, run }: FoundRun): ChosenRun {
  return { directory, startedAt: new Date(run.startedAt), isNew: false };
}

/** Returns when nothing is lost by leaving it: it came to no checkpoint, or somebody else is working on it. */
async function refuseToLeave(found: FoundRun, options: ChooseRunOptions): Promise<void> {
  const checkpoints = await options.openCheckpoints(found.directory).list();
  if (checkpoints.length > 0 && !(await isRunBusy(found.directory))) throw changed(found, options.identity);
}

function changed({ directory, run }: FoundRun, identity: RunIdentity): IlabError {
  const differences = describeDifferences(run.identity, identity);
  return new IlabError({
    code: "RUN_CHANGED",
    message: `the unfinished run ${directory} was made with something else:\n  ${differences.join("\n  ")}`,
    hint:
      "Put that back to continue the run. To leave it and begin a new one, give --resume never (nothing is deleted), " +
      "or another --ckpt-output-dir.",
    exitCode: 2,
    details: { directory, differences },
  });
}

/** Newest first. */
async function findRuns(parent: string): Promise<FoundRun[]> {
  const names = await readdir(parent).catch(() => []);
  const runs = await Promise.all(names.map((name) => readRun(join(parent, name))));
  return runs
    .filter((run) => run !== undefined)
    .sort((a, b) => b.run.startedAt.localeCompare(a.run.startedAt) || b.directory.localeCompare(a.directory));
}

async function readRun(directory: string): Promise<FoundRun | undefined> {
  const text = await readFile(join(directory, TRAINING_RUN_FILE), "utf8").catch(() => undefined);
  if (text === undefined) return undefined;
  try {
    const run = trainingRunSchema.parse(JSON.parse(text));
    return { directory, run, isFinished: existsSync(join(directory, MANIFEST_FILE)) };
  } catch {
    // Some other program's run.json.
    return undefined;
  }
}
