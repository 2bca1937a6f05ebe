/** The words of a PDF's pages with their places, by pdf.js: what lies across the reading direction (stamps, watermarks) is left out. */
import type { getDocumentProxy } from "unpdf";
import { IlabError, throwIfAborted } from "../../../util/errors.ts";
import { checkStreams } from "./check-streams.ts";
import { PredefinedCmaps } from "./predefined-cmaps.ts";

export interface PdfWord {
  /** Of one style and without a wide gap: a word, or several. */
  text: string;
  left: number;
  right: number;
  /** Of the baseline, from the top of the page. */
  y: number;
  /** Of the font, in points. */
  size: number;
  font: string;
  isMonospace: boolean;
}

export interface PdfPage {
  width: number;
  height: number;
  words: PdfWord[];
}

/** A long reference manual has 2,000 pages; every page takes some ten milliseconds. */
export const MAX_PDF_PAGES = 5_000;
/** A dense page of a newspaper has 10,000; what is beyond is drawn, not written. */
const MAX_WORDS_PER_PAGE = 100_000;
const MAX_CHARACTERS = 64 * 1024 * 1024;
/** A few bytes can unpack to hours of work, page after page. pdf.js cannot be stopped inside of one. */
const MAX_SECONDS = 600;

/** Throws `DOCUMENT_DAMAGED`, `DOCUMENT_LOCKED`, `DOCUMENT_TOO_LARGE`. */
export async function readPdfPages(bytes: Uint8Array, signal?: AbortSignal): Promise<PdfPage[]> {
  checkStreams(bytes);
  const { getResolvedPDFJS } = await import("unpdf");
  const { getDocument } = await getResolvedPDFJS();
  // pdf.js takes the memory away from whoever gave it.
  const task = getDocument({
    data: Uint8Array.from(bytes),
    verbosity: 0,
    isEvalSupported: false,
    useSystemFonts: false,
    cMapUrl: "predefined/",
    cMapPacked: false,
    useWorkerFetch: false,
    BinaryDataFactory: PredefinedCmaps,
  });
  const started = performance.now();
  try {
    const document = await task.promise;
    if (document.numPages > MAX_PDF_PAGES)
      throw tooLarge(`it has ${document.numPages} pages; the limit is ${MAX_PDF_PAGES}`);
    const pages: PdfPage[] = [];
    let characters = 0;
    for (let number = 1; number <= document.numPages; number++) {
      throwIfAborted(signal);
      if (performance.now() - started > MAX_SECONDS * 1000)
        throw tooLarge(`reading its first ${number - 1} pages took more than ${MAX_SECONDS} s`);
      const page = await document.getPage(number);
      const viewport = page.getViewport({ scale: 1 });
      const placed: PlacedWord[] = [];
      for await (const { items, styles } of textOf(page, number))
        for (const item of items) {
          if (!("str" in item) || item.str.trim() === "") continue;
          characters += item.str.length;
          const isMonospace = styles[item.fontName]?.fontFamily === "monospace";
          placed.push(placeWord(item as TextItem, viewport.transform, isMonospace));
        }
      if (characters > MAX_CHARACTERS) throw tooLarge(`it has more than ${MAX_CHARACTERS} characters`);
      pages.push(uprightPage(placed, viewport.width, viewport.height));
      page.cleanup();
    }
    return pages;
  } catch (error) {
    throw describe(error);
  } finally {
    await task.destroy();
  }
}

type PdfPageProxy = Awaited<ReturnType<Awaited<ReturnType<typeof getDocumentProxy>>["getPage"]>>;
type TextContent = Awaited<ReturnType<PdfPageProxy["getTextContent"]>>;

/** In parts, so that a page that has nothing but text is left in time. */
async function* textOf(page: PdfPageProxy, number: number): AsyncGenerator<TextContent> {
  const reader = (page.streamTextContent() as ReadableStream<TextContent>).getReader();
  let pieces = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      pieces += value.items.length;
      if (pieces > MAX_WORDS_PER_PAGE)
        throw tooLarge(`its page ${number} has more than ${MAX_WORDS_PER_PAGE} pieces of text`);
      yield value;
    }
  } finally {
    reader.cancel(new Error("enough")).catch(() => {});
  }
}

interface TextItem {
  str: string;
  /** `[a b c d e f]`: direction of the text, of its height, place of its beginning; y counts from the bottom. */
  transform: number[];
  width: number;
  fontName: string;
}

interface PlacedWord {
  text: string;
  x: number;
  y: number;
  width: number;
  size: number;
  /** Quarter turns clockwise from left-to-right; undefined for what stands askew. */
  turn: number | undefined;
  font: string;
  isMonospace: boolean;
}

function placeWord({ str, transform, width, fontName }: TextItem, view: number[], isMonospace: boolean): PlacedWord {
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = transform;
  const [va = 1, vb = 0, vc = 0, vd = 1, ve = 0, vf = 0] = view;
  const direction = Math.atan2(vb * a + vd * b, va * a + vc * b) / (Math.PI / 2);
  const nearest = Math.round(direction);
  return {
    text: str.normalize("NFC"),
    x: va * e + vc * f + ve,
    y: vb * e + vd * f + vf,
    width,
    size: Math.hypot(c, d) || Math.hypot(a, b) || 1,
    turn: Math.abs(direction - nearest) < 0.03 ? (nearest + 4) % 4 : undefined,
    font: fontName,
    isMonospace,
  };
}

/** Turned so that most of its text runs from left to right, as a reader turns a page with a wide table. */
function uprightPage(placed: PlacedWord[], width: number, height: number): PdfPage {
  const lengths = [0, 0, 0, 0];
  for (const { turn, text } of placed) if (turn !== undefined) lengths[turn]! += text.length;
  const main = lengths.indexOf(Math.max(...lengths));
  const words = placed
    .filter(({ turn }) => turn === main)
    .map(({ text, x, y, width: length, size, font, isMonospace }): PdfWord => {
      const [left, base] = [
        [x, y],
        [y, width - x],
        [width - x, height - y],
        [height - y, x],
      ][main] as [number, number];
      return { text, left, right: left + length, y: base, size, font, isMonospace };
    });
  return main % 2 === 0 ? { width, height, words } : { width: height, height: width, words };
}

function tooLarge(message: string): IlabError {
  return new IlabError({ code: "DOCUMENT_TOO_LARGE", message, hint: "Split it into several files." });
}

function describe(error: unknown): unknown {
  const { name, message } = error as Error;
  if (error instanceof IlabError) return error;
  if (name === "PasswordException")
    return new IlabError({
      code: "DOCUMENT_LOCKED",
      message: "it is protected by a password",
      hint: "Save it without a password.",
      cause: error,
    });
  return new IlabError({
    code: "DOCUMENT_DAMAGED",
    message: `it cannot be read as a PDF: ${message}`,
    hint: "Open it in a PDF viewer; if it shows there, print it to a new PDF.",
    cause: error,
  });
}
