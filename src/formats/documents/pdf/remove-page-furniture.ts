/** Takes out what stands on page after page at the same place, apart from the text: headers, footers, page numbers. */
import { roundSize } from "./document-style.ts";
import type { PdfPage, PdfWord } from "./pdf-pages.ts";
import { joinWords, mainSize, median, wordRows } from "./pdf-rows.ts";

/** Rows from the top and from the bottom that are looked at, and the part of the page where they may be. */
const MARGIN_ROWS = 3;
const MARGIN_SHARE = 0.15;
/** Points that a row may move from page to page. */
const PLACE_TOLERANCE = 4;
/** White between furniture and text, beyond that between the text's lines, as a part of its size. */
const MIN_EXTRA_WHITE = 0.35;
/** Of the text's size. What is bigger is a title, unless nearly every page has it; at the bottom titles are rare. */
const MAX_TOP_SIZE = 1.05;
const MAX_BOTTOM_SIZE = 1.3;
const MIN_PAGES_OF_BIG_ROW = 5;
const MIN_SHARE_OF_BIG_ROW = 0.8;
/** On a full page the text may come close. */
const MIN_SHARE_APART = 0.5;
/** A size is the text's if this share of the characters has it: code or notes may outweigh it. */
const TEXT_SIZE_SHARE = 0.2;
/** Pages one after the other, or every second one, that must have a row; a short document has no more than a half of them. */
const MIN_PAGES_IN_A_ROW = 3;

interface MarginRow {
  page: number;
  words: PdfWord[];
  text: string;
  isApart: boolean;
  isBig: boolean;
}

interface UsualText {
  size: number;
  white: number;
}

export function removePageFurniture(pages: readonly PdfPage[]): PdfPage[] {
  const rowsOfPages = pages.map(({ words }) => wordRows(words));
  const usual = usualText(rowsOfPages);
  const groups = new Map<string, MarginRow[]>();
  for (const [index, page] of pages.entries())
    for (const { isTop, ...row } of marginRows(rowsOfPages[index]!, page.height, usual)) {
      const place = isTop ? row.words[0]!.y : page.height - row.words[0]!.y;
      const key = `${isTop} ${Math.round(place / PLACE_TOLERANCE)} ${row.text.replace(/\d+/g, "#")}`;
      // Roman numerals count the pages of a preface.
      const generalKey = /^[ivxlc]{1,7}$/i.test(row.text) ? key.replace(/\S+$/, "#") : key;
      groups.set(generalKey, [...(groups.get(generalKey) ?? []), { page: index, ...row }]);
    }
  const gone = new Set<PdfWord>();
  for (const rows of groups.values())
    for (const { words } of furnitureOf(rows, pages.length)) for (const word of words) gone.add(word);
  return pages.map((page) => ({ ...page, words: page.words.filter((word) => !gone.has(word)) }));
}

function usualText(rowsOfPages: readonly PdfWord[][][]): UsualText {
  const characters = new Map<number, number>();
  let total = 0;
  for (const word of rowsOfPages.flat(2)) {
    const size = roundSize(word.size);
    characters.set(size, (characters.get(size) ?? 0) + word.text.length);
    total += word.text.length;
  }
  const sizes = [...characters].filter(([, count]) => count >= TEXT_SIZE_SHARE * total).map(([size]) => size);
  const size = Math.max(...(sizes.length > 0 ? sizes : characters.keys()), 1);
  const whites = rowsOfPages.flatMap((rows) =>
    rows.slice(1).flatMap((row, index) => (Math.abs(sizeOf(row) - size) < 1 ? [whiteBetween(rows[index]!, row)] : [])),
  );
  return { size, white: median(whites) };
}

const sizeOf = (row: readonly PdfWord[]) => Math.max(...row.map(({ size }) => size));

/** No running title is one. */
const isSentence = (row: readonly PdfWord[], usual: UsualText) =>
  mainSize(row) > 0.95 * usual.size && /(?: \S+){4}[.!?:;]$/.test(joinWords(row));

const whiteBetween = (above: readonly PdfWord[], below: readonly PdfWord[]) =>
  below[0]!.y - sizeOf(below) - above[0]!.y;

type Row = Omit<MarginRow, "page"> & { isTop: boolean };

/** Those that stand apart do so alone or together, above the first or below the last strip of white. */
function marginRows(rows: PdfWord[][], height: number, usual: UsualText): Row[] {
  const isWhiteAbove = (index: number) =>
    index === 0 ||
    index === rows.length ||
    whiteBetween(rows[index - 1]!, rows[index]!) >= usual.white + MIN_EXTRA_WHITE * usual.size;
  const found: Row[] = [];
  for (const [index, words] of rows.entries()) {
    const fromEnd = rows.length - 1 - index;
    const isTop = index < MARGIN_ROWS && words[0]!.y < height * MARGIN_SHARE;
    const isBottom = fromEnd < MARGIN_ROWS && words[0]!.y > height * (1 - MARGIN_SHARE);
    if (!(isTop || isBottom) || isSentence(words, usual)) continue;
    const edges = isTop ? range(index + 1, MARGIN_ROWS) : range(rows.length - MARGIN_ROWS, index);
    const text = joinWords(words);
    const size = mainSize(words) / usual.size;
    const isBig = isTop ? size > MAX_TOP_SIZE : size > MAX_BOTTOM_SIZE && !isPageNumber(text);
    found.push({ words, text, isTop, isBig, isApart: edges.some(isWhiteAbove) });
  }
  return found;
}

const range = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, step) => from + step).filter((at) => at >= 0);

/** Of rows that are alike but for their numbers: those that repeat their words, or whose numbers count the pages. */
function furnitureOf(rows: readonly MarginRow[], pageCount: number): readonly MarginRow[] {
  if (rows.filter(({ isApart }) => isApart).length < MIN_SHARE_APART * rows.length) return [];
  const isBig = rows.some((row) => row.isBig);
  if (!isBig && rows.length === 1)
    return pageCount > 1 && /^[[(|–—-]?\s*\d{1,4}\s*[\])|–—-]?$/.test(rows[0]!.text) ? rows : [];
  const [isCounting, isNumber] = [countsPages(rows), rows.every(({ text }) => isPageNumber(text))];
  // Pages that begin a chapter have their numbers elsewhere.
  if (!isBig && (isCounting || isNumber)) return isCounting && isNumber ? rows : inARow(rows, 2);
  const needed = isBig
    ? Math.max(MIN_PAGES_OF_BIG_ROW, MIN_SHARE_OF_BIG_ROW * pageCount)
    : Math.min(MIN_PAGES_IN_A_ROW, Math.max(2, Math.ceil(pageCount / 2)));
  // "Chapter 1" and "Chapter 2" are counted apart.
  return [...new Set(rows.map(({ text }) => text))].flatMap((one) =>
    inARow(
      rows.filter(({ text }) => text === one),
      needed,
    ),
  );
}

function isPageNumber(text: string): boolean {
  return /^(?:[\p{L}.]{1,8} )?[[(|–—-]?\s*(?:\d{1,4}|[ivxlc]{1,7})\s*(?:(?:\/|of|von|de|sur|di|van) ?\d{1,4})?\s*[\])|–—-]?$/iu.test(
    text,
  );
}

function countsPages(rows: readonly MarginRow[]): boolean {
  const numbers = rows
    .filter(({ text }) => /\d/.test(text))
    .map(({ text, page }) => (text.match(/\d+/g) ?? []).map((number) => Number(number) - page));
  return (numbers[0] ?? []).some((_, place) => {
    const offsets = numbers.map((row) => row[place]);
    const usual = offsets.toSorted((a, b) => (a ?? 0) - (b ?? 0))[Math.floor(offsets.length / 2)];
    return offsets.filter((offset) => offset === usual).length >= 0.8 * offsets.length;
  });
}

/** Those of page after page, or of every second page, that are enough. */
function inARow(rows: readonly MarginRow[], needed: number): MarginRow[] {
  const runs: MarginRow[][] = [];
  for (const row of rows) {
    const last = runs.at(-1);
    if (last !== undefined && row.page - last.at(-1)!.page <= 2) last.push(row);
    else runs.push([row]);
  }
  return runs.filter((run) => run.length >= needed).flat();
}
