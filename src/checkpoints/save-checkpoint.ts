/**
 * Writes a checkpoint beside its place, flushes it, and renames the directory: after a crash at any moment it is whole or not there. The
 * vectors go to the disk straight from the engine's memory.
 */
import { createHash, randomBytes } from "node:crypto";
import { mkdir, open, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import {
  CHECKPOINT_FILE,
  type Checkpoint,
  type CheckpointContent,
  type CheckpointRecord,
  type TrainingVectors,
} from "../artifacts.ts";
import { describeWriteError, writeAtomically, writeFileAtomic } from "../util/fs.ts";
import { sha256File } from "../util/hash.ts";
import { checkpointName, PART_PREFIX, removeCheckpoint, STATE_FILE } from "./checkpoint-files.ts";

const PIECE_BYTES = 8 * 1024 * 1024;

export async function saveCheckpoint(parent: string, content: CheckpointContent): Promise<Checkpoint> {
  const { reasons, progress, vectors, validationLoss, student } = content;
  const name = checkpointName(progress.step);
  const directory = join(parent, name);
  const part = join(parent, `${PART_PREFIX}${name}-${randomBytes(4).toString("hex")}`);
  try {
    await mkdir(part, { recursive: true });
    const files: CheckpointRecord["files"] = { [STATE_FILE]: await writeVectors(join(part, STATE_FILE), vectors) };
    if (student !== undefined) {
      const path = join(part, student.file);
      await student.write(path);
      files[student.file] = { sizeBytes: (await stat(path)).size, sha256: await sha256File(path) };
    }
    const record: CheckpointRecord = {
      version: 1,
      createdAt: new Date().toISOString(),
      reasons,
      progress,
      validationLoss,
      student: student?.file,
      hasState: true,
      files,
    };
    await writeFileAtomic(join(part, CHECKPOINT_FILE), `${JSON.stringify(record, null, 2)}\n`);
    await syncDirectory(part);
    // One of this step may stand there already, damaged: it was passed over when the run went on from an earlier one.
    await removeCheckpoint(directory);
    await rename(part, directory);
    await syncDirectory(parent);
    return { ...record, directory };
  } catch (error) {
    await rm(part, { recursive: true, force: true });
    throw describeWriteError(directory, error);
  }
}

async function writeVectors(path: string, vectors: TrainingVectors): Promise<CheckpointRecord["files"][string]> {
  const hash = createHash("sha256");
  let sizeBytes = 0;
  await writeAtomically(path, async (file) => {
    for (const { buffer, byteOffset, byteLength } of [vectors.parameters, vectors.firstMoments, vectors.secondMoments])
      for (let from = 0; from < byteLength; from += PIECE_BYTES) {
        const piece = new Uint8Array(buffer, byteOffset + from, Math.min(PIECE_BYTES, byteLength - from));
        hash.update(piece);
        await file.writeFile(piece);
        sizeBytes += piece.length;
      }
  });
  return { sizeBytes, sha256: hash.digest("hex") };
}

/** A new name in a directory survives a power failure only once the directory itself is flushed. */
async function syncDirectory(path: string): Promise<void> {
  // Windows cannot open directories, and flushes names by itself.
  if (process.platform === "win32") return;
  const directory = await open(path, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
