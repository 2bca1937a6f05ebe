/** The texts of YAML 1.1: plain, quoted and block scalars, each with the folding of its line breaks. */
import { isBreak, isBreakOrEnd, type TextCursor } from "./text-cursor.ts";
import { type ScalarStyle, type Token, YamlError } from "./token.ts";

const TAB = 0x09;
const SPACE = 0x20;
const HASH = 0x23;

type Start = Pick<Token, "kind" | "start" | "line" | "column" | "style">;

function begin({ offset, line, column }: TextCursor, style: ScalarStyle): Start {
  return { kind: "scalar", start: offset, line, column, style };
}

function finish(
  start: Start,
  { offset, line, column }: Pick<TextCursor, "offset" | "line" | "column">,
  text: string,
): Token {
  const { kind, start: from, line: fromLine, column: fromColumn, style } = start;
  return {
    kind,
    start: from,
    end: offset,
    line: fromLine,
    column: fromColumn,
    endLine: line,
    endColumn: column,
    text,
    style,
  };
}

/** A single break between lines is a space, each further one stays. */
function foldBreaks(first: string, more: string): string {
  return first === "\n" ? (more === "" ? " " : more) : first + more;
}

// --- plain

/** `hasBreakBehind`: the scalar was followed by a line break, behind which a key may begin. */
export function scanPlain(
  cursor: TextCursor,
  parentIndent: number,
  isInFlow: boolean,
): { token: Token; hasBreakBehind: boolean } {
  const start = begin(cursor, "plain");
  const indent = parentIndent + 1;
  let text = "";
  let blanks = "";
  let end = { offset: cursor.offset, line: cursor.line, column: cursor.column };
  let hasBreakBehind = false;
  while (cursor.code() !== HASH) {
    const length = plainLength(cursor, isInFlow);
    if (length === 0) break;
    hasBreakBehind = false;
    text += blanks + cursor.rest(length);
    cursor.advance(length);
    end = { offset: cursor.offset, line: cursor.line, column: cursor.column };
    const behind = plainBlanks(cursor);
    hasBreakBehind = behind.hasBreak;
    blanks = behind.text;
    if (blanks === "" || (!isInFlow && cursor.column < indent)) break;
  }
  return { token: finish(start, end, text), hasBreakBehind };
}

/** Words of one line: a colon before a blank and a `#` behind one end them; in brackets, so does what has a meaning there. */
const plainInBlock =
  /(?:[^ \t\n\r\u0085\u2028\u2029:]|:(?=[^ \t\n\r\u0085\u2028\u2029]))+(?: +(?!#)(?:[^ \t\n\r\u0085\u2028\u2029:]|:(?=[^ \t\n\r\u0085\u2028\u2029]))+)*/y;
const plainInFlow =
  /(?:[^ \t\n\r\u0085\u2028\u2029:,?[\]{}]|:(?=[^ \t\n\r\u0085\u2028\u2029,[\]{}]))+(?: +(?!#)(?:[^ \t\n\r\u0085\u2028\u2029:,?[\]{}]|:(?=[^ \t\n\r\u0085\u2028\u2029,[\]{}]))+)*/y;

function plainLength({ text, offset }: TextCursor, isInFlow: boolean): number {
  const pattern = isInFlow ? plainInFlow : plainInBlock;
  pattern.lastIndex = offset;
  return pattern.test(text) ? pattern.lastIndex - offset : 0;
}

/** What separates two pieces of a plain scalar; empty where it ends, also before a document mark. */
function plainBlanks(cursor: TextCursor): { text: string; hasBreak: boolean } {
  const start = cursor.offset;
  cursor.skipSpaces();
  const spaces = cursor.text.slice(start, cursor.offset);
  const first = cursor.takeBreak();
  if (first === "") return { text: spaces, hasBreak: false };
  if (isMark(cursor)) return { text: "", hasBreak: true };
  let more = "";
  for (;;) {
    cursor.skipSpaces();
    const next = cursor.takeBreak();
    if (next === "") return { text: foldBreaks(first, more), hasBreak: true };
    more += next;
    if (isMark(cursor)) return { text: "", hasBreak: true };
  }
}

function isMark(cursor: TextCursor): boolean {
  return cursor.isDocumentMark("---") || cursor.isDocumentMark("...");
}

// --- quoted

const escapes: Record<string, string> = {
  ...{ "0": "\0", a: "\x07", b: "\x08", t: "\t", "\t": "\t", n: "\n", v: "\x0b", f: "\x0c", r: "\r", e: "\x1b" },
  ...{ " ": " ", '"': '"', "\\": "\\", "/": "/", N: "\x85", _: "\xa0", L: "\u2028", P: "\u2029" },
};
const escapeLengths: Record<string, number> = { x: 2, u: 4, U: 8 };

export function scanQuoted(cursor: TextCursor, style: "single" | "double"): Token {
  const start = begin(cursor, style);
  const quote = cursor.code();
  cursor.advance(1);
  let text = "";
  for (;;) {
    text += quotedWords(cursor, quote);
    if (cursor.code() === quote) break;
    text += quotedBlanks(cursor, start.start);
  }
  cursor.advance(1);
  return finish(start, cursor, text);
}

/** Words of one line with single spaces between them. */
const doubleWords = /(?:[^ \t\n\r\u0085\u2028\u2029"\\]+| (?=[^ \t\n\r\u0085\u2028\u2029"\\]))+/y;
const singleWords = /(?:[^ \t\n\r\u0085\u2028\u2029']+| (?=[^ \t\n\r\u0085\u2028\u2029']))+/y;

function quotedWords(cursor: TextCursor, quote: number): string {
  const isDouble = quote === 0x22;
  let text = "";
  for (;;) {
    const start = cursor.offset;
    const pattern = isDouble ? doubleWords : singleWords;
    pattern.lastIndex = start;
    if (pattern.test(cursor.text)) cursor.advance(pattern.lastIndex - start);
    text += cursor.text.slice(start, cursor.offset);
    if (!isDouble && cursor.code() === quote && cursor.code(1) === quote) {
      text += "'";
      cursor.advance(2);
    } else if (isDouble && cursor.code() === 0x5c) text += escapeSequence(cursor);
    else return text;
  }
}

function escapeSequence(cursor: TextCursor): string {
  const { offset } = cursor;
  cursor.advance(1);
  const letter = cursor.rest(1);
  const hint = "Write \\\\ for a backslash, or put the text in single quotes.";
  const replacement = escapes[letter];
  if (replacement !== undefined) {
    cursor.advance(1);
    return replacement;
  }
  const length = escapeLengths[letter];
  if (length !== undefined) {
    const digits = cursor.text.slice(cursor.offset + 1, cursor.offset + 1 + length);
    const code = /^[0-9A-Fa-f]+$/.test(digits) && digits.length === length ? Number.parseInt(digits, 16) : -1;
    if (code < 0 || code > 0x10ffff)
      throw new YamlError(offset, `'\\${letter}' needs ${length} hexadecimal digits of a character`, hint);
    cursor.advance(1 + length);
    return String.fromCodePoint(code);
  }
  if (isBreak(cursor.code())) {
    cursor.takeBreak();
    return quotedBreaks(cursor);
  }
  throw new YamlError(offset, `'\\${letter}' is no escape that YAML knows`, hint);
}

function quotedBlanks(cursor: TextCursor, start: number): string {
  const from = cursor.offset;
  while (cursor.code() === SPACE || cursor.code() === TAB) cursor.advance(1);
  const blanks = cursor.text.slice(from, cursor.offset);
  if (Number.isNaN(cursor.code()))
    throw new YamlError(start, "a quoted text begins here and never ends", "Close it with the same quotation mark.");
  const first = cursor.takeBreak();
  return first === "" ? blanks : foldBreaks(first, quotedBreaks(cursor));
}

function quotedBreaks(cursor: TextCursor): string {
  let breaks = "";
  for (;;) {
    if (isMark(cursor))
      throw new YamlError(
        cursor.offset,
        "a document mark stands inside a quoted text",
        "Close the quotation before this line, or indent it.",
      );
    while (cursor.code() === SPACE || cursor.code() === TAB) cursor.advance(1);
    const next = cursor.takeBreak();
    if (next === "") return breaks;
    breaks += next;
  }
}

// --- block

const restOfLine = /[^\n\r\u0085\u2028\u2029]+/y;

/** `|` and `>`: the lines that are indented further than `parentIndent`. Ends at the beginning of the line behind it. */
export function scanBlockScalar(cursor: TextCursor, style: "literal" | "folded", parentIndent: number): Token {
  const start = begin(cursor, style);
  cursor.advance(1);
  const { chomping, increment } = blockHeader(cursor);
  const minimum = Math.max(1, parentIndent + 1);
  let indent = minimum + increment - 1;
  let breaks = "";
  let end = { offset: cursor.offset, line: cursor.line, column: cursor.column };
  const takeBreaks = () => {
    breaks = "";
    end = { offset: cursor.offset, line: cursor.line, column: cursor.column };
    for (;;) {
      while (cursor.column < indent && cursor.code() === SPACE) cursor.advance(1);
      const next = cursor.takeBreak();
      if (next === "") return;
      breaks += next;
      end = { offset: cursor.offset, line: cursor.line, column: cursor.column };
    }
  };
  if (increment > 0) takeBreaks();
  else {
    let widest = 0;
    for (;;) {
      cursor.skipSpaces();
      widest = Math.max(widest, cursor.column);
      const next = cursor.takeBreak();
      if (next === "") break;
      breaks += next;
      end = { offset: cursor.offset, line: cursor.line, column: cursor.column };
    }
    indent = Math.max(minimum, widest);
  }
  let text = "";
  let lastBreak = "";
  while (cursor.column === indent && !Number.isNaN(cursor.code())) {
    text += breaks;
    const beginsWithBlank = cursor.code() === SPACE || cursor.code() === TAB;
    const from = cursor.offset;
    restOfLine.lastIndex = from;
    if (restOfLine.test(cursor.text)) cursor.advance(restOfLine.lastIndex - from);
    text += cursor.text.slice(from, cursor.offset);
    lastBreak = cursor.takeBreak();
    takeBreaks();
    if (cursor.column !== indent || Number.isNaN(cursor.code())) break;
    const nextBeginsWithBlank = cursor.code() === SPACE || cursor.code() === TAB;
    if (style === "folded" && lastBreak === "\n" && !beginsWithBlank && !nextBeginsWithBlank)
      text += breaks === "" ? " " : "";
    else text += lastBreak;
  }
  if (chomping !== "-") text += lastBreak;
  if (chomping === "+") text += breaks;
  return finish(start, end, text);
}

/** Behind the sign: `+` or `-`, a digit, in any order; then nothing but a comment. */
function blockHeader(cursor: TextCursor): { chomping: string; increment: number } {
  const header = /^(?:([+-])([0-9])?|([0-9])([+-])?)?/.exec(cursor.rest(2))!;
  const digit = header[2] ?? header[3];
  if (digit === "0")
    throw new YamlError(cursor.offset, "the indentation of a text behind '|' or '>' cannot be 0", "Remove the 0.");
  cursor.advance(header[0].length);
  const hasBlank = cursor.code() === SPACE;
  cursor.skipSpaces();
  if (hasBlank && cursor.code() === HASH) while (!isBreakOrEnd(cursor.code())) cursor.advance(1);
  if (!isBreakOrEnd(cursor.code()))
    throw new YamlError(
      cursor.offset,
      "text follows on the same line as '|' or '>'",
      "Begin the text on the next line, indented; or put it in quotes.",
    );
  cursor.takeBreak();
  return { chomping: header[1] ?? header[4] ?? "", increment: Number(digit ?? 0) };
}
