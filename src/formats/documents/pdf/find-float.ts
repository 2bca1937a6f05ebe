/** Finds what stands beside running text without being a column of it: an infobox, a caption. Unlike a table's cells, its lines keep their own height. */
import type { PdfWord } from "./pdf-pages.ts";
import { mainSize, median, spansOf, WORD_GAP, wordRows } from "./pdf-rows.ts";

/** White between it and the text, as a part of the font's size. */
const MIN_GAP = 0.8;
const MIN_ROWS = 2;
/** Share of its rows that stand between two lines of the text. */
const MIN_BETWEEN = 0.4;
/** Further off a line's height than this part of its size is between the lines. */
const SAME_HEIGHT = 0.12;
/** Of the text beside it. */
const MIN_TEXT_ROWS = 5;
/** Of a text that is squeezed beside a picture: most of its lines are at the usual distance. */
const MIN_SQUEEZED_ROWS = 8;
const MIN_REGULAR = 0.8;
const MIN_SQUEEZED_CHARACTERS = 7;
/** Lines further apart belong to two paragraphs, in multiples of the usual distance. */
const MAX_LEADING = 2;
/** Of the characters of the text beside. */
const LONG_SHARE = 0.5;
/** More places to look at than any page of text has. */
const MAX_PLACES = 500;
const MAX_ROWS = 1000;

export interface PdfFloat {
  words: PdfWord[];
  /** Baselines of its first and last row. */
  top: number;
  bottom: number;
  /** As much text as what it stands beside: rather a column. */
  isLong: boolean;
}

/** The one with the most rows. */
export function findFloat(
  rows: readonly PdfWord[][],
  isText: (rows: readonly PdfWord[][]) => boolean,
): PdfFloat | undefined {
  if (rows.length < MIN_TEXT_ROWS || rows.length > MAX_ROWS) return undefined;
  const spans = rows.map((row) => spansOf(row, WORD_GAP));
  const places = new Set(spans.flatMap((row) => row.map(({ from }) => Math.floor(from))));
  if (places.size > MAX_PLACES) return undefined;
  let best: { rows: PdfWord[][]; text: PdfWord[][] } | undefined;
  for (const place of places) {
    const isCrossing = (row: readonly PdfWord[], index: number) =>
      spans[index]!.some(({ from, to }) => from < place && to > place - MIN_GAP * mainSize(row));
    for (const run of runsWithout(rows, isCrossing))
      for (const [side, text] of sidesOf(run, place)) {
        const isMore = side.length > (best?.rows.length ?? MIN_ROWS - 1);
        if (isMore && (isText(text) || isSqueezed(text)) && isBeside(side, text)) best = { rows: side, text };
      }
  }
  if (best === undefined) return undefined;
  const heights = best.rows.map(heightOf);
  return {
    words: best.rows.flat(),
    top: Math.min(...heights),
    bottom: Math.max(...heights),
    isLong: isText(best.text) && charactersOf(best.rows) > LONG_SHARE * charactersOf(best.text),
  };
}

function runsWithout<Row>(rows: readonly Row[], isEnd: (row: Row, index: number) => boolean): Row[][] {
  const runs: Row[][] = [[]];
  for (const [index, row] of rows.entries())
    if (isEnd(row, index)) runs.push([]);
    else runs.at(-1)!.push(row);
  return runs.filter((run) => run.length >= MIN_TEXT_ROWS);
}

/** Either may be the text. */
function sidesOf(run: readonly PdfWord[][], place: number): [PdfWord[][], PdfWord[][]][] {
  const words = run.flat();
  const [left, right] = [words.filter((word) => word.left < place), words.filter((word) => word.left >= place)];
  if (Math.min(left.length, right.length) < MIN_ROWS) return [];
  const [one, other] = [wordRows(left), wordRows(right)];
  return [
    [other, one],
    [one, other],
  ];
}

const charactersOf = (rows: readonly PdfWord[][]) => rows.flat().reduce((sum, { text }) => sum + text.length, 0);

const heightOf = (row: readonly PdfWord[]) =>
  row.reduce((longest, word) => (word.text.length > longest.text.length ? word : longest)).y;

const distances = (heights: readonly number[]) => heights.slice(1).map((y, index) => y - heights[index]!);

function isSqueezed(rows: readonly PdfWord[][]): boolean {
  const gaps = distances(rows.map(heightOf));
  const usual = median(gaps);
  return (
    rows.length >= MIN_SQUEEZED_ROWS &&
    charactersOf(rows) >= MIN_SQUEEZED_CHARACTERS * rows.length &&
    !rows.flat().some(({ isMonospace }) => isMonospace) &&
    gaps.filter((gap) => Math.abs(gap - usual) < 0.03 * usual).length >= MIN_REGULAR * gaps.length
  );
}

function isBeside(side: readonly PdfWord[][], text: readonly PdfWord[][]): boolean {
  if (text.length < MIN_TEXT_ROWS) return false;
  const lines = text.map(heightOf);
  const leading = median(distances(lines));
  const size = median(text.map(mainSize));
  const between = side.filter((row) => {
    const y = heightOf(row);
    const above = lines.findLast((line) => line <= y);
    const below = lines.find((line) => line > y);
    return (
      above !== undefined &&
      below !== undefined &&
      below - above < MAX_LEADING * leading &&
      Math.min(y - above, below - y) > SAME_HEIGHT * size
    );
  });
  // Two rows may stand between lines by chance, as those of a formula do.
  return between.length >= Math.max(MIN_ROWS, MIN_BETWEEN * side.length);
}
