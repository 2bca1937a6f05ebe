/** Words on one height -> rows, their stretches without a gap, their text. */
import { raisedText } from "../inline-text.ts";
import type { PdfWord } from "./pdf-pages.ts";

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
export const WORD_GAP = 0.5;

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

/** A gap of more than this part of the font's size is a space; kerning moves letters by less. */
const SPACE_GAP = 0.15;

/** Words from left to right -> text in reading order. */
export function joinWords(words: readonly PdfWord[]): string {
  let text = "";
  const base = words.reduce((largest, word) => (word.size > largest.size ? word : largest), words[0]!);
  const ordered = isRightToLeft(words.map((word) => word.text).join("")) ? fromRightToLeft(words) : words;
  for (const [index, word] of ordered.entries()) {
    const before = ordered[index - 1];
    const isRaised = word.size < 0.8 * base.size && word.y < base.y - 0.2 * base.size;
    const gap = before === undefined ? 0 : Math.max(word.left - before.right, before.left - word.right);
    if (gap > SPACE_GAP * base.size && !isRaised) text += " ";
    text += isRaised ? raisedText(word.text) : word.text;
  }
  return text.replace(/\s+/g, " ").trim();
}

const RIGHT_TO_LEFT = /[\p{Script=Arabic}\p{Script=Hebrew}\p{Script=Syriac}\p{Script=Thaana}]/gu;

export function isRightToLeft(text: string): boolean {
  return (text.match(RIGHT_TO_LEFT)?.length ?? 0) > 0.5 * (text.match(/\p{L}/gu)?.length ?? 0);
}

/** Foreign words and numbers among them are read from left to right. pdf.js has put the letters of each piece in order. */
function fromRightToLeft(words: readonly PdfWord[]): PdfWord[] {
  const runs: PdfWord[][] = [];
  let isForeign = false;
  for (const word of words) {
    const wasForeign = isForeign;
    isForeign = /[\p{L}\p{N}]/u.test(word.text) && !new RegExp(RIGHT_TO_LEFT, "u").test(word.text);
    if (isForeign && wasForeign) runs.at(-1)!.push(word);
    else runs.push([word]);
  }
  return runs.reverse().flat();
}

export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}
