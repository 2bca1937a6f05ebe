/** The whole checkpoints of a run, oldest first; what a crash left half-written has no name yet and is not seen. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { CHECKPOINT_FILE, type Checkpoint, checkpointRecordSchema } from "../artifacts.ts";
import { damaged } from "./checkpoint-files.ts";

/** @throws IlabError `CHECKPOINT_DAMAGED` */
export async function listCheckpoints(parent: string): Promise<Checkpoint[]> {
  const names = await readdir(parent).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
  const checkpoints = await Promise.all(
    names.filter((name) => /^step-\d+$/.test(name)).map((name) => readCheckpoint(join(parent, name))),
  );
  return checkpoints.sort((a, b) => a.progress.step - b.progress.step);
}

async function readCheckpoint(directory: string): Promise<Checkpoint> {
  const path = join(directory, CHECKPOINT_FILE);
  try {
    return { ...checkpointRecordSchema.parse(JSON.parse(await readFile(path, "utf8"))), directory };
  } catch (cause) {
    throw damaged(path, "it is not a checkpoint's record", cause);
  }
}
