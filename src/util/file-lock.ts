/**
 * A lock between processes as a file: its holder's host and process id, touched while it is held. The lock of a process that died is
 * taken over. Two processes that take over at the very same moment may, once in a blue moon, both believe to hold it; what it guards
 * must then still be right (a download is: its checksum decides).
 */
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { mkdir, readFile, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { throwIfAborted } from "./errors.ts";
import { describeWriteError } from "./fs.ts";

const TOUCH_MS = 10_000;
const DEFAULT_STALE_MS = 90_000;
const UNNAMED_STALE_MS = 5_000;
const POLL_MS = 300;

export interface FileLockOptions {
  signal?: AbortSignal;
  /** Called once when somebody else holds the lock. */
  onWait?: (holder: string) => void;
  /** A lock that nobody touched for this long belongs to a process that is gone, whatever its id says. */
  staleMs?: number;
}

/** Waits for the lock; released by `using`/`await using` or by disposing it. */
export async function acquireFileLock(
  path: string,
  { signal, onWait, staleMs = DEFAULT_STALE_MS }: FileLockOptions = {},
): Promise<AsyncDisposable> {
  const content = JSON.stringify({ host: hostname(), pid: process.pid, id: randomBytes(8).toString("hex") });
  await mkdir(dirname(path), { recursive: true }).catch((error: unknown) => {
    throw describeWriteError(dirname(path), error);
  });
  let hasTold = false;
  for (;;) {
    throwIfAborted(signal);
    try {
      await writeFile(path, content, { flag: "wx" });
      break;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw describeWriteError(path, error);
    }
    const holder = await readFile(path, "utf8").catch(() => undefined);
    if (holder === undefined) continue;
    if (await isStale(path, holder, staleMs)) {
      await takeAway(path, holder);
      continue;
    }
    if (!hasTold) onWait?.(describeHolder(holder));
    hasTold = true;
    await sleep(POLL_MS, undefined, { signal }).catch(() => {});
  }
  const timer = setInterval(() => utimes(path, new Date(), new Date()).catch(() => {}), TOUCH_MS).unref();
  return {
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      if ((await readFile(path, "utf8").catch(() => undefined)) === content) await rm(path, { force: true });
    },
  };
}

/** Who holds the lock now, in words; undefined when it is free or its holder is gone. */
export async function findLockHolder(path: string, staleMs = DEFAULT_STALE_MS): Promise<string | undefined> {
  const holder = await readFile(path, "utf8").catch(() => undefined);
  return holder === undefined || (await isStale(path, holder, staleMs)) ? undefined : describeHolder(holder);
}

async function isStale(path: string, holder: string, staleMs: number): Promise<boolean> {
  const info = await stat(path).catch(() => undefined);
  if (info === undefined) return false;
  const ageMs = Date.now() - info.mtimeMs;
  const { host, pid } = parseHolder(holder);
  // Whoever made the file was killed before it could write its name.
  if (pid === undefined) return ageMs > Math.min(staleMs, UNNAMED_STALE_MS);
  return ageMs > staleMs || (host === hostname() && !isRunning(pid));
}

/** Moved aside first and looked at again, so that a lock that somebody else just took over is not lost. */
async function takeAway(path: string, holder: string): Promise<void> {
  const aside = `${path}.${randomBytes(4).toString("hex")}`;
  try {
    await rename(path, aside);
    if ((await readFile(aside, "utf8")) !== holder) await rename(aside, path);
    else await rm(aside, { force: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
  return !isZombie(pid);
}

/** A process that ended and that its parent never asked about still has its id; containers without an init process collect such. */
function isZombie(pid: number): boolean {
  if (process.platform !== "linux") return false;
  try {
    return /^\d+ \(.*\) Z /s.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}

function parseHolder(text: string): { host?: string; pid?: number } {
  try {
    return JSON.parse(text) as { host?: string; pid?: number };
  } catch {
    return {};
  }
}

function describeHolder(text: string): string {
  const { host, pid } = parseHolder(text);
  return pid === undefined ? "another process" : `process ${pid}${host === hostname() ? "" : ` on ${host}`}`;
}
