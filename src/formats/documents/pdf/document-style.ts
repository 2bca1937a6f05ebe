/** What is usual in a document: the size and font of its text, the distance of its lines, and how big and frequent its other styles are. */
import type { PdfLine } from "./pdf-lines.ts";
import { median } from "./pdf-rows.ts";

export interface DocumentStyle {
  bodySize: number;
  bodyFont: string;
  /** From baseline to baseline of body text, as a multiple of the font's size. */
  leading: number;
  /** Share of the characters that are written in a style. */
  shareOf(line: PdfLine): number;
  /** Lower-case words that stand inside of lines, where no hyphen can be the typesetter's. */
  words: ReadonlySet<string>;
}

/** Sizes that differ by less are one. */
export function roundSize(size: number): number {
  return Math.round(size * 2) / 2;
}

const styleKey = (line: PdfLine) => `${roundSize(line.size)} ${line.font}`;

export function documentStyle(lines: readonly PdfLine[]): DocumentStyle {
  const [bySize, bySizeOfProse] = [new Map<number, number>(), new Map<number, number>()];
  const byStyle = new Map<string, number>();
  const words = new Set<string>();
  let [characters, prose, before] = [0, 0, ""];
  const add = <Key>(counts: Map<Key, number>, key: Key, count: number) =>
    counts.set(key, (counts.get(key) ?? 0) + count);
  for (const line of lines) {
    if (!line.isMonospace) add(bySize, roundSize(line.size), line.text.length);
    if (!line.isMonospace && isProse(line.text)) {
      add(bySizeOfProse, roundSize(line.size), line.text.length);
      prose += line.text.length;
    }
    add(byStyle, styleKey(line), line.text.length);
    characters += line.text.length;
    const inside = line.text.split(" ").slice(/[-‐\u00ad]$/u.test(before) ? 1 : 0, -1);
    before = line.text;
    for (const word of inside) words.add(word.toLowerCase().replace(/^\P{L}+|\P{L}+$/gu, ""));
  }
  // Small code, notes and tables may outweigh the text that they belong to.
  const bodySize = mostFrequent(prose > MIN_PROSE * characters ? bySizeOfProse : bySize) ?? lines[0]?.size ?? 10;
  const fonts = new Map<string, number>();
  for (const line of lines) if (roundSize(line.size) === bodySize) add(fonts, line.font, line.text.length);
  const gaps: number[] = [];
  for (const [index, line] of lines.entries()) {
    const before = lines[index - 1];
    if (before?.flow !== line.flow || roundSize(line.size) !== bodySize || roundSize(before.size) !== bodySize)
      continue;
    const gap = (line.y - before.y) / bodySize;
    if (gap > 0.8 && gap < 3) gaps.push(gap);
  }
  return {
    bodySize,
    bodyFont: mostFrequent(fonts) ?? "",
    leading: gaps.length > 0 ? median(gaps) : 1.2,
    shareOf: (line) => (byStyle.get(styleKey(line)) ?? 0) / Math.max(1, characters),
    words,
  };
}

/** Of all characters. */
const MIN_PROSE = 0.05;

/** Several words, and no signs that only formulas and code have. */
function isProse(text: string): boolean {
  return text.split(" ").length > 5 && !/[\\{}[\]<>=|#_;/]|\(\)/.test(text);
}

function mostFrequent<Key>(counts: ReadonlyMap<Key, number>): Key | undefined {
  return [...counts].sort((a, b) => b[1] - a[1])[0]?.[0];
}
