import { readFile, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { makeZip, type ZipMember } from "../../test/helpers/make-zip.ts";
import { makeTempDir } from "../../test/helpers/temp-dir.ts";
import { runWork } from "../util/events.ts";
import { extractZipMember } from "./extract-zip-member.ts";

const content = Buffer.from(Array.from({ length: 700_000 }, (_, index) => (index * index) % 256));
const other: ZipMember = { name: "other.txt", content: Buffer.from("other") };

async function extract(zip: Buffer, { name = "a/b.gguf", limit = 1 << 30, cutTo = 0 } = {}): Promise<Buffer> {
  await using directory = await makeTempDir();
  const file = join(directory.path, "x.whl");
  await writeFile(file, zip);
  if (cutTo > 0) await truncate(file, cutTo);
  const target = join(directory.path, "out");
  await runWork(extractZipMember(file, name, target, { step: "unpack", maxMemberBytes: limit }));
  return await readFile(target);
}

test.each([
  ["deflated", {}, {}],
  ["stored", { isStored: true }, {}],
  ["with zip64 sizes", { isZip64: true }, {}],
  ["with a zip64 offset", { hasZip64Offset: true }, {}],
  ["with a zip64 directory", { isZip64: true, isStored: true }, { isZip64: true }],
  ["with a comment that looks like an end record", {}, { comment: "PK\u0005\u0006 is not it" }],
] as const)("takes a member out, %s", async (_, member, archive) => {
  const zip = makeZip([other, { name: "a/b.gguf", content, ...member }, { ...other, name: "z" }], archive);
  expect((await extract(zip)).equals(content)).toBe(true);
});

test("an empty member is an empty file", async () => {
  expect((await extract(makeZip([{ name: "a/b.gguf", content: Buffer.alloc(0) }]))).length).toBe(0);
});

test.each([
  ["content longer than declared", { declaredBytes: 1000 }, /longer than the directory says/],
  ["content shorter than declared", { declaredBytes: 900_000 }, /of 900000 bytes/],
  ["a wrong checksum", { declaredCrc: 1 }, /does not match its checksum/],
  ["an encrypted member", { isEncrypted: true }, /encrypted/],
] as const)("refuses %s", async (_, member, message) => {
  await expect(extract(makeZip([{ name: "a/b.gguf", content, ...member }]))).rejects.toThrow(message);
});

test("refuses a member beyond the limit, before writing any of it", async () => {
  await expect(extract(makeZip([{ name: "a/b.gguf", content }]), { limit: 1000 })).rejects.toThrow(/the limit is 1000/);
});

test("a member that is not there, an archive cut off, and no archive at all are named", async () => {
  const zip = makeZip([other]);
  await expect(extract(zip)).rejects.toMatchObject({ code: "ZIP_MEMBER_MISSING" });
  await expect(extract(zip, { cutTo: 40 })).rejects.toMatchObject({ code: "ZIP_INVALID" });
  await expect(extract(Buffer.from("<html>"))).rejects.toMatchObject({ code: "ZIP_INVALID" });
});

test("damaged packed data is named", async () => {
  const zip = makeZip([{ name: "a/b.gguf", content }]);
  zip.fill(0xff, 60, 400);
  await expect(extract(zip)).rejects.toMatchObject({ code: "ZIP_INVALID" });
});
