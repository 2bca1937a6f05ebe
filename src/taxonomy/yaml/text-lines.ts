/** Offsets of a text -> lines and columns as editors show them: lines end with a line feed, columns count code points. */
import type { Position } from "../problem.ts";

export class TextLines {
  readonly text: string;
  /** Offset at which every line begins. */
  private readonly starts: number[] = [0];

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
    let low = 0;
    let high = this.starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.starts[middle]! <= offset) low = middle;
      else high = middle - 1;
    }
    let column = 1;
    for (let at = this.starts[low]!; at < offset; at++) {
      const code = this.text.charCodeAt(at);
      if (code < 0xdc00 || code > 0xdfff) column += 1;
    }
    // The mark at the beginning of some files is nothing that an editor shows.
    if (low === 0 && this.text.charCodeAt(0) === 0xfeff && column > 1) column -= 1;
    return { line: low + 1, column };
  }
}
