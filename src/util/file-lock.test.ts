import { spawn } from "node:child_process";
import { readdir, utimes, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { makeTempDir } from "../../test/helpers/temp-dir.ts";
import { acquireFileLock, findLockHolder } from "./file-lock.ts";

test("one holder at a time, in any order of asking", async () => {
  await using directory = await makeTempDir();
  const path = join(directory.path, "x.lock");
  let holders = 0;
  let most = 0;
  await Promise.all(
    [1, 2, 3].map(async () => {
      await using _lock = await acquireFileLock(path);
      holders += 1;
      most = Math.max(most, holders);
      await new Promise((done) => setTimeout(done, 30));
      holders -= 1;
    }),
  );
  expect(most).toBe(1);
  expect(await readdir(directory.path)).toEqual([]);
});

test("a lock that nobody touched for long is taken over, whoever holds it", async () => {
  await using directory = await makeTempDir();
  const path = join(directory.path, "x.lock");
  await writeFile(path, JSON.stringify({ host: "elsewhere", pid: 1 }));
  const waited: string[] = [];
  const impatient = AbortSignal.timeout(700);
  await expect(
    acquireFileLock(path, { signal: impatient, onWait: (holder) => waited.push(holder) }),
  ).rejects.toMatchObject({ code: "CANCELLED" });
  expect(waited).toEqual(["process 1 on elsewhere"]);
  await utimes(path, new Date(0), new Date(0));
  await using _lock = await acquireFileLock(path);
});

test("a lock whose maker was killed before it wrote its name is taken over", async () => {
  await using directory = await makeTempDir();
  const path = join(directory.path, "x.lock");
  await writeFile(path, "");
  expect(await findLockHolder(path)).toBe("another process");
  const age = new Date(Date.now() - 6000);
  await utimes(path, age, age);
  expect(await findLockHolder(path)).toBeUndefined();
  await using _lock = await acquireFileLock(path);
  expect(await findLockHolder(path)).toBe(`process ${process.pid}`);
});

test.runIf(process.platform === "linux")("a process that ended unnoticed by its parent holds nothing", async () => {
  await using directory = await makeTempDir();
  const path = join(directory.path, "x.lock");
  // The shell becomes a program that never asks about its child.
  const parent = spawn("sh", ["-c", "sleep 0 & echo $!; exec sleep 60"], { stdio: ["ignore", "pipe", "ignore"] });
  try {
    const pid = await new Promise<number>((resolve) => parent.stdout.once("data", (text) => resolve(Number(text))));
    await writeFile(path, JSON.stringify({ host: hostname(), pid, id: "x" }));
    await expect.poll(() => findLockHolder(path), { timeout: 5000 }).toBeUndefined();
    expect(() => process.kill(pid, 0)).not.toThrow();
  } finally {
    parent.kill("SIGKILL");
  }
});

test("what another process took over is not released by the old holder", async () => {
  await using directory = await makeTempDir();
  const path = join(directory.path, "x.lock");
  const lock = await acquireFileLock(path);
  await writeFile(path, JSON.stringify({ host: hostname(), pid: process.pid, id: "other" }));
  await lock[Symbol.asyncDispose]();
  expect(await readdir(directory.path)).toEqual(["x.lock"]);
});
