/** Which lines are headings, and of which level: bigger than the text, or in another font and set apart from it. */
import { type DocumentStyle, roundSize } from "./document-style.ts";
import type { PdfLine } from "./pdf-lines.ts";

export interface PdfHeading {
  level: number;
  /** It goes on with the heading in the line above. */
  isContinued: boolean;
}

const BIGGER = 1.12;
const MAX_CHARACTERS = 200;
const MAX_CHARACTERS_IN_BODY_SIZE = 90;
/** A style that more of the document is written in is another kind of text. */
const MAX_SHARE = 0.3;
const MAX_SHARE_IN_BODY_SIZE = 0.2;

/** Of the body's: an abstract or index in small type has headings too. */
const MIN_TEXT_SIZE = 0.8;
/** A longer one, over all of its lines, is text that is bigger than the rest. */
const MAX_WORDS = 25;

export function findHeadings(lines: readonly PdfLine[], style: DocumentStyle): Map<PdfLine, PdfHeading> {
  const indexes = lines.flatMap((line, index) =>
    !line.isAside && (isBigger(line, style) || isSetApart(lines, index, style)) ? [index] : [],
  );
  const runs: number[][] = [];
  for (const index of indexes)
    if (runs.at(-1)?.at(-1) === index - 1 && goesOn(lines[index - 1]!, lines[index]!)) runs.at(-1)!.push(index);
    else runs.push([index]);
  const kept = runs
    .filter((run) => isHeading(paragraphAround(lines, run[0]!, run.at(-1)!)))
    .map((run) => run.map((index) => lines[index]!));
  const levels = levelsOf(kept.flat(), style);
  const headings = new Map<PdfLine, PdfHeading>();
  for (const run of kept)
    for (const [index, line] of run.entries())
      headings.set(line, {
        level: levels.get(line)!,
        isContinued: index > 0 && levels.get(line) === levels.get(run[index - 1]!),
      });
  return headings;
}

function goesOn(before: PdfLine, line: PdfLine): boolean {
  return (
    before.flow === line.flow &&
    roundSize(before.size) === roundSize(line.size) &&
    line.y - before.y < 1.7 * line.size &&
    !/^(?:\d+(?:\.\d+)*\.?|[A-Z]\.)\s/.test(line.text)
  );
}

/** With the lines of the same type that do not look like headings on their own. */
function paragraphAround(lines: readonly PdfLine[], first: number, last: number): string {
  const isOne = (before: PdfLine | undefined, line: PdfLine | undefined) =>
    before !== undefined && line !== undefined && before.font === line.font && goesOn(before, line);
  let [start, end] = [first, last];
  while (isOne(lines[start - 1], lines[start])) start -= 1;
  while (isOne(lines[end], lines[end + 1])) end += 1;
  return lines
    .slice(start, end + 1)
    .map(({ text }) => text)
    .join(" ");
}

function isHeading(text: string): boolean {
  return text.split(" ").length <= MAX_WORDS && !/\p{Ll}{3}[.!?]["'”’)]* \p{Lu}.*[.!?:]$/u.test(text);
}

function isBigger(line: PdfLine, style: DocumentStyle): boolean {
  return (
    line.size >= BIGGER * style.bodySize &&
    (line.text.match(/\p{L}/gu)?.length ?? 0) >= 2 &&
    line.text.length <= MAX_CHARACTERS &&
    style.shareOf(line) <= MAX_SHARE &&
    // Authors and addresses on a title page.
    !/@|,.*,/.test(line.text) &&
    !/^[•‣◦▪●○■□]/u.test(line.text)
  );
}

/** A short line of its own in a font that the text does not have, such as a bold one. */
function isSetApart(lines: readonly PdfLine[], index: number, style: DocumentStyle): boolean {
  const line = lines[index]!;
  if (line.font === style.bodyFont || line.isMonospace) return false;
  if (!line.words.every((word) => word.font === line.font)) return false;
  if (line.text.length > MAX_CHARACTERS_IN_BODY_SIZE || /[.,;:!?]$/.test(line.text)) return false;
  if (!/^(?:\p{Lu}|\d|[IVX]+\.)/u.test(line.text) || !/\p{L}{2}/u.test(line.text)) return false;
  if (/^(?:fig(?:ure|\.)|tab(?:le|\.)|abb(?:ildung|\.))\s*\d/i.test(line.text)) return false;
  // Labels in drawings, code.
  if (line.size < 0.95 * style.bodySize && (/[\\{}=_$/]/.test(line.text) || !/\p{L}{5}/u.test(line.text))) return false;
  if (style.shareOf(line) > MAX_SHARE_IN_BODY_SIZE) return false;
  const before = lines[index - 1];
  const after = lines.slice(index + 1, index + 3).find((next) => next.font !== line.font);
  const isFree =
    before?.flow !== line.flow ||
    line.y - before.y > 1.25 * style.leading * line.size ||
    before.font === line.font ||
    before.size > 1.1 * line.size;
  // Text of the usual kind must follow: a line of a title page has none.
  return (
    isFree &&
    after !== undefined &&
    after.flow === line.flow &&
    after.size > MIN_TEXT_SIZE * style.bodySize &&
    after.size < 1.1 * style.bodySize &&
    line.size > 0.95 * after.size
  );
}

/** The bigger, the higher; in the body's size by the depth of their numbers. A single biggest one at the beginning is the title. */
function levelsOf(found: readonly PdfLine[], style: DocumentStyle): Map<PdfLine, number> {
  const rank = (line: PdfLine) => (isBigger(line, style) ? roundSize(line.size) : 0);
  const ranks = [...new Set(found.map(rank))].sort((a, b) => b - a);
  const ofTop = found.filter((line) => rank(line) === ranks[0]);
  const isTitle =
    ranks.length > 1 &&
    found[0] !== undefined &&
    ofTop.length <= 4 &&
    ofTop.every((line) => line.flow === ofTop[0]!.flow && found.indexOf(line) < 4);
  const depths = found.filter((line) => rank(line) === 0).map(numberDepth);
  const depthOf = (line: PdfLine) => (rank(line) === 0 ? Math.max(0, numberDepth(line) - Math.min(...depths)) : 0);
  return new Map(
    found.map((line) => [line, Math.min(9, ranks.indexOf(rank(line)) + (isTitle ? 0 : 1) + depthOf(line))]),
  );
}

/** "3.1.2 Name" is two below "3 Name". */
function numberDepth({ text }: PdfLine): number {
  return (/^\d+(?:\.\d+)*/.exec(text)?.[0] ?? "").split(".").length;
}
