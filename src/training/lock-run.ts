/** One process per run. The training process holds the lock itself: it may outlive, for a moment, the program that started it. */
import { join } from "node:path";
import { CancelledError, IlabError } from "../util/errors.ts";
import { acquireFileLock, findLockHolder } from "../util/file-lock.ts";

/** A process whose parent was killed needs as long as its current pack to notice, and then saves. */
const WAIT_MS = 15_000;
/** While it computes a pack it cannot touch the lock: minutes with large models. */
const STALE_MS = 3_600_000;

const lockFile = (directory: string) => join(directory, "run.lock");

export async function isRunBusy(directory: string): Promise<boolean> {
  return (await findLockHolder(lockFile(directory), STALE_MS)) !== undefined;
}

/** @throws IlabError `RUN_BUSY` */
export async function lockRun(
  directory: string,
  onWait: (holder: string) => void,
  waitMs = WAIT_MS,
): Promise<AsyncDisposable> {
  const path = lockFile(directory);
  let holder = "another process";
  try {
    return await acquireFileLock(path, {
      signal: AbortSignal.timeout(waitMs),
      staleMs: STALE_MS,
      onWait: (name) => {
        holder = name;
        onWait(name);
      },
    });
  } catch (error) {
    if (!(error instanceof CancelledError)) throw error;
    throw new IlabError({
      code: "RUN_BUSY",
      message: `${holder} is working on the run ${directory}`,
      hint: `Let it end first, or start another run with --resume never. Remove ${path} if that process has nothing to do with it.`,
    });
  }
}
