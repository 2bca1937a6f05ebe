/** Refuses a PDF with a stream that unpacks to more than any page has. pdf.js unpacks a stream as a whole and cannot be stopped in it. */
import { inflateSync } from "node:zlib";
import { IlabError } from "../../../util/errors.ts";

/** The drawing of a detailed map has 20 MiB. */
const MAX_UNPACKED_BYTES = 64 * 1024 * 1024;
/** Deflate packs at most 1032 to 1: what is shorter cannot unpack to more. */
const MIN_PACKED_BYTES = MAX_UNPACKED_BYTES / 1032;
/** Before "stream" stands a dictionary of some entries. */
const MAX_DICTIONARY_BYTES = 1024;

/** Throws `DOCUMENT_TOO_LARGE`. */
export function checkStreams(bytes: Uint8Array): void {
  const data = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let end = 0; ; ) {
    const at = data.indexOf("stream", end);
    if (at < 0) return;
    const start = at + "stream".length;
    end = data.indexOf("endstream", start);
    if (end < 0) end = data.length;
    const dictionary = data
      .toString("latin1", Math.max(0, at - MAX_DICTIONARY_BYTES), at)
      .split(/\bobj\b/)
      .at(-1)!;
    // Pictures, attachments and 3D scenes are not read.
    const isRead = /\/(?:FlateDecode|Fl)\b/.test(dictionary) && !/\/(?:Image|EmbeddedFile|3D)\b/.test(dictionary);
    if (isRead && end - start >= MIN_PACKED_BYTES) checkStream(data.subarray(start, end));
    end += "endstream".length;
  }
}

function checkStream(data: Buffer): void {
  const packed = data.subarray(data[0] === 0x0d && data[1] === 0x0a ? 2 : 1);
  try {
    inflateSync(packed, { maxOutputLength: MAX_UNPACKED_BYTES });
  } catch (error) {
    // Damaged ones are for pdf.js to judge, which reads what it can.
    if ((error as NodeJS.ErrnoException).code !== "ERR_BUFFER_TOO_LARGE") return;
    throw new IlabError({
      code: "DOCUMENT_TOO_LARGE",
      message: `one of its streams unpacks to more than ${MAX_UNPACKED_BYTES / 1024 / 1024} MiB`,
      hint: "Print it to a new PDF.",
    });
  }
}
