/** The bytes of a text file as text: UTF-8 with or without a byte order mark, UTF-16 with one. Anything else is refused, not guessed. */
import { IlabError } from "../../util/errors.ts";

export function decodeText(bytes: Uint8Array): string {
  const encoding = byteOrderMark(bytes);
  let text: string;
  try {
    text = new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch (cause) {
    if (!isMostlyText(bytes)) throw notText(cause);
    throw new IlabError({
      code: "DOCUMENT_NOT_UTF8",
      message: `it is not encoded in ${encoding === "utf-8" ? "UTF-8" : encoding.toUpperCase()}`,
      hint: "Open it in an editor and save it with the encoding UTF-8.",
      cause,
    });
  }
  if (text.includes("\0")) throw notText();
  return text;
}

/** UTF-8 where there is none. */
export function byteOrderMark(bytes: Uint8Array): "utf-8" | "utf-16le" | "utf-16be" {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return "utf-16le";
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return "utf-16be";
  return "utf-8";
}

/** Old encodings use bytes above 127, but hardly any control characters; pictures and archives are full of them. */
function isMostlyText(bytes: Uint8Array): boolean {
  const sample = bytes.subarray(0, 4096);
  const controls = sample.filter((byte) => byte < 9 || (byte > 13 && byte < 32)).length;
  return controls <= sample.length / 100;
}

function notText(cause?: unknown): IlabError {
  return new IlabError({
    code: "DOCUMENT_NOT_TEXT",
    message: "it is not a text but binary data",
    hint: "Give it the ending that its format has (.pdf, .docx), or take it out of the patterns.",
    cause,
  });
}
