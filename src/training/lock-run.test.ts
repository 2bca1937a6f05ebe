import { writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { makeTempDir } from "../../test/helpers/temp-dir.ts";
import { isRunBusy, lockRun } from "./lock-run.ts";

test("a run that another process works on is refused, by that process's name", async () => {
  await using directory = await makeTempDir();
  const { path } = directory;
  const waited: string[] = [];
  {
    await using _lock = await lockRun(path, () => {});
    expect(await isRunBusy(path)).toBe(true);
    await expect(lockRun(path, (holder) => waited.push(holder), 400)).rejects.toMatchObject({
      code: "RUN_BUSY",
      message: expect.stringContaining(`process ${process.pid}`),
    });
    expect(waited).toEqual([`process ${process.pid}`]);
  }
  expect(await isRunBusy(path)).toBe(false);
});

test("the lock of a process that is gone is taken over at once", async () => {
  await using directory = await makeTempDir();
  // Process ids end at 2^22 on Linux.
  await writeFile(join(directory.path, "run.lock"), JSON.stringify({ host: hostname(), pid: 2 ** 22 + 1, id: "x" }));
  expect(await isRunBusy(directory.path)).toBe(false);
  await using _lock = await lockRun(directory.path, () => expect.unreachable(), 400);
});
