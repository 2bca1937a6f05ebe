/** A document of any format that is read on this machine, by the ending of its name -> blocks. */
import { extname } from "node:path";
import { IlabError } from "../../util/errors.ts";
import { decodeHtml } from "./decode-html.ts";
import { decodeText } from "./decode-text.ts";
import type { DocumentBlock } from "./document-block.ts";
import { expectFormat } from "./expect-format.ts";
import { readHtml } from "./read-html.ts";
import { readMarkdown } from "./read-markdown.ts";
import { readPlainText } from "./read-plain-text.ts";

export interface ReadDocumentResult {
  blocks: DocumentBlock[];
  /** What a reader should know, such as pages that could not be read; follows the document's name and a colon. */
  warnings: string[];
}

type Reader = (bytes: Buffer, signal?: AbortSignal) => ReadDocumentResult | Promise<ReadDocumentResult>;

const textReader =
  (read: (text: string) => DocumentBlock[]): Reader =>
  (bytes) => ({ blocks: read(decodeText(bytes)), warnings: [] });

const readers: Record<string, { read: Reader; maxBytes: number }> = {};
/** A long book has 2 MiB of text; the parsers hold several copies. */
const MAX_TEXT_BYTES = 16 * 1024 * 1024;
/** Mostly pictures, which are not looked at. */
const MAX_BINARY_BYTES = 128 * 1024 * 1024;
for (const ending of [".md", ".markdown"])
  readers[ending] = { read: textReader(readMarkdown), maxBytes: MAX_TEXT_BYTES };
for (const ending of [".html", ".htm", ".xhtml"])
  readers[ending] = {
    read: (bytes) => ({ blocks: readHtml(decodeHtml(bytes)), warnings: [] }),
    maxBytes: MAX_TEXT_BYTES,
  };
readers[".txt"] = { read: textReader(readPlainText), maxBytes: MAX_TEXT_BYTES };
readers[".docx"] = {
  maxBytes: MAX_BINARY_BYTES,
  async read(bytes) {
    const { readDocx } = await import("./read-docx.ts");
    const warnings: string[] = [];
    return { blocks: readDocx(bytes, (warning) => warnings.push(warning)), warnings };
  },
};
readers[".pdf"] = {
  maxBytes: MAX_BINARY_BYTES,
  async read(bytes, signal) {
    const { readPdf } = await import("./read-pdf.ts");
    const { blocks, pageCount, pagesWithoutText } = await readPdf(bytes, signal);
    const count = pagesWithoutText.length;
    const shown = pagesWithoutText.slice(0, 10).join(", ") + (count > 10 ? ", …" : "");
    return {
      blocks,
      warnings: count === 0 ? [] : [`${count} of ${pageCount} pages hold no text (${shown}); pictures are not read`],
    };
  },
};

export const readableEndings: readonly string[] = Object.keys(readers);

/** What of this file is read; undefined when its ending is not known. */
export function maxDocumentBytes(name: string): number | undefined {
  return readers[extname(name).toLowerCase()]?.maxBytes;
}

/** Throws `IlabError` with a code `DOCUMENT_…` and a message about "it", the document. */
export async function readDocument(name: string, bytes: Buffer, signal?: AbortSignal): Promise<ReadDocumentResult> {
  const reader = readers[extname(name).toLowerCase()];
  if (reader === undefined)
    throw new IlabError({
      code: "DOCUMENT_FORMAT_UNSUPPORTED",
      message: `its format is not known; known are ${readableEndings.join(", ")}`,
      hint: "Convert it to Markdown.",
    });
  expectFormat(name, bytes);
  return await reader.read(bytes, signal);
}
