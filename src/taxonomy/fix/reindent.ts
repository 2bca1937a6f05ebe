/**
 * Lays out a YAML text anew: two blanks for every level, one behind a hyphen. Only the blanks at the beginning of lines and behind hyphens
 * change; texts behind `|` and comments move along with what they belong to.
 */
import type { PositionedValue } from "../parse-yaml.ts";
import type { Token, TokenKind } from "../yaml/token.ts";

const STEP = 2;

export function reindent(yaml: PositionedValue): string {
  return new Layout(yaml).text();
}

class Layout {
  private readonly yaml: PositionedValue;
  private readonly tokens: readonly Token[];
  private index = 1;
  private usedLine = -1;
  /** By line: the column that its first token gets, or how far a line moves that continues a text. */
  private readonly columns = new Map<number, { from: number; to: number }>();
  /** By line: offsets of hyphens and how many blanks behind them are too many. */
  private readonly surplus = new Map<number, { offset: number; count: number }[]>();
  private listsAreIndented: boolean | undefined;

  constructor(yaml: PositionedValue) {
    this.yaml = yaml;
    this.tokens = yaml.tokens;
  }

  text(): string {
    while (!this.isAt("stream-end")) {
      if (this.isAt("directive", "document-start", "document-end")) this.visit(0);
      else this.node(0, 0, 0);
    }
    this.moveComments();
    const { lines } = this.yaml;
    const result: string[] = [];
    for (let index = 0; index < lines.count; index++) {
      let line = lines.line(index);
      const start = lines.startOf(index);
      for (const { offset, count } of (this.surplus.get(index) ?? []).toReversed())
        line = line.slice(0, offset + 1 - start) + line.slice(offset + 1 - start + count);
      const move = this.columns.get(index);
      if (move !== undefined && line.trim() !== "") {
        const old = /^ */.exec(line)![0].length;
        line = " ".repeat(Math.max(0, old + move.to - move.from)) + line.slice(old);
      }
      result.push(line);
    }
    return result.join("\n");
  }

  private get token(): Token {
    return this.tokens[this.index]!;
  }

  private isAt(...kinds: TokenKind[]): boolean {
    return kinds.includes(this.token.kind);
  }

  /** Takes a token; where it begins a line, the line gets this column. */
  private visit(column: number): Token {
    const { token } = this;
    this.index += 1;
    if (token.line > this.usedLine && token.kind !== "block-end")
      this.columns.set(token.line, { from: token.column, to: column });
    if (token.kind !== "block-end") this.usedLine = Math.max(this.usedLine, token.line);
    return token;
  }

  /**
   * `column`: where the node begins. `oldParent`, `newParent`: what its further lines must be indented more than. `isIndentless`: a list may begin
   * here without being indented further than its key.
   */
  private node(column: number, oldParent: number, newParent: number, isIndentless = false): void {
    while (this.isAt("anchor", "tag")) this.visit(column);
    const { kind } = this.token;
    if (kind === "block-mapping-start") this.blockMapping(column);
    else if (kind === "block-sequence-start" || (kind === "block-entry" && isIndentless)) this.blockSequence(column);
    else if (kind === "flow-mapping-start" || kind === "flow-sequence-start") this.flow(column);
    else if (kind === "scalar" || kind === "alias") {
      const { line, endLine, style } = this.visit(column);
      for (let next = line + 1; next <= endLine; next++) {
        if (!this.columns.has(next)) this.columns.set(next, { from: oldParent, to: newParent });
      }
      // A text behind `|` ends at the beginning of a line that something else stands on.
      this.usedLine = Math.max(this.usedLine, style === "literal" || style === "folded" ? line : endLine);
    }
  }

  private blockMapping(column: number): void {
    const { column: old } = this.visit(column);
    while (this.isAt("key")) this.pair(old, column);
    this.visit(column);
  }

  private pair(old: number, column: number): void {
    const key = this.visit(column);
    const isExplicit = key.end > key.start;
    if (!this.isAt("value")) this.node(isExplicit ? column + STEP : column, old, column, true);
    if (!this.isAt("value")) return;
    this.visit(column);
    if (this.isAt("block-end", "flow-mapping-end", "flow-sequence-end", "flow-entry", "key")) return;
    const isList = this.isAt("block-sequence-start", "block-entry");
    if (isList) this.listsAreIndented ??= this.token.column > old;
    this.node(isList && this.listsAreIndented === false ? column : column + STEP, old, column, true);
  }

  private blockSequence(column: number): void {
    const hasStart = this.isAt("block-sequence-start");
    if (hasStart) this.visit(column);
    while (this.isAt("block-entry")) {
      const dash = this.visit(column);
      if (this.isAt("block-entry", "block-end") || (!hasStart && this.isAt("key", "value"))) continue;
      const { token } = this;
      const count = token.start - dash.end - 1;
      if (token.line === dash.line && count > 0)
        this.surplus.set(dash.line, [...(this.surplus.get(dash.line) ?? []), { offset: dash.start, count }]);
      this.node(column + STEP, dash.column, column);
    }
    if (hasStart) this.visit(column);
  }

  private flow(column: number): void {
    const open = this.visit(column);
    // Lines in brackets go by the line that the bracket stands on.
    const { from: oldBase, to: base } = this.columns.get(open.line) ?? { from: open.column, to: column };
    const { token } = this;
    const inner = token.line === open.line ? this.newColumnOf(token) : base + STEP;
    while (!this.isAt("flow-mapping-end", "flow-sequence-end")) {
      if (this.isAt("key")) this.pair(token.column, inner);
      else if (this.isAt("flow-entry", "value")) this.visit(inner);
      else this.node(inner, oldBase, base);
    }
    this.visit(base);
  }

  /** Of a token that does not begin its line. */
  private newColumnOf({ line, column, start }: Token): number {
    const { from, to } = this.columns.get(line) ?? { from: 0, to: 0 };
    const removed = (this.surplus.get(line) ?? []).filter(({ offset }) => offset < start);
    return column + to - from - removed.reduce((sum, { count }) => sum + count, 0);
  }

  private moveComments(): void {
    for (const { line, tokenBefore } of this.yaml.comments) {
      let next = tokenBefore + 1;
      while (this.tokens[next]?.kind === "block-end") next += 1;
      const behind = this.tokens[next];
      const move = behind === undefined ? undefined : this.columns.get(behind.line);
      const isOwnLine = /^\s*#/.test(this.yaml.lines.line(line));
      if (isOwnLine && move !== undefined) this.columns.set(line, move);
    }
  }
}
