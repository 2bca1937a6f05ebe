/** A place in a text that moves forward and knows its line and column. Line breaks are those of YAML 1.1. */

const LINE_FEED = 0x0a;
const RETURN = 0x0d;
const BYTE_ORDER_MARK = 0xfeff;

/** What YAML does not allow, other than by an escape. */
export const UNPRINTABLE = /[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u;

export function isBreak(code: number): boolean {
  return code === LINE_FEED || code === RETURN || code === 0x85 || code === 0x2028 || code === 0x2029;
}

/** NaN is what lies behind the end of the text. */
export function isBreakOrEnd(code: number): boolean {
  return isBreak(code) || Number.isNaN(code);
}

export function isBlankOrEnd(code: number): boolean {
  return code === 0x20 || code === 0x09 || isBreakOrEnd(code);
}

export function isWordCharacter(code: number): boolean {
  return (
    (code >= 0x30 && code <= 0x39) ||
    (code >= 0x41 && code <= 0x5a) ||
    (code >= 0x61 && code <= 0x7a) ||
    code === 0x2d ||
    code === 0x5f
  );
}

export class TextCursor {
  readonly text: string;
  offset = 0;
  line = 0;
  private lineStart = 0;
  private readonly isEvenlyWide: boolean;
  private countedTo = 0;
  private uncounted = 0;

  constructor(text: string) {
    this.text = text;
    this.isEvenlyWide = !/[\ud800-\udbff\ufeff]/.test(text);
  }

  /**
   * In code points, as people and other programs count: a character beyond the basic plane is two UTF-16 units, and a byte order mark has no width.
   */
  get column(): number {
    if (this.isEvenlyWide) return this.offset - this.lineStart;
    // Counted on from the last place that was asked for, or a long line would be counted again and again.
    if (this.countedTo < this.lineStart || this.countedTo > this.offset) {
      this.countedTo = this.lineStart;
      this.uncounted = 0;
    }
    for (; this.countedTo < this.offset; this.countedTo++) {
      const code = this.text.charCodeAt(this.countedTo);
      if ((code >= 0xd800 && code <= 0xdbff) || code === BYTE_ORDER_MARK) this.uncounted += 1;
    }
    return this.offset - this.lineStart - this.uncounted;
  }

  /** UTF-16 unit at a distance; NaN behind the end. */
  code(distance = 0): number {
    return this.text.charCodeAt(this.offset + distance);
  }

  rest(length: number): string {
    return this.text.slice(this.offset, this.offset + length);
  }

  /** Over characters that are no line breaks. */
  advance(length: number): void {
    this.offset += length;
  }

  skipSpaces(): void {
    while (this.code() === 0x20) this.offset += 1;
  }

  isFirstOnLine(): boolean {
    return /^\s*$/.test(this.text.slice(this.lineStart, this.offset));
  }

  takeWord(): string {
    const start = this.offset;
    while (isWordCharacter(this.code())) this.offset += 1;
    return this.text.slice(start, this.offset);
  }

  /** Over one line break, as the text means it: a line feed, or the separators of Unicode as they are; empty when none is here. */
  takeBreak(): string {
    const code = this.code();
    if (!isBreak(code)) return "";
    this.offset += code === RETURN && this.code(1) === LINE_FEED ? 2 : 1;
    this.line += 1;
    this.lineStart = this.offset;
    return code === 0x2028 || code === 0x2029 ? String.fromCharCode(code) : "\n";
  }

  /** `---` or `...` at the beginning of a line, followed by a blank. */
  isDocumentMark(mark: "---" | "..."): boolean {
    return (
      this.offset === this.lineStart && this.text.startsWith(mark, this.offset) && isBlankOrEnd(this.code(mark.length))
    );
  }
}
