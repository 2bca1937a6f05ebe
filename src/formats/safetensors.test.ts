/** The safetensors format: written and read again, and files that lie. */
import { readFile, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeTempDir, type TempDir } from "../../test/helpers/temp-dir.ts";
import { createRandomSource } from "../util/rng.ts";
import { readSafetensors, writeSafetensors } from "./safetensors.ts";

let temporary: TempDir;
let path: string;
beforeAll(async () => {
  temporary = await makeTempDir();
  path = join(temporary.path, "good.safetensors");
  await writeSafetensors(path, [
    { name: "a", dtype: "F32", shape: [2, 3], data: () => [new Uint8Array(10).fill(1), new Uint8Array(14).fill(2)] },
    { name: "b.weight", dtype: "BF16", shape: [4], data: () => [Uint8Array.from([1, 2, 3, 4, 5, 6, 7, 8])] },
  ]);
});
afterAll(() => temporary[Symbol.asyncDispose]());

test("what is written is the format: length, header, bytes at the places that the header names", async () => {
  const bytes = await readFile(path);
  const headerBytes = Number(bytes.readBigUInt64LE());
  expect((8 + headerBytes) % 8).toBe(0);
  expect(JSON.parse(bytes.subarray(8, 8 + headerBytes).toString())).toEqual({
    __metadata__: { format: "pt" },
    a: { dtype: "F32", shape: [2, 3], data_offsets: [0, 24] },
    "b.weight": { dtype: "BF16", shape: [4], data_offsets: [24, 32] },
  });
  expect(bytes.length).toBe(8 + headerBytes + 32);
  const file = await readSafetensors(path);
  const b = file.tensors.get("b.weight")!;
  expect([...bytes.subarray(b.offset, b.offset + b.sizeBytes)]).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  expect(file.metadata).toEqual({ format: "pt" });
});

test("a tensor that gives other than its size leaves no file", async () => {
  const wrong = join(temporary.path, "wrong.safetensors");
  const tensor = { name: "a", dtype: "F32", shape: [2], data: () => [new Uint8Array(7)] };
  await expect(writeSafetensors(wrong, [tensor])).rejects.toThrow(/7 bytes, expected 8/);
  await expect(readFile(wrong)).rejects.toMatchObject({ code: "ENOENT" });
});

const header = (value: unknown, data = 32) => {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([length, Buffer.from(text), Buffer.alloc(data)]);
};

test.each<[string, Buffer, string]>([
  ["nothing", Buffer.alloc(3), "SAFETENSORS_INVALID"],
  ["a header of many gigabytes", Buffer.alloc(64, 255), "SAFETENSORS_INVALID"],
  ["a header longer than the file", header("{}").subarray(0, 9), "SAFETENSORS_TRUNCATED"],
  ["no JSON", header("[1, 2"), "SAFETENSORS_INVALID"],
  ["an unknown type", header({ a: { dtype: "F12", shape: [2], data_offsets: [0, 8] } }), "SAFETENSORS_INVALID"],
  [
    "a shape that is not its size",
    header({ a: { dtype: "F32", shape: [3], data_offsets: [0, 8] } }),
    "SAFETENSORS_INVALID",
  ],
  ["a negative size", header({ a: { dtype: "F32", shape: [-2], data_offsets: [8, 0] } }), "SAFETENSORS_INVALID"],
  [
    "sizes beyond numbers",
    header({ a: { dtype: "U8", shape: [1e200], data_offsets: [0, 1e200] } }),
    "SAFETENSORS_INVALID",
  ],
  [
    "a tensor behind the end",
    header({ a: { dtype: "F32", shape: [9], data_offsets: [0, 36] } }),
    "SAFETENSORS_TRUNCATED",
  ],
])("%s is refused by name", async (name, bytes, code) => {
  const file = join(temporary.path, `${name.replaceAll(" ", "-")}.safetensors`);
  await writeFile(file, bytes);
  await expect(readSafetensors(file)).rejects.toMatchObject({ code, hint: expect.any(String) });
});

test("cut or damaged files end in an error or in tensors inside the file", async () => {
  const bytes = await readFile(path);
  const random = createRandomSource(9);
  const file = join(temporary.path, "fuzz.safetensors");
  for (let trial = 0; trial < 300; trial++) {
    const damaged = Buffer.from(bytes);
    for (let i = 0; i < 1 + random.integer(3); i++) damaged[random.integer(bytes.length - 32)] = random.integer(256);
    await writeFile(file, damaged);
    if (trial % 5 === 0) await truncate(file, random.integer(bytes.length));
    const { length } = await readFile(file);
    try {
      for (const { offset, sizeBytes } of (await readSafetensors(file)).tensors.values())
        expect(offset + sizeBytes).toBeLessThanOrEqual(length);
    } catch (error) {
      expect((error as { code?: string }).code).toMatch(/^SAFETENSORS_/);
    }
  }
});
