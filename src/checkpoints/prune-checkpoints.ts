/**
 * Gives up what nobody needs: points to go on from once newer ones are there, all but the last of those by samples and by epoch, and the large
 * state of all but the newest two (the second is there in case that the newest cannot be read). The best one stays, and what was asked for.
 */
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { CHECKPOINT_FILE, type Checkpoint, type CheckpointRecord } from "../artifacts.ts";
import { writeFileAtomic } from "../util/fs.ts";
import { PART_PREFIX, removeCheckpoint, STATE_FILE } from "./checkpoint-files.ts";
import { listCheckpoints } from "./list-checkpoints.ts";
import { pickBest } from "./pick-best.ts";

const STATES_KEPT = 2;

export async function pruneCheckpoints(
  parent: string,
  { keepLast, isFinished }: { keepLast: number; isFinished: boolean },
): Promise<void> {
  const checkpoints = await listCheckpoints(parent);
  const needed = new Set(isFinished ? [] : checkpoints.filter(({ hasState }) => hasState).slice(-STATES_KEPT));
  const kept = new Set(needed);
  const wanted = checkpoints.filter(({ reasons }) => reasons.includes("samples") || reasons.includes("epoch"));
  for (const checkpoint of keepLast === 0 ? wanted : wanted.slice(-keepLast)) kept.add(checkpoint);
  const best = pickBest(checkpoints);
  if (best !== undefined) kept.add(best);
  for (const checkpoint of checkpoints) if (checkpoint.reasons.includes("request")) kept.add(checkpoint);
  for (const checkpoint of checkpoints) {
    if (!kept.has(checkpoint)) await removeCheckpoint(checkpoint.directory);
    else if (checkpoint.hasState && !needed.has(checkpoint)) await dropState(checkpoint);
  }
  // A process that was killed while it saved leaves its half behind.
  for (const name of await readdir(parent).catch(() => []))
    if (name.startsWith(PART_PREFIX)) await rm(join(parent, name), { recursive: true, force: true });
}

/** First the record, then the file: in between the checkpoint only takes more room than it says. */
async function dropState({ directory, ...record }: Checkpoint): Promise<void> {
  const { [STATE_FILE]: _, ...files } = record.files;
  const lighter: CheckpointRecord = { ...record, hasState: false, files };
  await writeFileAtomic(join(directory, CHECKPOINT_FILE), `${JSON.stringify(lighter, null, 2)}\n`);
  await rm(join(directory, STATE_FILE), { force: true });
}
