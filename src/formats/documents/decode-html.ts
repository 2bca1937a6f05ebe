/** The bytes of an HTML page as text: UTF-8 or UTF-16 as other texts, else the encoding that the page declares in its first kilobyte. */
import { IlabError } from "../../util/errors.ts";
import { byteOrderMark, decodeText } from "./decode-text.ts";

/** As far as browsers look. */
const DECLARATION_BYTES = 1024;

export function decodeHtml(bytes: Uint8Array): string {
  const declared = declaredEncoding(bytes);
  // Its bytes are those of ASCII, and UTF-8 would take them for signs.
  if (declared === "iso-2022-jp") return decodeAs(declared, bytes);
  try {
    return decodeText(bytes);
  } catch (error) {
    const isOther = error instanceof IlabError && error.code === "DOCUMENT_NOT_UTF8";
    if (!isOther || declared === undefined || byteOrderMark(bytes) !== "utf-8") throw error;
    return decodeAs(declared, bytes);
  }
}

function decodeAs(encoding: string, bytes: Uint8Array): string {
  const text = new TextDecoder(encoding).decode(bytes);
  if (encoding !== "windows-1252") return text;
  // Node 20 takes it for ISO 8859-1, which has control characters there.
  return text.replace(/[\x80-\x9f]/g, (character) => windowsSigns[character.charCodeAt(0) - 0x80]!);
}

/** 0x80 to 0x9f; five stand for nothing. */
const windowsSigns = "€\x81‚ƒ„…†‡ˆ‰Š‹Œ\x8dŽ\x8f\x90‘’“”•–—˜™š›œ\x9džŸ";

/** By its name in the Encoding standard; undefined where none is declared, or none that is known, or UTF. */
function declaredEncoding(bytes: Uint8Array): string | undefined {
  const start = Buffer.from(bytes.subarray(0, DECLARATION_BYTES)).toString("latin1");
  const label = (/<meta\b[^>]*?\bcharset\s*=\s*["']?\s*([\w:.-]+)/i.exec(start) ??
    /^\s*<\?xml\b[^>]*?\bencoding\s*=\s*["']([\w:.-]+)/.exec(start))?.[1];
  try {
    const encoding = label === undefined ? "utf-8" : new TextDecoder(label).encoding;
    return encoding.startsWith("utf-") ? undefined : encoding;
  } catch {
    return undefined;
  }
}
