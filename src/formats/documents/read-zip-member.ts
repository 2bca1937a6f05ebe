/**
 * One member of a zip archive that lies in memory (a DOCX is one), unpacked no further than a limit. Follows APPNOTE.TXT 6.3.10: end record
 * (4.3.16), central directory (4.3.12), local header (4.3.7). Archives beyond 4 GiB (zip64) are not read here.
 */
import { inflateRawSync } from "node:zlib";
import { IlabError } from "../../util/errors.ts";

/** Its end record is at most this far from the end: its own 22 bytes and a comment of 16 bits. */
const MAX_END_BYTES = 22 + 0xffff;

/** Undefined when there is no such member. Throws `DOCUMENT_DAMAGED`, `DOCUMENT_TOO_LARGE`. */
export function readZipMember(zip: Buffer, memberName: string, maxBytes: number): Buffer | undefined {
  const lowest = Math.max(0, zip.length - MAX_END_BYTES);
  let end = zip.length - 22;
  while (end >= lowest && zip.readUInt32LE(end) !== 0x06054b50) end -= 1;
  if (end < lowest) throw damaged("it has no end record; it may be cut off");
  try {
    for (let at = zip.readUInt32LE(end + 16), left = zip.readUInt16LE(end + 10); left > 0; left--) {
      if (zip.readUInt32LE(at) !== 0x02014b50) throw damaged("its directory is damaged");
      const nameBytes = zip.readUInt16LE(at + 28);
      if (zip.toString("utf8", at + 46, at + 46 + nameBytes) === memberName)
        return unpack(zip, at, memberName, maxBytes);
      at += 46 + nameBytes + zip.readUInt16LE(at + 30) + zip.readUInt16LE(at + 32);
    }
  } catch (error) {
    if (error instanceof RangeError && !(error instanceof IlabError)) throw damaged("it is cut off", error);
    throw error;
  }
  return undefined;
}

function unpack(zip: Buffer, entry: number, memberName: string, maxBytes: number): Buffer {
  if ((zip.readUInt16LE(entry + 8) & 1) !== 0) throw damaged("it is encrypted");
  const method = zip.readUInt16LE(entry + 10);
  const header = zip.readUInt32LE(entry + 42);
  const start = header + 30 + zip.readUInt16LE(header + 26) + zip.readUInt16LE(header + 28);
  const packed = zip.subarray(start, start + zip.readUInt32LE(entry + 20));
  if (method === 0 && packed.length <= maxBytes) return packed;
  if (method !== 0 && method !== 8)
    throw damaged(`it is packed by method ${method}; known are 0 (stored) and 8 (deflate)`);
  try {
    // The directory may lie about the size; what comes out is counted.
    if (method === 8) return inflateRawSync(packed, { maxOutputLength: maxBytes });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ERR_BUFFER_TOO_LARGE")
      throw damaged("its packed data is damaged", error);
  }
  throw new IlabError({
    code: "DOCUMENT_TOO_LARGE",
    message: `its part ${memberName} unpacks to more than ${maxBytes} bytes`,
    hint: "Split the document into several files.",
  });
}

function damaged(what: string, cause?: unknown): IlabError {
  return new IlabError({
    code: "DOCUMENT_DAMAGED",
    message: `it cannot be unpacked: ${what}`,
    hint: "Open it in the program that made it and save it again.",
    cause,
  });
}
