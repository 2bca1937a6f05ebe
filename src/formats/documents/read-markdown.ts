/**
 * Markdown (CommonMark with GitHub's tables) -> blocks. Links become their text, emphasis goes, pictures and comments are left out; HTML
 * inside is read as HTML.
 */
import { lexer, type Token, type Tokens } from "marked";
import { IlabError } from "../../util/errors.ts";
import { type DocumentBlock, listItem, tableBlock } from "./document-block.ts";
import { decodeEntities } from "./html-entities.ts";
import { HARD_BREAK, raisedText, tidyText } from "./inline-text.ts";
import { markdownNesting } from "./markdown-nesting.ts";
import { readHtmlPiece } from "./read-html.ts";

export function readMarkdown(text: string): DocumentBlock[] {
  const depth = markdownNesting(text);
  if (depth > MAX_NESTING) throw tooNested(`${depth} levels deep; the limit is ${MAX_NESTING}`);
  try {
    return blocksOf(lexer(withoutFrontMatter(text)));
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    // The parser's patterns give up on a paragraph of megabytes, too.
    throw tooNested("too deeply to be read, or has a paragraph of several megabytes", cause);
  }
}

/** Of lists and quotes; every level costs the parser another pass over what is inside. */
const MAX_NESTING = 50;

function tooNested(howDeep: string, cause?: unknown): IlabError {
  return new IlabError({
    code: "DOCUMENT_TOO_NESTED",
    message: `it nests lists or quotes ${howDeep}`,
    hint: "Write it with fewer levels, and an empty line between paragraphs.",
    cause,
  });
}

function blocksOf(tokens: readonly Token[]): DocumentBlock[] {
  return tokens.flatMap((token) => blockOf(token as Tokens.Generic));
}

/** None for what holds no words: pictures, rules, comments, link definitions. */
function blockOf(token: Tokens.Generic): DocumentBlock[] {
  switch (token.type) {
    case "heading": {
      const text = inlineOf(token.tokens).replaceAll("\n", " ");
      return hasWords(text) ? [{ kind: "heading", level: (token as Tokens.Heading).depth, text }] : [];
    }
    case "paragraph":
    case "text": {
      const text = inlineOf(token.tokens ?? [token]);
      return hasWords(text) ? [{ kind: "paragraph", text }] : [];
    }
    case "blockquote":
      return blocksOf(token.tokens ?? []);
    case "html":
      return readHtmlPiece(token.raw);
    case "code": {
      const { text, lang } = token as Tokens.Code;
      return text.trim() === "" ? [] : [{ kind: "code", text, language: (lang ?? "").split(/\s/)[0]! }];
    }
    case "table": {
      const { header, rows } = token as Tokens.Table;
      const cells = (row: Tokens.TableCell[]) => row.map((cell) => inlineOf(cell.tokens).replaceAll("\n", " "));
      return rows.length === 0
        ? [{ kind: "paragraph", text: cells(header).join(", ") }]
        : [tableBlock(rows.map(cells), cells(header))];
    }
    case "list": {
      const { items, ordered, start } = token as Tokens.List;
      const lines = items.flatMap((item, index) => {
        const blocks = blocksOf(item.tokens).map(
          (block): DocumentBlock => (block.kind === "heading" ? { ...block, kind: "paragraph" } : block),
        );
        const [first] = blocks;
        if (first === undefined) return [];
        // The parser puts the box of a task before its paragraph, not into it, where no empty line follows.
        const box = item.tokens[0]?.type === "checkbox" ? inlinePiece(item.tokens[0] as Tokens.Generic) : "";
        if (first.kind === "paragraph") first.text = box + first.text;
        return [listItem(ordered ? `${(start || 0) + index}.` : "-", blocks)];
      });
      return lines.length === 0 ? [] : [{ kind: "list", items: lines }];
    }
    default:
      return [];
  }
}

function inlineOf(tokens: readonly Token[] | undefined): string {
  return tidyText(inlineText(tokens ?? []));
}

function hasWords(text: string): boolean {
  return /[\p{L}\p{N}]/u.test(text);
}

function inlineText(tokens: readonly Token[]): string {
  let text = "";
  /** Inside of <sup>, until its end tag. */
  let raisedFrom: number | undefined;
  for (const token of tokens) {
    if (token.type === "html" && /^<sup\b/i.test(token.raw)) raisedFrom = text.length;
    else if (token.type === "html" && /^<\/sup/i.test(token.raw) && raisedFrom !== undefined) {
      text = text.slice(0, raisedFrom) + raisedText(text.slice(raisedFrom));
      raisedFrom = undefined;
    } else text += inlinePiece(token as Tokens.Generic);
  }
  return text;
}

function inlinePiece(token: Tokens.Generic): string {
  switch (token.type) {
    case "image":
      return "";
    case "html":
      return /^<br\b/i.test(token.raw) ? HARD_BREAK : "";
    case "br":
      return HARD_BREAK;
    case "codespan":
      return token["text"].includes("`") ? token["text"] : `\`${token["text"]}\``;
    case "escape":
      return token["text"];
    case "checkbox":
      return token["checked"] ? "[x] " : "[ ] ";
    default:
      return token.tokens === undefined ? decodeEntities(token["text"] ?? token.raw) : inlineText(token.tokens);
  }
}

/** Metadata (YAML between `---`, TOML between `+++`) at the very beginning is about the file, not part of its text. */
function withoutFrontMatter(text: string): string {
  const lines = text.split("\n");
  const fence = lines[0]!.trimEnd();
  const first = { "---": /^[\w-]+\s*:/, "+++": /^(?:[\w."'-]+\s*=|\[[\w.-]+\]\s*$)/ }[fence];
  if (first === undefined || !first.test(lines[1] ?? "")) return text;
  const end = lines.findIndex((line, index) => index > 0 && line.trimEnd() === fence);
  return end < 0 ? text : lines.slice(end + 1).join("\n");
}
