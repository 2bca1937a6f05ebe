/** What changed between two texts, as lines: `-` what was, `+` what is, each with the number of its line. What ends a line is no part of it. */

/** Beyond this many lines only what is gone and what is new is told, without pairing the lines between. */
const MAX_COMPARED = 3000;

export interface LineChange {
  sign: "-" | "+";
  /** 1-based, in the text that the line belongs to. */
  line: number;
  text: string;
}

export function lineDiff(before: string, after: string): LineChange[] {
  const [a, b] = [linesOf(before), linesOf(after)];
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start += 1;
  let end = 0;
  while (end < a.length - start && end < b.length - start && a.at(-1 - end) === b.at(-1 - end)) end += 1;
  const left = a.slice(start, a.length - end);
  const right = b.slice(start, b.length - end);
  const common = left.length + right.length > MAX_COMPARED ? [] : longestCommon(left, right);
  const changes: LineChange[] = [];
  let i = 0;
  let j = 0;
  for (const [nextLeft, nextRight] of [...common, [left.length, right.length] as const]) {
    for (; i < nextLeft; i++) changes.push({ sign: "-", line: start + i + 1, text: left[i]! });
    for (; j < nextRight; j++) changes.push({ sign: "+", line: start + j + 1, text: right[j]! });
    i += 1;
    j += 1;
  }
  return changes;
}

function linesOf(text: string): string[] {
  return text.replace(/\r\n?/g, "\n").replace(/\n$/, "").split("\n");
}

/** Pairs of equal lines, in order, as many as there can be. */
function longestCommon(a: readonly string[], b: readonly string[]): [number, number][] {
  const width = b.length + 1;
  const best = new Uint32Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i--)
    for (let j = b.length - 1; j >= 0; j--)
      best[i * width + j] =
        a[i] === b[j]
          ? best[(i + 1) * width + j + 1]! + 1
          : Math.max(best[(i + 1) * width + j]!, best[i * width + j + 1]!);
  const pairs: [number, number][] = [];
  for (let i = 0, j = 0; i < a.length && j < b.length; ) {
    if (a[i] === b[j]) pairs.push([i++, j++]);
    else if (best[(i + 1) * width + j]! >= best[i * width + j + 1]!) i += 1;
    else j += 1;
  }
  return pairs;
}
