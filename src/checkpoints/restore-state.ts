/** Reads a checkpoint's vectors into the memory they came from, and checks that they are what was written. */
import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import { join } from "node:path";
import type { Checkpoint, TrainingVectors } from "../artifacts.ts";
import { damaged, STATE_FILE } from "./checkpoint-files.ts";

const PIECE_BYTES = 8 * 1024 * 1024;

/** @throws IlabError `CHECKPOINT_DAMAGED`; the vectors then hold anything. */
export async function restoreState(checkpoint: Checkpoint, vectors: TrainingVectors): Promise<void> {
  const path = join(checkpoint.directory, STATE_FILE);
  const expected = checkpoint.files[STATE_FILE];
  const targets = [vectors.parameters, vectors.firstMoments, vectors.secondMoments].map(
    ({ buffer, byteOffset, byteLength }) => new Uint8Array(buffer, byteOffset, byteLength),
  );
  const wanted = targets.reduce((sum, { length }) => sum + length, 0);
  const file = await open(path, "r").catch((cause: unknown) => {
    throw damaged(path, "it cannot be opened", cause);
  });
  try {
    const { size } = await file.stat();
    if (size !== wanted || size !== expected?.sizeBytes)
      throw damaged(path, `it has ${size} bytes, ${expected?.sizeBytes} were written and ${wanted} are needed`);
    const hash = createHash("sha256");
    for (const target of targets)
      for (let from = 0; from < target.length; ) {
        const { bytesRead } = await file.read(target, from, Math.min(PIECE_BYTES, target.length - from));
        if (bytesRead === 0) throw damaged(path, "it became shorter while it was read");
        hash.update(target.subarray(from, from + bytesRead));
        from += bytesRead;
      }
    const sha256 = hash.digest("hex");
    if (sha256 !== expected.sha256) throw damaged(path, `its checksum is ${sha256}, ${expected.sha256} was written`);
  } finally {
    await file.close();
  }
}
