/** Words of a page -> lines in reading order. Columns of text are found by the white strip between them and read one after the other. */
import { raisedText } from "../inline-text.ts";
import type { PdfPage, PdfWord } from "./pdf-pages.ts";

export interface PdfLine {
  /** From left to right. */
  words: PdfWord[];
  text: string;
  left: number;
  right: number;
  y: number;
  /** Of most of its characters. */
  size: number;
  font: string;
  isMonospace: boolean;
  /** Lines that are read one below the other have the same number; it rises through the document. */
  flow: number;
}

/** All lines of a document. */
export function documentLines(pages: readonly PdfPage[]): PdfLine[] {
  const usual = usualGutter(pages);
  const flows: PdfWord[][][] = [];
  for (const { words } of pages) layOut(words, flows, 0, usual);
  return flows.flatMap((rows, flow) => rows.map((row) => createLine(row, flow)));
}

/** Where most pages have their gutter: on a page full of pictures there is too little text to tell. */
function usualGutter(pages: readonly PdfPage[]): Gutter | undefined {
  const places = new Map<number, Gutter[]>();
  for (const { words } of pages) {
    const gutter = findGutter(wordRows(words));
    const place = gutter === undefined ? -1 : Math.round((gutter.from + gutter.to) / 20);
    places.set(place, [...(places.get(place) ?? []), ...(gutter === undefined ? [] : [gutter])]);
  }
  const gutters = [...places.values()].reduce((most, list) => (list.length > most.length ? list : most), []);
  if (gutters.length < 2 || gutters.length < 0.4 * pages.length) return undefined;
  return { from: Math.max(...gutters.map(({ from }) => from)), to: Math.min(...gutters.map(({ to }) => to)) };
}

/** More columns than any page of text; also ends the recursion. */
const MAX_DEPTH = 3;

/** Adds flows, each a list of rows from the top down. */
function layOut(words: PdfWord[], flows: PdfWord[][][], depth: number, usual?: Gutter): void {
  const rows = wordRows(words);
  const isUsual = usual !== undefined && rows.filter((row) => crosses(row, usual)).length < 0.5 * rows.length;
  const gutter = depth < MAX_DEPTH ? (findGutter(rows) ?? (isUsual ? usual : undefined)) : undefined;
  if (gutter === undefined) {
    if (rows.length > 0) flows.push(rows);
    return;
  }
  const middle = (gutter.from + gutter.to) / 2;
  let band: PdfWord[] = [];
  let whole: PdfWord[] = [];
  const flush = () => {
    if (whole.length > 0) layOut(whole, flows, MAX_DEPTH);
    layOut(
      band.filter(({ left }) => left < middle),
      flows,
      depth + 1,
    );
    layOut(
      band.filter(({ left }) => left >= middle),
      flows,
      depth + 1,
    );
    [band, whole] = [[], []];
  };
  for (const row of rows)
    if (crosses(row, gutter)) {
      if (band.length > 0) flush();
      whole.push(...row);
    } else band.push(...row);
  flush();
}

interface Gutter {
  from: number;
  to: number;
}

/** A line may hang a little over the edge of its column. */
function crosses(row: readonly PdfWord[], gutter: Gutter): boolean {
  const inset = (gutter.to - gutter.from) * 0.2;
  return spansOf(row, WORD_GAP).some(({ from, to }) => from < gutter.from + inset && to > gutter.to - inset);
}

/** Words on one baseline, with what is raised or lowered beside them; rows from the top down, words from left to right. */
export function wordRows(words: readonly PdfWord[]): PdfWord[][] {
  const rows: PdfWord[][] = [];
  for (const word of words.toSorted((a, b) => a.y - b.y || a.left - b.left)) {
    const row = rows.at(-1);
    const first = row?.[0];
    if (first !== undefined && word.y - first.y <= 0.3 * Math.max(word.size, first.size)) row!.push(word);
    else rows.push([word]);
  }
  const merged: PdfWord[][] = [];
  for (const [index, row] of rows.entries()) {
    const size = mainSize(row);
    const below = rows[index + 1];
    const above = merged.at(-1);
    if (below !== undefined && isAttached(row, size, below, 0.7)) below.push(...row);
    else if (above !== undefined && isAttached(row, size, above, 0.4)) above.push(...row);
    else merged.push(row);
  }
  return merged.map((row) => row.sort((a, b) => a.left - b.left));
}

/** Exponents and indices: small, at the height of the other row and close to its words. */
function isAttached(row: readonly PdfWord[], size: number, other: readonly PdfWord[], reach: number): boolean {
  const otherSize = mainSize(other);
  if (size >= 0.85 * otherSize || Math.abs(other[0]!.y - row[0]!.y) > reach * otherSize) return false;
  return row.every((word) =>
    other.some(({ left, right }) => word.left > left - otherSize && word.left < right + otherSize),
  );
}

export function mainSize(words: readonly PdfWord[]): number {
  return words.reduce((longest, word) => (word.text.length > longest.text.length ? word : longest)).size;
}

/** Gaps up to this part of the font's size are between words. */
const WORD_GAP = 0.5;
const MIN_GUTTER = 0.8;
/** Share of the rows that may run across a gutter: titles, wide tables and figures. */
const MAX_CROSSING = 0.8;
/** What tells columns of text from columns of a table: width of the page, rows, characters in a row, rows that are nearly full. */
const MIN_COLUMN_WIDTH = 0.2;
const MIN_COLUMN_ROWS = 5;
const MIN_ROW_CHARACTERS = 18;
const MIN_FULL_ROWS = 0.4;

function findGutter(rows: readonly PdfWord[][]): Gutter | undefined {
  if (rows.length < MIN_COLUMN_ROWS) return undefined;
  const left = Math.floor(Math.min(...rows.map((row) => row[0]!.left)));
  const right = Math.ceil(Math.max(...rows.flatMap((row) => row.map((word) => word.right))));
  const width = right - left;
  if (!(width > 0 && width < 20_000)) return undefined;
  /** Rows that cover each point of the width. */
  const covered = new Array<number>(width + 1).fill(0);
  for (const row of rows)
    for (const { from, to } of spansOf(row, WORD_GAP))
      for (let x = Math.max(0, Math.floor(from - left)); x <= Math.min(width, to - left); x++) covered[x]! += 1;
  const highestFromLeft = new Array<number>(width + 1).fill(0);
  const highestFromRight = new Array<number>(width + 1).fill(0);
  for (let x = 0, best = 0; x <= width; x++) highestFromLeft[x] = best = Math.max(best, covered[x]!);
  for (let x = width, best = 0; x >= 0; x--) highestFromRight[x] = best = Math.max(best, covered[x]!);

  const size = median(rows.map(mainSize));
  let best: Gutter | undefined;
  for (let x = Math.ceil(width * MIN_COLUMN_WIDTH); x < width * (1 - MIN_COLUMN_WIDTH); x++) {
    const isLow = (at: number) => covered[at]! <= MAX_CROSSING * Math.min(highestFromLeft[at]!, highestFromRight[at]!);
    if (!isLow(x)) continue;
    const from = x;
    while (x < width && isLow(x)) x += 1;
    const found = { from: left + from, to: left + x };
    if (found.to - found.from < MIN_GUTTER * size) continue;
    const beside = rows.filter((row) => !crosses(row, found));
    const middle = (found.from + found.to) / 2;
    if (!isText(beside.map((row) => row.filter((word) => word.left < middle)))) continue;
    if (!isText(beside.map((row) => row.filter((word) => word.left >= middle)))) continue;
    if (best === undefined || found.to - found.from > best.to - best.from) best = found;
  }
  return best;
}

/** Whether what stands beside a gutter looks like running text. */
function isText(rows: readonly PdfWord[][]): boolean {
  const own = rows.filter((row) => row.length > 0);
  if (own.length < MIN_COLUMN_ROWS) return false;
  const characters = own.reduce((sum, row) => sum + row.reduce((count, { text }) => count + text.length, 0), 0);
  if (characters / own.length < MIN_ROW_CHARACTERS) return false;
  const [left, right] = [Math.min(...own.map((row) => row[0]!.left)), Math.max(...own.map((row) => row.at(-1)!.right))];
  const full = own.filter((row) => row.at(-1)!.right - row[0]!.left > 0.75 * (right - left));
  return full.length >= MIN_FULL_ROWS * own.length;
}

/** Stretches of a row without a gap of more than `gap` times the font's size. */
export function spansOf(row: readonly PdfWord[], gap: number): { from: number; to: number; words: PdfWord[] }[] {
  const spans: { from: number; to: number; words: PdfWord[] }[] = [];
  for (const word of row) {
    const last = spans.at(-1);
    if (last !== undefined && word.left - last.to <= gap * word.size) {
      last.to = Math.max(last.to, word.right);
      last.words.push(word);
    } else spans.push({ from: word.left, to: word.right, words: [word] });
  }
  return spans;
}

function createLine(words: PdfWord[], flow: number): PdfLine {
  const main = words.reduce((longest, word) => (word.text.length > longest.text.length ? word : longest));
  return {
    words,
    text: joinWords(words),
    left: words[0]!.left,
    right: Math.max(...words.map(({ right }) => right)),
    y: main.y,
    size: main.size,
    font: main.font,
    isMonospace: words.every(({ isMonospace }) => isMonospace),
    flow,
  };
}

/** A gap of more than this part of the font's size is a space; kerning moves letters by less. */
const SPACE_GAP = 0.15;

export function joinWords(words: readonly PdfWord[]): string {
  let text = "";
  const base = words.reduce((largest, word) => (word.size > largest.size ? word : largest), words[0]!);
  for (const [index, word] of words.entries()) {
    const before = words[index - 1];
    const isRaised = word.size < 0.8 * base.size && word.y < base.y - 0.2 * base.size;
    if (before !== undefined && word.left - before.right > SPACE_GAP * base.size && !isRaised) text += " ";
    text += isRaised ? raisedText(word.text) : word.text;
  }
  return text.replace(/\s+/g, " ").trim();
}

export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}
