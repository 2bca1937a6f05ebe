/** Names inside a checkpoint, how one is removed, and the error for one that is not what it was. */
import { randomBytes } from "node:crypto";
import { rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { IlabError } from "../util/errors.ts";

/** F32, little-endian: all parameters, then all first moments, then all second moments. */
export const STATE_FILE = "state.bin";
/** What is not whole yet begins like this. */
export const PART_PREFIX = ".part-";

/** Sorts as text in the order of the steps. */
export function checkpointName(step: number): string {
  return `step-${String(step).padStart(6, "0")}`;
}

export function damaged(path: string, problem: string, cause?: unknown): IlabError {
  return new IlabError({
    code: "CHECKPOINT_DAMAGED",
    message: `the checkpoint file ${path} is damaged: ${problem}`,
    hint: "Remove that checkpoint's directory to go on from the one before it, or begin anew with --resume never.",
    cause,
  });
}

/** It loses its name first: a removal that is cut short leaves no checkpoint with something missing. */
export async function removeCheckpoint(directory: string): Promise<void> {
  const aside = join(dirname(directory), `${PART_PREFIX}${randomBytes(4).toString("hex")}`);
  try {
    await rename(directory, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
    throw error;
  }
  await rm(aside, { recursive: true, force: true });
}
