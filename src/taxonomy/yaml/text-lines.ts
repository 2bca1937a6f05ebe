/** Offsets of a text -> lines and columns as editors show them: lines end with a line feed, columns count code points. */
import type { Position } from "../problem.ts";

export class TextLines {
  readonly text: string;
  /** Offset at which every line begins. */
  private readonly starts: number[] = [0];
  /** Offsets of the second halves of characters that are two UTF-16 units. */
  private secondHalves: number[] | undefined;

  constructor(text: string) {
    this.text = text;
    for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) this.starts.push(at + 1);
  }

  /** What stands behind the last line feed is a line too, also when it is empty. */
  get count(): number {
    return this.starts.length;
  }

  /** 0-based; without the line feed. */
  line(index: number): string {
    return this.text.slice(this.starts[index], this.endOf(index));
  }

  startOf(index: number): number {
    return this.starts[index]!;
  }

  endOf(index: number): number {
    const next = this.starts[index + 1];
    return next === undefined ? this.text.length : next - 1;
  }

  /** 1-based. */
  positionAt(offset: number): Position {
    const line = countBelow(this.starts, offset + 1);
    const start = this.starts[line - 1]!;
    this.secondHalves ??= Array.from(this.text.matchAll(/[\udc00-\udfff]/g), ({ index }) => index);
    const pairs = countBelow(this.secondHalves, offset) - countBelow(this.secondHalves, start);
    return { line, column: offset - start - pairs + 1 };
  }
}

/** How many of these ascending numbers are smaller. */
function countBelow(numbers: readonly number[], limit: number): number {
  let low = 0;
  let high = numbers.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (numbers[middle]! < limit) low = middle + 1;
    else high = middle;
  }
  return low;
}
