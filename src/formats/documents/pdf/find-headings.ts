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
const MAX_SHARE_IN_BODY_SIZE = 0.15;

export function findHeadings(lines: readonly PdfLine[], style: DocumentStyle): Map<PdfLine, PdfHeading> {
  const found = lines.filter(
    (line, index) => !line.isAside && (isBigger(line, style) || isSetApart(lines, index, style)),
  );
  const levels = levelsOf(found, style);
  const headings = new Map<PdfLine, PdfHeading>();
  for (const [index, line] of lines.entries()) {
    const level = levels.get(line);
    if (level === undefined) continue;
    const before = lines[index - 1];
    const isContinued =
      before !== undefined &&
      headings.get(before)?.level === level &&
      before.flow === line.flow &&
      line.y - before.y < 1.7 * line.size &&
      !/^(?:\d+(?:\.\d+)*\.?|[A-Z]\.)\s/.test(line.text);
    headings.set(line, { level, isContinued });
  }
  return headings;
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
  if (line.font === style.bodyFont || line.isMonospace || line.size < 0.95 * style.bodySize) return false;
  if (!line.words.every((word) => word.font === line.font)) return false;
  if (line.text.length > MAX_CHARACTERS_IN_BODY_SIZE || /[.,;:!?]$/.test(line.text)) return false;
  if (!/^(?:\p{Lu}|\d|[IVX]+\.)/u.test(line.text) || !/\p{L}{2}/u.test(line.text)) return false;
  if (/^(?:fig(?:ure|\.)|tab(?:le|\.)|abb(?:ildung|\.))\s*\d/i.test(line.text)) return false;
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
    Math.abs(after.size - style.bodySize) < 0.1 * style.bodySize
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
