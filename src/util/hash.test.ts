import { copyFile, mkdtemp, open, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { sampledSha256 } from "./hash.ts";

test("samples tell files apart by size, beginning, end and what lies between, not by name or time", async () => {
  const directory = await mkdtemp(join(tmpdir(), "hash-"));
  const [file, copy] = [join(directory, "a"), join(directory, "b")];
  await writeFile(file, Buffer.alloc(3_000_000, "weights "));
  const original = await sampledSha256(file);
  await copyFile(file, copy);
  await utimes(copy, 1, 1);
  expect(await sampledSha256(copy)).toBe(original);
  const changed = async (position: number, length: number) => {
    await copyFile(file, copy);
    const handle = await open(copy, "r+");
    await handle.write(Buffer.alloc(length, 1), 0, length, position);
    await handle.close();
    return await sampledSha256(copy);
  };
  const seen = [original];
  for (const [position, length] of [
    [0, 1],
    [2_999_999, 1],
    [3_000_000, 1],
    [1_234_567, 20_000],
  ] as const)
    seen.push(await changed(position, length));
  expect(new Set(seen).size).toBe(seen.length);
});

test.each([0, 1, 5000, 300_000])("a file of %d bytes is read", async (length) => {
  const file = join(await mkdtemp(join(tmpdir(), "hash-")), "a");
  await writeFile(file, Buffer.alloc(length, 7));
  expect(await sampledSha256(file)).toMatch(/^[0-9a-f]{64}$/);
});
