/** A training run's checkpoint as something to ask: its student, and the base model that the run was made on. */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { z } from "zod";
import { CHECKPOINT_FILE, checkpointRecordSchema, TRAINING_RUN_FILE, trainingRunSchema } from "../artifacts.ts";
import { IlabError } from "../util/errors.ts";

export interface CheckpointStudent {
  /** For people: run and step. */
  name: string;
  studentFile: string;
  baseModelFile: string;
}

/** Undefined when the directory is no checkpoint. Throws `RUN_UNUSABLE`. */
export async function findCheckpointStudent(directory: string): Promise<CheckpointStudent | undefined> {
  if (!existsSync(join(directory, CHECKPOINT_FILE))) return undefined;
  const { student, progress } = await readAs(checkpointRecordSchema, join(directory, CHECKPOINT_FILE));
  if (student === undefined)
    throw unusable(`the checkpoint ${directory} holds no student: it was made only to go on training from`);
  const runDirectory = dirname(dirname(directory));
  const { baseModelFile } = await readAs(trainingRunSchema, join(runDirectory, TRAINING_RUN_FILE));
  const name = `${basename(runDirectory)}, step ${progress.step}`;
  return { name, studentFile: join(directory, student), baseModelFile };
}

async function readAs<Output>(schema: z.ZodType<Output>, path: string): Promise<Output> {
  try {
    return schema.parse(JSON.parse(await readFile(path, "utf8")));
  } catch (cause) {
    throw unusable(`${path} cannot be read`, cause);
  }
}

function unusable(message: string, cause?: unknown): IlabError {
  return new IlabError({
    code: "RUN_UNUSABLE",
    message,
    hint: "Give another checkpoint of the run, or an adapter.gguf with --base-model.",
    cause,
  });
}
