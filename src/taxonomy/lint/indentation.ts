/**
 * Rule `indentation`: what begins a line stands where its place in the structure wants it. The first step further in says how wide a
 * step is (`spaces: consistent`), the first list under a key whether lists are indented (`indent-sequences: consistent`).
 */
import type { Token, TokenKind } from "../yaml/token.ts";
import type { LintedText, LintRule, Report, RuleOptions } from "./lint-rule.ts";

export const indentation: LintRule = {
  options: { spaces: "consistent", "indent-sequences": true, "check-multi-line-strings": false },
  check(text, options, report) {
    new Walk(text, options, report).stream();
  },
};

/** The column is not known yet when a list stands too far left and no step was seen before it. */
const UNKNOWN = -1;

/** Walks the tokens as the grammar nests them and hands every part the column that it is expected at. */
class Walk {
  private readonly tokens: readonly Token[];
  private readonly text: string;
  private readonly report: Report;
  private index = 0;
  private step: number | undefined;
  private listsAreIndented: boolean | "consistent" | "whatever";
  private readonly checksTexts: boolean;
  /** Last line that something visible stands on, and where that line begins. */
  private usedLine = -1;
  private lineIndent = 0;

  constructor({ tokens, lines }: LintedText, options: RuleOptions, report: Report) {
    this.tokens = tokens;
    this.text = lines.text;
    this.report = report;
    this.step = typeof options["spaces"] === "number" ? options["spaces"] : undefined;
    this.listsAreIndented = options["indent-sequences"] as boolean | "consistent" | "whatever";
    this.checksTexts = options["check-multi-line-strings"] === true;
  }

  stream(): void {
    this.index = 1;
    while (!this.isAt("stream-end")) {
      if (this.isAt("directive", "document-start", "document-end")) this.visit(0);
      else this.node(0);
    }
  }

  private get token(): Token {
    return this.tokens[this.index]!;
  }

  private isAt(...kinds: TokenKind[]): boolean {
    return kinds.includes(this.token.kind);
  }

  /** Takes a token; where it begins a line, its column is compared. */
  private visit(expected: number): Token {
    const { token } = this;
    this.index += 1;
    if (token.kind === "block-end" || (token.kind === "scalar" && token.text === "")) return token;
    if (token.line > this.usedLine) {
      if (token.column !== expected) this.tell(token, expected);
      this.lineIndent = token.column;
    }
    this.usedLine = Math.max(this.usedLine, this.lastLineOf(token));
    return token;
  }

  private tell({ line, column }: { line: number; column: number }, expected: number): void {
    const message =
      expected < 0
        ? `wrong indentation: expected at least ${column + 1}`
        : `wrong indentation: expected ${expected} but found ${column}`;
    const hint = "Indent every level by the same number of spaces; 'ilab taxonomy fix' does it.";
    this.report({ line: line + 1, column: column + 1, message, hint });
  }

  /** A text behind `|` ends at the beginning of a later line; the blank lines at its end are not part of it either. */
  private lastLineOf({ kind, start, end, endLine }: Token): number {
    if (kind !== "scalar") return endLine;
    let line = endLine;
    for (let at = end - 1; at >= start && /[\s]/.test(this.text[at]!); at--) if (this.text[at] === "\n") line -= 1;
    return line;
  }

  /** A step further in than `from`; the first one decides how wide a step is. */
  private stepInto(from: number, token: Token): number {
    this.step ??= token.column - from;
    return from + this.step;
  }

  /**
   * @param base column that the lines of a text behind `|` or `>` are a step further in than; `expected` where left out.
   * @param isIndentless a list may begin here without being indented further than its key.
   */
  private node(expected: number, base?: (text: Token) => number, isIndentless = false): void {
    while (this.isAt("anchor", "tag")) this.visit(expected);
    const { kind } = this.token;
    if (kind === "scalar" && this.checksTexts) this.textLines(this.token, base?.(this.token) ?? expected);
    if (kind === "block-mapping-start") this.blockMapping(expected);
    else if (kind === "block-sequence-start" || (kind === "block-entry" && isIndentless)) this.blockSequence(expected);
    else if (kind === "flow-mapping-start" || kind === "flow-sequence-start") this.flow(expected);
    else if (kind === "scalar" || kind === "alias") this.visit(expected);
  }

  private blockMapping(expected: number): void {
    const { column } = this.visit(expected);
    while (this.isAt("key")) this.pair(column);
    this.visit(column);
  }

  /** From `?` or the key to the value's end; in brackets too. */
  private pair(indent: number): void {
    const key = this.visit(indent);
    const isExplicit = key.end > key.start;
    if (!this.isAt("value")) this.node(isExplicit ? this.stepBelow(indent) : indent, ({ column }) => column, true);
    if (!this.isAt("value")) return;
    const before = this.tokens[this.index - 1]!;
    this.visit(indent);
    if (this.isAt("block-end", "flow-mapping-end", "flow-sequence-end", "key")) return;
    if (this.isAt("flow-entry")) return;
    const expected = this.valueIndent(indent, isExplicit, before);
    const base = ({ line, column }: Token) => {
      if (line > this.usedLine) return expected;
      return isExplicit ? column : indent;
    };
    this.node(expected, base, true);
  }

  /** The further lines of a text: below its first character, or a step further in than what it belongs to. */
  private textLines(text: Token, base: number): void {
    if (text.line === text.endLine) return;
    let expected: number | undefined;
    let line = text.line;
    for (
      let at = this.text.indexOf("\n", text.start);
      at >= 0 && at < text.end - 1;
      at = this.text.indexOf("\n", at + 1)
    ) {
      line += 1;
      let column = 0;
      while (this.text[at + 1 + column] === " ") column += 1;
      if (this.text[at + 1 + column] === "\n") continue;
      expected ??= this.textIndent(text, base, column);
      if (column !== expected) this.tell({ line, column }, expected);
    }
  }

  private textIndent({ style, column }: Token, base: number, found: number): number {
    if (style === "plain") return column;
    if (style === "single" || style === "double") return column + 1;
    this.step ??= found - base;
    return base + this.step;
  }

  /** Behind `? `, only what begins a line says anything about steps. */
  private stepBelow(indent: number): number {
    return this.token.line > this.usedLine ? this.stepInto(indent, this.token) : indent;
  }

  private valueIndent(indent: number, isExplicit: boolean, before: Token): number {
    let next = this.token;
    const behind = this.tokens[this.index + 1]!;
    // The name of an anchor stands beside the key; what it names begins below.
    if ((next.kind === "anchor" || next.kind === "tag") && next.line === before.line && next.line < behind.line)
      next = behind;
    if (isExplicit) return this.stepInto(indent, next);
    if (next.line === before.line) return next.column;
    if (next.kind !== "block-sequence-start" && next.kind !== "block-entry") return this.stepInto(indent, next);
    const isIndented = next.column !== indent;
    if (this.listsAreIndented === "consistent") this.listsAreIndented = isIndented;
    else if (this.listsAreIndented === "whatever") return isIndented ? this.stepInto(indent, next) : indent;
    if (!this.listsAreIndented) return indent;
    return this.step === undefined && !isIndented ? UNKNOWN : this.stepInto(indent, next);
  }

  private blockSequence(expected: number): void {
    const hasStart = this.isAt("block-sequence-start");
    const { column } = hasStart ? this.visit(expected) : this.token;
    let isFirst = !hasStart;
    while (this.isAt("block-entry")) {
      const dash = this.visit(isFirst ? expected : column);
      isFirst = false;
      if (this.isAt("block-entry", "block-end") || (!hasStart && this.isAt("key", "value"))) continue;
      const { token } = this;
      const isBeside = token.line === dash.endLine || token.column === dash.column;
      this.node(isBeside ? token.column : this.stepInto(dash.column, token), (text) => text.column);
    }
    if (hasStart) this.visit(column);
  }

  private flow(expected: number): void {
    const open = this.visit(expected);
    const { lineIndent } = this;
    const { token } = this;
    const indent = token.line === open.line ? token.column : this.stepInto(lineIndent, token);
    while (!this.isAt("flow-mapping-end", "flow-sequence-end")) {
      if (this.isAt("key")) this.pair(indent);
      else if (this.isAt("flow-entry", "value")) this.visit(indent);
      else this.node(indent);
    }
    this.visit(lineIndent);
  }
}
