/** PDF -> blocks, from the places of its words: no pictures are looked at, so a scan has nothing to read and says so. */
import { IlabError } from "../../util/errors.ts";
import type { DocumentBlock } from "./document-block.ts";
import { pdfBlocks } from "./pdf/pdf-blocks.ts";
import { documentLines } from "./pdf/pdf-lines.ts";
import { type PdfPage, readPdfPages } from "./pdf/pdf-pages.ts";
import { removePageFurniture } from "./pdf/remove-page-furniture.ts";

/** Fewer letters than this on a page, on average, are stamps and page numbers of a scan; a short document may be a picture and its caption. */
const MIN_LETTERS_PER_PAGE = 20;
const MAX_PAGES_OF_SHORT_TEXT = 3;
/** Of a page's signs; more of them without a meaning is a font without a table of its letters. */
const MAX_UNREADABLE_SHARE = 0.3;

export interface PdfContent {
  blocks: DocumentBlock[];
  pageCount: number;
  /** From 1; they hold pictures, or nothing. */
  pagesWithoutText: number[];
}

/** Throws `DOCUMENT_NO_TEXT`, `DOCUMENT_DAMAGED`, `DOCUMENT_LOCKED`, `DOCUMENT_TOO_LARGE`. */
export async function readPdf(bytes: Uint8Array, signal?: AbortSignal): Promise<PdfContent> {
  const pages = await readPdfPages(bytes, signal);
  if (pages.length === 0)
    throw new IlabError({
      code: "DOCUMENT_DAMAGED",
      message: "it has no pages",
      hint: "Open it in a PDF viewer; if it shows there, print it to a new PDF.",
    });
  const letters = pages.map(letterCount);
  const total = letters.reduce((sum, count) => sum + count, 0);
  const signs = pages.flatMap(({ words }) => words.map(({ text }) => text)).join("");
  const unreadable = signs.match(/[\ufffd\p{Co}\p{Cc}]/gu)?.length ?? 0;
  if (unreadable > MAX_UNREADABLE_SHARE * signs.length)
    throw noText("its text cannot be read: its fonts do not say which letters they show");
  const isShort = pages.length > MAX_PAGES_OF_SHORT_TEXT && total < MIN_LETTERS_PER_PAGE * pages.length;
  const blocks = isShort ? [] : pdfBlocks(documentLines(removePageFurniture(pages)));
  if (blocks.length === 0)
    throw noText(
      `it has no text: its ${pages.length} ${pages.length === 1 ? "page is a picture" : "pages are pictures"}, such as a scanner makes`,
    );
  return {
    blocks,
    pageCount: pages.length,
    pagesWithoutText: letters.flatMap((count, index) => (count === 0 ? [index + 1] : [])),
  };
}

function letterCount({ words }: PdfPage): number {
  return words.reduce((sum, { text }) => sum + (text.match(/[\p{L}\p{N}]/gu)?.length ?? 0), 0);
}

function noText(message: string): IlabError {
  return new IlabError({
    code: "DOCUMENT_NO_TEXT",
    message,
    hint: "Run it through a program that recognises text (OCR), or set generate.docling_url to a docling-serve server, which does.",
  });
}
