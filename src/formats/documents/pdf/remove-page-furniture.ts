/** Takes out what stands on page after page at the same place: headers, footers, page numbers. */
import { joinWords, wordRows } from "./pdf-lines.ts";
import type { PdfPage, PdfWord } from "./pdf-pages.ts";

/** Rows from the top and from the bottom that are looked at, and the part of the page where they may be. */
const MARGIN_ROWS = 3;
const MARGIN_SHARE = 0.15;
/** Points that a row may move from page to page. */
const PLACE_TOLERANCE = 4;

interface MarginRow {
  page: number;
  words: PdfWord[];
  text: string;
}

export function removePageFurniture(pages: readonly PdfPage[]): PdfPage[] {
  const groups = new Map<string, MarginRow[]>();
  for (const [index, page] of pages.entries())
    for (const { row, isTop } of marginRows(page)) {
      const text = joinWords(row);
      const place = isTop ? row[0]!.y : page.height - row[0]!.y;
      const key = `${isTop} ${Math.round(place / PLACE_TOLERANCE)} ${text.replace(/\d+/g, "#")}`;
      // Roman numerals count the pages of a preface.
      const generalKey = /^[ivxlc]{1,7}$/i.test(text) ? key.replace(/\S+$/, "#") : key;
      groups.set(generalKey, [...(groups.get(generalKey) ?? []), { page: index, words: row, text }]);
    }
  const gone = new Set<PdfWord>();
  for (const rows of groups.values())
    if (isFurniture(rows, pages.length)) for (const { words } of rows) for (const word of words) gone.add(word);
  return pages.map((page) => ({ ...page, words: page.words.filter((word) => !gone.has(word)) }));
}

function marginRows(page: PdfPage): { row: PdfWord[]; isTop: boolean }[] {
  const rows = wordRows(page.words);
  const top = rows.slice(0, MARGIN_ROWS).filter((row) => row[0]!.y < page.height * MARGIN_SHARE);
  const bottom = rows.slice(-MARGIN_ROWS).filter((row) => row[0]!.y > page.height * (1 - MARGIN_SHARE));
  return [...top.map((row) => ({ row, isTop: true })), ...bottom.map((row) => ({ row, isTop: false }))];
}

/** The same words on several pages, or a number that counts the pages. "Chapter 1" and "Chapter 2" are neither. */
function isFurniture(rows: readonly MarginRow[], pageCount: number): boolean {
  const isPageNumber = (text: string) =>
    /^(?:[\p{L}.]{1,8} )?[[(|–—-]?\s*(?:\d{1,4}|[ivxlc]{1,7})\s*(?:(?:\/|of|von|de|sur|di|van) ?\d{1,4})?\s*[\])|–—-]?$/iu.test(
      text,
    );
  if (rows.length === 1) return pageCount > 1 && /^[[(|–—-]?\s*\d{1,4}\s*[\])|–—-]?$/.test(rows[0]!.text);
  const texts = new Set(rows.map(({ text }) => text));
  if (texts.size < rows.length) return true;
  const numbers = rows.map(({ text, page }) => (text.match(/\d+/g) ?? []).map((number) => Number(number) - page));
  const counts = (numbers[0] ?? []).some((_, place) => {
    const offsets = numbers.map((row) => row[place]);
    const usual = offsets.toSorted((a, b) => (a ?? 0) - (b ?? 0))[Math.floor(offsets.length / 2)];
    return offsets.filter((offset) => offset === usual).length >= 0.8 * offsets.length;
  });
  return counts || rows.every(({ text }) => isPageNumber(text));
}
