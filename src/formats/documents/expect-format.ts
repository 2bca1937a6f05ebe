/** Files whose first bytes are of another format than their name says: told at once, as its reader would only find them damaged. */
import { extname } from "node:path";
import { IlabError } from "../../util/errors.ts";

/** Throws `DOCUMENT_OTHER_FORMAT`. */
export function expectFormat(name: string, bytes: Buffer): void {
  const ending = extname(name).toLowerCase();
  const found = formatOf(bytes, ending);
  if (found === undefined || found.ending === ending) return;
  throw new IlabError({
    code: "DOCUMENT_OTHER_FORMAT",
    message: `its name ends in ${ending}, but it is ${found.words}`,
    hint:
      found.ending === undefined
        ? "Convert it to Markdown, or take it out of the patterns."
        : `Give it the ending ${found.ending}.`,
  });
}

interface Format {
  words: string;
  /** Undefined where no reader reads it. */
  ending?: string;
}

function formatOf(bytes: Buffer, ending: string): Format | undefined {
  const start = bytes.toString("latin1", 0, 64);
  if (start.startsWith("%PDF-")) return { words: "a PDF", ending: ".pdf" };
  // The DOCX reader says what is wrong with the others of its kind.
  if (start.startsWith("PK\x03\x04") && ending !== ".docx")
    return bytes.includes("word/document.xml") ? { words: "a DOCX", ending: ".docx" } : { words: "a packed file" };
  if (start.startsWith("\xd0\xcf\x11\xe0") && ending !== ".docx") return { words: "a file of an old Office program" };
  if (start.startsWith("{\\rtf")) return { words: "an RTF file" };
  if (ending !== ".pdf" && ending !== ".docx") return undefined;
  if (/^(?:\x89PNG\r|\xff\xd8\xff|GIF8[79]a)/.test(start)) return { words: "a picture" };
  // Servers send pages that say why there is no file.
  if (/^\s*<(?:!doctype html|html)\b/i.test(start)) return { words: "an HTML page", ending: ".html" };
  return undefined;
}
