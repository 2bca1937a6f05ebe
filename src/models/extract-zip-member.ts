/**
 * Takes one member out of a zip archive (a Python wheel is one) as a stream: the archive may be bigger than memory and than 4 GiB.
 * Follows APPNOTE.TXT 6.3.10: end record (4.3.16), zip64 records (4.3.14, 4.3.15), central directory (4.3.12), local header (4.3.7).
 */
import { createReadStream } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { crc32, createInflateRaw } from "node:zlib";
import { IlabError } from "../util/errors.ts";
import type { Work } from "../util/events.ts";
import { throttle } from "./throttle.ts";

/** The end record is at most this far from the end: its own 22 bytes and a comment of 16 bits. */
const MAX_END_BYTES = 22 + 0xffff;
/** A wheel has hundreds of members of some hundred bytes; a directory beyond this is an attack or another kind of file. */
const MAX_DIRECTORY_BYTES = 64 * 1024 * 1024;
/** Bigger than any single model file in use; what a hostile archive may fill a disk with. */
export const MAX_MEMBER_BYTES = 256 * 1024 ** 3;

interface Member {
  method: number;
  flags: number;
  crc: number;
  compressedBytes: number;
  sizeBytes: number;
  headerOffset: number;
}

export interface ExtractOptions {
  step: string;
  signal?: AbortSignal;
  maxMemberBytes?: number;
}

/** Writes the member's content to `targetFile`, checked against its size and CRC-32. Throws `ZIP_INVALID` or `ZIP_MEMBER_MISSING`. */
export async function* extractZipMember(
  zipFile: string,
  memberName: string,
  targetFile: string,
  { step, signal, maxMemberBytes = MAX_MEMBER_BYTES }: ExtractOptions,
): Work<void> {
  const zip = await open(zipFile, "r");
  try {
    const member = await findMember(zip, zipFile, memberName);
    if (member.sizeBytes > maxMemberBytes)
      throw zipError(zipFile, `${memberName} has ${member.sizeBytes} bytes; the limit is ${maxMemberBytes}`);
    if ((member.flags & 1) !== 0) throw zipError(zipFile, `${memberName} is encrypted`);
    if (member.method !== 0 && member.method !== 8)
      throw zipError(
        zipFile,
        `${memberName} is packed by method ${member.method}; known are 0 (stored) and 8 (deflate)`,
      );
    const header = await readExactly(zip, zipFile, member.headerOffset, 30);
    if (header.readUInt32LE(0) !== 0x04034b50) throw zipError(zipFile, `no header at ${member.headerOffset}`);
    const start = member.headerOffset + 30 + header.readUInt16LE(26) + header.readUInt16LE(28);

    const startedAt = performance.now();
    yield { type: "step-start", stage: "models", step, total: member.sizeBytes, unit: "bytes" };
    const isDue = throttle();
    const target = await open(targetFile, "w");
    let done = 0;
    let crc = 0;
    try {
      for await (const piece of contentOf(zipFile, start, member, signal)) {
        done += piece.length;
        if (done > member.sizeBytes) throw zipError(zipFile, `${memberName} is longer than the directory says`);
        crc = crc32(piece, crc);
        await target.writeFile(piece);
        if (isDue())
          yield { type: "step-progress", stage: "models", step, done, total: member.sizeBytes, unit: "bytes" };
      }
      await target.sync();
    } finally {
      await target.close();
    }
    if (done !== member.sizeBytes) throw zipError(zipFile, `${memberName} has ${done} of ${member.sizeBytes} bytes`);
    if (crc !== member.crc) throw zipError(zipFile, `${memberName} does not match its checksum`);
    yield { type: "step-end", stage: "models", step, seconds: (performance.now() - startedAt) / 1000 };
  } finally {
    await zip.close();
  }
}

async function* contentOf(
  zipFile: string,
  start: number,
  member: Member,
  signal: AbortSignal | undefined,
): AsyncGenerator<Buffer> {
  if (member.compressedBytes === 0) return;
  const packed = createReadStream(zipFile, {
    start,
    end: start + member.compressedBytes - 1,
    highWaterMark: 1 << 20,
    signal,
  });
  if (member.method === 0) {
    yield* packed;
    return;
  }
  const inflate = createInflateRaw({ chunkSize: 1 << 18 });
  const feeding = pipeline(packed, inflate, { signal });
  feeding.catch(() => {});
  try {
    yield* inflate;
    await feeding;
  } catch (error) {
    if (signal?.aborted) throw error;
    throw zipError(zipFile, `the packed data is damaged (${(error as Error).message})`);
  } finally {
    inflate.destroy();
  }
}

async function findMember(zip: FileHandle, zipFile: string, memberName: string): Promise<Member> {
  const { offset, sizeBytes } = await locateDirectory(zip, zipFile);
  if (sizeBytes > MAX_DIRECTORY_BYTES)
    throw zipError(zipFile, `its directory has ${sizeBytes} bytes; the limit is ${MAX_DIRECTORY_BYTES}`);
  const directory = await readExactly(zip, zipFile, offset, sizeBytes);
  for (let at = 0; at + 46 <= directory.length; ) {
    if (directory.readUInt32LE(at) !== 0x02014b50)
      throw zipError(zipFile, `its directory is damaged at ${offset + at}`);
    const nameBytes = directory.readUInt16LE(at + 28);
    const extraBytes = directory.readUInt16LE(at + 30);
    const commentBytes = directory.readUInt16LE(at + 32);
    const name = directory.toString("utf8", at + 46, at + 46 + nameBytes);
    if (name === memberName) {
      const extra = directory.subarray(at + 46 + nameBytes, at + 46 + nameBytes + extraBytes);
      return withZip64Sizes(extra, zipFile, {
        flags: directory.readUInt16LE(at + 8),
        method: directory.readUInt16LE(at + 10),
        crc: directory.readUInt32LE(at + 16),
        compressedBytes: directory.readUInt32LE(at + 20),
        sizeBytes: directory.readUInt32LE(at + 24),
        headerOffset: directory.readUInt32LE(at + 42),
      });
    }
    at += 46 + nameBytes + extraBytes + commentBytes;
  }
  throw new IlabError({
    code: "ZIP_MEMBER_MISSING",
    message: `${zipFile} has no member ${memberName}`,
    hint: "Check the path behind '#' in the address.",
  });
}

async function locateDirectory(zip: FileHandle, zipFile: string): Promise<{ offset: number; sizeBytes: number }> {
  const fileBytes = (await zip.stat()).size;
  const tailBytes = Math.min(fileBytes, MAX_END_BYTES);
  const tail = await readExactly(zip, zipFile, fileBytes - tailBytes, tailBytes);
  let end = tail.length - 22;
  while (end >= 0 && tail.readUInt32LE(end) !== 0x06054b50) end -= 1;
  if (end < 0) throw zipError(zipFile, "it has no end record; it may be cut off");
  const offset = tail.readUInt32LE(end + 16);
  const sizeBytes = tail.readUInt32LE(end + 12);
  if (offset !== 0xffffffff && sizeBytes !== 0xffffffff) return { offset, sizeBytes };
  // The sizes do not fit 32 bits: the zip64 locator stands right before the end record.
  if (end < 20 || tail.readUInt32LE(end - 20) !== 0x07064b50) throw zipError(zipFile, "its zip64 locator is missing");
  const record = await readExactly(zip, zipFile, wideNumber(tail, end - 12, zipFile), 56);
  if (record.readUInt32LE(0) !== 0x06064b50) throw zipError(zipFile, "its zip64 end record is damaged");
  return { offset: wideNumber(record, 48, zipFile), sizeBytes: wideNumber(record, 40, zipFile) };
}

/** Fields that are all ones stand in the zip64 extra field (0x0001), in this order and only those. */
function withZip64Sizes(extra: Buffer, zipFile: string, member: Member): Member {
  for (let at = 0; at + 4 <= extra.length; at += 4 + extra.readUInt16LE(at + 2)) {
    if (extra.readUInt16LE(at) !== 1) continue;
    let field = at + 4;
    for (const key of ["sizeBytes", "compressedBytes", "headerOffset"] as const) {
      if (member[key] !== 0xffffffff) continue;
      if (field + 8 > extra.length) throw zipError(zipFile, "a zip64 field is cut off");
      member[key] = wideNumber(extra, field, zipFile);
      field += 8;
    }
  }
  return member;
}

function wideNumber(buffer: Buffer, offset: number, zipFile: string): number {
  const value = buffer.readBigUInt64LE(offset);
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw zipError(zipFile, `a size of ${value} is not possible`);
  return Number(value);
}

async function readExactly(zip: FileHandle, zipFile: string, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  for (let done = 0; done < length; ) {
    const { bytesRead } = await zip.read(buffer, done, length - done, position + done);
    if (bytesRead === 0) throw zipError(zipFile, `it ends before byte ${position + length}; it may be cut off`);
    done += bytesRead;
  }
  return buffer;
}

function zipError(zipFile: string, problem: string): IlabError {
  return new IlabError({
    code: "ZIP_INVALID",
    message: `${zipFile} cannot be unpacked: ${problem}`,
    hint: "Download it again.",
  });
}
