/**
 * Text -> the tokens of YAML 1.1 (https://yaml.org/spec/1.1/), with its places. What is accepted is what PyYAML accepts, which
 * taxonomies were written for: only `- `, `: ` and `? ` before a blank, no tabs before a token, no limit on the indentation of quoted texts.
 */
import { scanBlockScalar, scanPlain, scanQuoted } from "./scan-scalar.ts";
import { isBlankOrEnd, isBreakOrEnd, TextCursor } from "./text-cursor.ts";
import {
  type Comment,
  MAX_NESTING,
  nestedTooDeeply,
  type Token,
  type TokenKind,
  YamlError,
  type YamlFailure,
} from "./token.ts";

export interface ScannedYaml {
  /** All of them, or those before the failure. */
  tokens: Token[];
  comments: Comment[];
  failure?: YamlFailure;
}

export function scanYaml(text: string): ScannedYaml {
  const scanner = new Scanner(text);
  try {
    scanner.scan();
  } catch (error) {
    if (!(error instanceof YamlError)) throw error;
    return { tokens: scanner.tokens, comments: scanner.comments, failure: error.failure };
  }
  return { tokens: scanner.tokens, comments: scanner.comments };
}

/** A token that may turn out to be a key when a colon follows on the same line. */
interface PossibleKey {
  tokenIndex: number;
  isRequired: boolean;
  start: number;
  line: number;
  column: number;
}

/** The specification's bound on a key without `?`, so that a reader need not look ahead for ever. */
const MAX_KEY_LENGTH = 1024;
const NOTHING = "";
const quoteHint = "Put the text in quotes.";
const keyHint =
  "Write 'name: text' with the colon on the same line. Text that contains ': ' or goes over several lines needs quotes, or '|-' before it and indented lines.";

class Scanner {
  readonly tokens: Token[] = [];
  readonly comments: Comment[] = [];
  private readonly cursor: TextCursor;
  private flowLevel = 0;
  private indent = -1;
  private readonly indents: number[] = [];
  /** Whether a key without `?` may begin here. */
  private keyMayBegin = true;
  /** One for each level of flow collections. */
  private readonly possibleKeys: (PossibleKey | undefined)[] = [];

  constructor(text: string) {
    this.cursor = new TextCursor(text);
  }

  scan(): void {
    this.add("stream-start", 0);
    while (this.fetch());
  }

  /** Adds the next token, with those that its indentation implies; false at the end. */
  private fetch(): boolean {
    const { cursor } = this;
    this.skipToToken();
    this.dropStaleKeys();
    this.unwindIndent(cursor.column);
    const code = cursor.code();
    if (Number.isNaN(code)) return this.endStream();
    const next = cursor.code(1);
    const character = String.fromCharCode(code);
    if (cursor.column === 0) {
      if (character === "%") return this.directive();
      if (cursor.isDocumentMark("---")) return this.documentMark("document-start");
      if (cursor.isDocumentMark("...")) return this.documentMark("document-end");
    }
    switch (character) {
      case "[":
        return this.flowStart("flow-sequence-start");
      case "{":
        return this.flowStart("flow-mapping-start");
      case "]":
        return this.flowEnd("flow-sequence-end");
      case "}":
        return this.flowEnd("flow-mapping-end");
      case ",":
        return this.flowEntry();
      case "-":
        if (isBlankOrEnd(next)) return this.blockEntry();
        break;
      case "?":
        if (this.flowLevel > 0 || isBlankOrEnd(next)) return this.explicitKey();
        break;
      case ":":
        if (this.flowLevel > 0 || isBlankOrEnd(next)) return this.value();
        break;
      case "*":
        return this.name("alias");
      case "&":
        return this.name("anchor");
      case "!":
        return this.tag();
      case "|":
      case ">":
        if (this.flowLevel === 0) return this.blockScalar(character === "|" ? "literal" : "folded");
        break;
      case "'":
      case '"':
        return this.quoted(character === "'" ? "single" : "double");
    }
    if (this.plainMayBegin(character, next)) return this.plain();
    throw character === "\t"
      ? new YamlError(
          cursor.offset,
          cursor.isFirstOnLine() ? "a tab is used for indentation" : "a tab stands where only spaces may",
          "Replace the tab by spaces.",
          cursor.isFirstOnLine() ? "tab-indentation" : "yaml-syntax",
        )
      : new YamlError(cursor.offset, `plain text cannot begin with '${character}'`, quoteHint);
  }

  private plainMayBegin(character: string, next: number): boolean {
    if (!isBlankOrEnd(character.charCodeAt(0)) && !"-?:,[]{}#&*!|>'\"%@`".includes(character)) return true;
    return !isBlankOrEnd(next) && (character === "-" || (this.flowLevel === 0 && "?:".includes(character)));
  }

  /** Over blanks, comments and line breaks; a new line outside of brackets lets a key begin. */
  private skipToToken(): void {
    const { cursor } = this;
    for (;;) {
      cursor.skipSpaces();
      if (cursor.code() === HASH) {
        const { offset: start, line, column } = cursor;
        while (!isBreakOrEnd(cursor.code())) cursor.advance(1);
        const { offset: end } = cursor;
        const tokenBefore = this.tokens.length - 1;
        this.comments.push({ start, end, line, column, text: cursor.text.slice(start, end), tokenBefore });
      }
      if (cursor.takeBreak() === "") return;
      if (this.flowLevel === 0) this.keyMayBegin = true;
    }
  }

  private add(kind: TokenKind, length: number): boolean {
    const { offset: start, line, column } = this.cursor;
    this.cursor.advance(length);
    const [end, endLine, endColumn] = [start + length, line, column + length];
    this.tokens.push({ kind, start, end, line, column, endLine, endColumn, text: NOTHING });
    return true;
  }

  private endStream(): false {
    this.unwindIndent(-1);
    this.forgetKey();
    this.add("stream-end", 0);
    return false;
  }

  // --- keys that are only known as such by the colon behind them

  private dropStaleKeys(): void {
    for (let level = 0; level < this.possibleKeys.length; level++) {
      const key = this.possibleKeys[level];
      if (key === undefined) continue;
      if (key.line === this.cursor.line && !this.isFarBehind(key.start)) continue;
      if (key.isRequired) throw this.missingColon(key);
      this.possibleKeys[level] = undefined;
    }
  }

  /** The bound counts characters; in UTF-16 each is one or two units. */
  private isFarBehind(start: number): boolean {
    const { text, offset } = this.cursor;
    if (offset - start <= MAX_KEY_LENGTH) return false;
    return offset - start > 2 * MAX_KEY_LENGTH || [...text.slice(start, offset)].length > MAX_KEY_LENGTH;
  }

  private rememberKey(): void {
    if (!this.keyMayBegin) return;
    this.forgetKey();
    const { offset: start, line, column } = this.cursor;
    const isRequired = this.flowLevel === 0 && this.indent === column;
    this.possibleKeys[this.flowLevel] = { tokenIndex: this.tokens.length, isRequired, start, line, column };
  }

  private forgetKey(): void {
    const key = this.possibleKeys[this.flowLevel];
    if (key?.isRequired) throw this.missingColon(key);
    this.possibleKeys[this.flowLevel] = undefined;
  }

  private missingColon(key: PossibleKey): YamlError {
    return new YamlError(key.start, "a line 'name: value' was expected here, but there is no colon", keyHint);
  }

  // --- indentation

  private unwindIndent(column: number): void {
    if (this.flowLevel > 0) return;
    while (this.indent > column) {
      this.indent = this.indents.pop()!;
      this.add("block-end", 0);
    }
  }

  private addIndent(column: number): boolean {
    if (this.indent >= column) return false;
    this.indents.push(this.indent);
    this.indent = column;
    return true;
  }

  // --- one method for each kind of token

  private directive(): true {
    this.unwindIndent(-1);
    this.forgetKey();
    this.keyMayBegin = false;
    const { cursor } = this;
    const { offset: start, line, column } = cursor;
    cursor.advance(1);
    const name = cursor.takeWord();
    if (name === "" || !(isBlankOrEnd(cursor.code()) && cursor.code() !== TAB))
      throw new YamlError(cursor.offset, "'%' at the beginning of a line begins a directive", quoteHint);
    const token: Token = { kind: "directive", start, end: 0, line, column, endLine: line, endColumn: 0, text: name };
    if (name === "YAML") {
      cursor.skipSpaces();
      const version = /^\d+\.\d+(?=[ \r\n\u0085\u2028\u2029]|$)/.exec(cursor.rest(20))?.[0];
      if (version === undefined)
        throw new YamlError(
          cursor.offset,
          "the version of '%YAML' is not two numbers",
          "Write '%YAML 1.1', or remove the line.",
        );
      cursor.advance(version.length);
      token.prefix = version;
    } else if (name === "TAG") {
      cursor.skipSpaces();
      token.handle = this.tagHandle();
      if (cursor.code() !== SPACE)
        throw new YamlError(cursor.offset, "'%TAG' needs a handle and a prefix", "Remove the line.");
      cursor.skipSpaces();
      token.prefix = this.tagUri();
      if (!(isBlankOrEnd(cursor.code()) && cursor.code() !== TAB))
        throw new YamlError(cursor.offset, "'%TAG' needs a handle and a prefix", "Remove the line.");
    }
    token.end = cursor.offset;
    token.endColumn = cursor.column;
    if (name !== "YAML" && name !== "TAG") while (!isBreakOrEnd(cursor.code())) cursor.advance(1);
    cursor.skipSpaces();
    if (cursor.code() === HASH) while (!isBreakOrEnd(cursor.code())) cursor.advance(1);
    if (!isBreakOrEnd(cursor.code()))
      throw new YamlError(cursor.offset, "a directive ends with its line", "Remove what follows it.");
    cursor.takeBreak();
    this.tokens.push(token);
    return true;
  }

  private documentMark(kind: "document-start" | "document-end"): boolean {
    this.unwindIndent(-1);
    this.forgetKey();
    this.keyMayBegin = false;
    return this.add(kind, 3);
  }

  private flowStart(kind: TokenKind): boolean {
    this.rememberKey();
    this.flowLevel += 1;
    if (this.flowLevel > MAX_NESTING) throw nestedTooDeeply(this.cursor.offset);
    this.keyMayBegin = true;
    return this.add(kind, 1);
  }

  private flowEnd(kind: TokenKind): boolean {
    this.forgetKey();
    this.flowLevel -= 1;
    this.keyMayBegin = false;
    return this.add(kind, 1);
  }

  private flowEntry(): boolean {
    this.keyMayBegin = true;
    this.forgetKey();
    return this.add("flow-entry", 1);
  }

  private blockEntry(): boolean {
    if (this.flowLevel === 0) {
      if (!this.keyMayBegin)
        throw new YamlError(
          this.cursor.offset,
          "a list entry cannot begin here",
          "Begin every entry with '- ' on a line of its own.",
        );
      if (this.addIndent(this.cursor.column)) this.add("block-sequence-start", 0);
    }
    this.keyMayBegin = true;
    this.forgetKey();
    return this.add("block-entry", 1);
  }

  private explicitKey(): boolean {
    if (this.flowLevel === 0) {
      if (!this.keyMayBegin)
        throw new YamlError(this.cursor.offset, "'? ' begins a key, which cannot stand here", quoteHint);
      if (this.addIndent(this.cursor.column)) this.add("block-mapping-start", 0);
    }
    this.keyMayBegin = this.flowLevel === 0;
    this.forgetKey();
    return this.add("key", 1);
  }

  private value(): boolean {
    const key = this.possibleKeys[this.flowLevel];
    if (key !== undefined) {
      this.possibleKeys[this.flowLevel] = undefined;
      const isNewMapping = this.flowLevel === 0 && this.addIndent(key.column);
      this.tokens.splice(key.tokenIndex, 0, emptyToken("key", key));
      if (isNewMapping) this.tokens.splice(key.tokenIndex, 0, emptyToken("block-mapping-start", key));
      this.keyMayBegin = false;
    } else {
      if (this.flowLevel === 0) {
        if (!this.keyMayBegin)
          throw new YamlError(
            this.cursor.offset,
            "a second 'name: value' on the same line, or a line indented further than the one it belongs to",
            'Put text that contains ": " in quotes, and indent the lines of one entry equally.',
          );
        if (this.addIndent(this.cursor.column)) this.add("block-mapping-start", 0);
      }
      this.keyMayBegin = this.flowLevel === 0;
      this.forgetKey();
    }
    return this.add("value", 1);
  }

  private name(kind: "alias" | "anchor"): boolean {
    this.rememberKey();
    this.keyMayBegin = false;
    const { cursor } = this;
    const { offset: start, line, column } = cursor;
    const sign = cursor.text[start]!;
    cursor.advance(1);
    const name = cursor.takeWord();
    const code = cursor.code();
    if (name === "" || !(isBlankOrEnd(code) || "?:,]}%@`".includes(String.fromCharCode(code))))
      throw new YamlError(
        start,
        `plain text cannot begin with '${sign}'`,
        `Put the text in quotes${sign === "*" ? ', as in "*.md"' : ""}.`,
      );
    const { offset: end, column: endColumn } = cursor;
    this.tokens.push({ kind, start, end, line, column, endLine: line, endColumn, text: name });
    return true;
  }

  private tag(): boolean {
    this.rememberKey();
    this.keyMayBegin = false;
    const { cursor } = this;
    const { offset: start, line, column } = cursor;
    const next = cursor.code(1);
    let handle: string | undefined;
    let text: string;
    if (next === LESS) {
      cursor.advance(2);
      text = this.tagUri();
      if (cursor.code() !== GREATER) throw this.badTag(cursor.offset);
      cursor.advance(1);
    } else if (isBlankOrEnd(next)) {
      text = "!";
      cursor.advance(1);
    } else {
      const hasHandle = /^![^ \r\n\u0085\u2028\u2029]*?!/.test(cursor.rest(MAX_KEY_LENGTH));
      if (hasHandle) handle = this.tagHandle();
      else {
        handle = "!";
        cursor.advance(1);
      }
      text = this.tagUri();
    }
    if (cursor.code() === TAB || !isBlankOrEnd(cursor.code())) throw this.badTag(cursor.offset);
    const { offset: end, column: endColumn } = cursor;
    this.tokens.push({ kind: "tag", start, end, line, column, endLine: line, endColumn, text, handle });
    return true;
  }

  private badTag(offset: number): YamlError {
    return new YamlError(offset, "text that begins with '!' is read as a tag, and this is none", quoteHint);
  }

  private tagHandle(): string {
    const { cursor } = this;
    const handle = /^!(?:[0-9A-Za-z_-]*!)?/.exec(cursor.rest(MAX_KEY_LENGTH))?.[0];
    if (handle === undefined || (handle === "!" && cursor.code(1) !== SPACE)) throw this.badTag(cursor.offset);
    cursor.advance(handle.length);
    return handle;
  }

  private tagUri(): string {
    const { cursor } = this;
    const uri = /^(?:%[0-9A-Fa-f]{2}|[0-9A-Za-z\-;/?:@&=+$,_.!~*'()[\]])+/.exec(cursor.rest(MAX_KEY_LENGTH))?.[0];
    if (uri === undefined) throw this.badTag(cursor.offset);
    cursor.advance(uri.length);
    return uri;
  }

  private blockScalar(style: "literal" | "folded"): true {
    this.keyMayBegin = true;
    this.forgetKey();
    this.tokens.push(scanBlockScalar(this.cursor, style, this.indent));
    return true;
  }

  private quoted(style: "single" | "double"): true {
    this.rememberKey();
    this.keyMayBegin = false;
    this.tokens.push(scanQuoted(this.cursor, style));
    return true;
  }

  private plain(): true {
    this.rememberKey();
    const { token, hasBreakBehind } = scanPlain(this.cursor, this.indent, this.flowLevel > 0);
    this.keyMayBegin = hasBreakBehind;
    this.tokens.push(token);
    return true;
  }
}

function emptyToken(kind: TokenKind, { start, line, column }: PossibleKey): Token {
  return { kind, start, end: start, line, column, endLine: line, endColumn: column, text: NOTHING };
}

const TAB = 0x09;
const SPACE = 0x20;
const HASH = 0x23;
const LESS = 0x3c;
const GREATER = 0x3e;
