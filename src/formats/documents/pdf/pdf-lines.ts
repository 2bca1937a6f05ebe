/** Words of a page -> lines in reading order. Columns of text are found by the white strip between them and read one after the other. */
import { findFloat, type PdfFloat } from "./find-float.ts";
import type { PdfPage, PdfWord } from "./pdf-pages.ts";
import { isRightToLeft, joinWords, mainSize, median, spansOf, WORD_GAP, wordRows } from "./pdf-rows.ts";

export interface PdfLine {
  /** From left to right. */
  words: PdfWord[];
  text: string;
  /** Where it begins and ends for its reader: negative and exchanged where a flow runs from right to left. */
  left: number;
  right: number;
  y: number;
  /** Of most of its characters. */
  size: number;
  font: string;
  isMonospace: boolean;
  /** Lines that are read one below the other have the same number; it rises through the document. */
  flow: number;
  /** Beside the text, as an infobox: no heading of it, and no footnotes. */
  isAside: boolean;
}

interface Flow {
  rows: PdfWord[][];
  isAside: boolean;
}

/** All lines of a document. */
export function documentLines(pages: readonly PdfPage[]): PdfLine[] {
  const usual = usualGutter(pages);
  const flows: Flow[] = [];
  for (const { words } of pages) layOut(words, flows, 0, usual);
  return flows.flatMap(({ rows, isAside }, flow) => {
    const lines = rows.map((row) => ({ ...createLine(row, flow), isAside }));
    const isMirrored = isRightToLeft(lines.map(({ text }) => text).join(""));
    return isMirrored ? lines.map((line) => ({ ...line, left: -line.right, right: -line.left })) : lines;
  });
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
function layOut(words: PdfWord[], flows: Flow[], depth: number, usual?: Gutter): void {
  const rows = wordRows(words);
  const isUsual = usual !== undefined && rows.filter((row) => crosses(row, usual)).length < 0.5 * rows.length;
  const gutter = depth < MAX_DEPTH ? (findGutter(rows) ?? (isUsual ? usual : undefined)) : undefined;
  if (gutter === undefined) {
    const floats = depth < MAX_DEPTH ? floatsOf(rows) : [];
    if (floats.length > 0) layOutAround(floats, words, flows, depth);
    else if (rows.length > 0) flows.push({ rows, isAside: false });
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

/** More than stand on any page. */
const MAX_FLOATS = 6;

function floatsOf(rows: PdfWord[][]): PdfFloat[] {
  const floats: PdfFloat[] = [];
  for (let left = rows; floats.length < MAX_FLOATS; ) {
    const float = findFloat(left, isText);
    if (float === undefined) break;
    floats.push(float);
    const own = new Set(float.words);
    left = wordRows(left.flat().filter((word) => !own.has(word)));
  }
  return floats;
}

/** What stands beside the text follows at the next paragraph's end. */
function layOutAround(floats: readonly PdfFloat[], words: readonly PdfWord[], flows: Flow[], depth: number): void {
  const own = new Set(floats.flatMap((float) => float.words));
  const rows = wordRows(words.filter((word) => !own.has(word)));
  const cuts = floats.flatMap((float) => [
    ...besideEdges(rows, float).map((y) => ({ y, float: undefined })),
    { y: paragraphEnd(rows, float) ?? Number.MAX_VALUE, float },
  ]);
  let from = Number.NEGATIVE_INFINITY;
  for (const { y, float } of [...cuts.sort((a, b) => a.y - b.y), { y: Number.POSITIVE_INFINITY, float: undefined }]) {
    layOut(rows.filter((row) => row[0]!.y >= from && row[0]!.y < y).flat(), flows, depth);
    from = y;
    if (float === undefined) continue;
    const first = flows.length;
    layOut(float.words, flows, depth + 1);
    if (!float.isLong) for (const flow of flows.slice(first)) flow.isAside = true;
  }
}

/** Where the text beside begins and ends, if its lines are shorter than the others. */
function besideEdges(rows: readonly PdfWord[][], { top, bottom }: PdfFloat): number[] {
  const size = median(rows.map(mainSize));
  const isAt = (row: readonly PdfWord[]) => row[0]!.y >= top - size && row[0]!.y < bottom + size;
  const first = rows.findIndex(isAt);
  const [own, all] = [edgesOf(rows.filter(isAt)), edgesOf(rows)];
  if (first < 0 || (own.left <= all.left + 2 * size && own.right >= all.right - 2 * size)) return [];
  const isShort = (row: readonly PdfWord[] | undefined) =>
    row !== undefined && row[0]!.left > own.left - size && row.at(-1)!.right < own.right + size;
  let [start, end] = [first, first];
  while (isShort(rows[start - 1])) start -= 1;
  while (rows[end] !== undefined && (isAt(rows[end]!) || isShort(rows[end]))) end += 1;
  return [start, end].flatMap((at) => rows.slice(at, at + 1).map((row) => row[0]!.y - 1));
}

function edgesOf(rows: readonly PdfWord[][]): { left: number; right: number } {
  return {
    left: Math.min(...rows.map((row) => row[0]!.left)),
    right: Math.max(...rows.map((row) => row.at(-1)!.right)),
  };
}

/** Above which row the first paragraph ends below a float, or else the last one beside it. */
function paragraphEnd(rows: readonly PdfWord[][], { top, bottom }: PdfFloat): number | undefined {
  const gaps = rows.slice(1).map((row, index) => row[0]!.y - rows[index]![0]!.y);
  const usual = median(gaps);
  const size = median(rows.map(mainSize));
  const ends = rows
    .slice(1)
    // Not between a title and its text.
    .filter((_, index) => gaps[index]! > 1.3 * usual && mainSize(rows[index]!) < 1.1 * size)
    .map((row) => row[0]!.y);
  return ends.find((y) => y > bottom) ?? ends.findLast((y) => y > top);
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

function createLine(words: PdfWord[], flow: number): Omit<PdfLine, "isAside"> {
  const main = words.reduce((longest, word) => (word.text.length > longest.text.length ? word : longest));
  const text = joinWords(words);
  return {
    words,
    text,
    left: words[0]!.left,
    right: Math.max(...words.map(({ right }) => right)),
    y: main.y,
    size: main.size,
    font: main.font,
    // Fonts of Chinese and Japanese have one width, whatever they are for.
    isMonospace: words.every(({ isMonospace }) => isMonospace) && !isIdeographic(text),
    flow,
  };
}

function isIdeographic(text: string): boolean {
  return (
    (text.match(/[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}]/gu)?.length ?? 0) >
    0.5 * text.length
  );
}
