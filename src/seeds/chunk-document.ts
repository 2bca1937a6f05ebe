/**
 * Cuts a document into pieces that fit a prompt: whole paragraphs where possible, never through code or a table, each piece with
 * the headings above it and from one section only.
 */
import { lexer, type Token, type Tokens } from "marked";
import type { DocumentChunk } from "../artifacts.ts";
import { IlabError } from "../util/errors.ts";
import { plainText, splitSentences } from "../util/sentences.ts";
import type { SourceDocument } from "./read-documents.ts";

/** About a page of a paperback: room for it, examples and an answer in a context of 2048 tokens. */
export const DEFAULT_CHUNK_WORDS = 250;

export interface ChunkDocumentOptions {
  /** Upper bound of words in a chunk; only code, a table or a single longer word stays whole beyond it. */
  maxWords?: number;
}

export function chunkDocument(document: SourceDocument, options: ChunkDocumentOptions = {}): DocumentChunk[] {
  const { maxWords = DEFAULT_CHUNK_WORDS } = options;
  const blocks = /\.txt$/i.test(document.name) ? textBlocks(document.text) : markdownBlocks(document);
  const chunks: DocumentChunk[] = [];
  let open: { headings: string[]; texts: string[]; words: number } | undefined;
  const close = () => {
    if (open !== undefined)
      chunks.push({ source: document.name, headings: open.headings, text: open.texts.join("\n\n") });
    open = undefined;
  };
  for (const block of blocks) {
    for (const piece of piecesOf(block, maxWords)) {
      const words = countWords(piece);
      if (open !== undefined && (open.headings !== block.headings || open.words + words > maxWords)) close();
      open ??= { headings: block.headings, texts: [], words: 0 };
      open.texts.push(piece);
      open.words += words;
    }
  }
  close();
  return chunks;
}

interface Block {
  /** The same array for all blocks of one section. */
  headings: string[];
  text: string;
  /** Code and tables mean nothing in halves. */
  mayBeCut: boolean;
  /** Of a list. */
  items?: string[];
}

function textBlocks(text: string): Block[] {
  const headings: string[] = [];
  return text
    .split(/\r?\n[ \t]*\r?\n/)
    .map((paragraph) => paragraph.trim())
    .filter((paragraph) => paragraph !== "")
    .map((paragraph) => ({ headings, text: paragraph, mayBeCut: true }));
}

function markdownBlocks({ name, text }: SourceDocument): Block[] {
  const path: { depth: number; title: string }[] = [];
  let headings: string[] = [];
  const blocks: Block[] = [];
  const visit = (tokens: readonly Token[]) => {
    for (const token of tokens) {
      if (token.type === "heading") {
        const { depth } = token as Tokens.Heading;
        while ((path.at(-1)?.depth ?? 0) >= depth) path.pop();
        path.push({ depth, title: plainText(token.raw) });
        headings = path.map(({ title }) => title);
      } else if (token.type === "blockquote") visit((token as Tokens.Blockquote).tokens);
      else {
        const block = blockOf(token, headings);
        if (block !== undefined) blocks.push(block);
      }
    }
  };
  try {
    visit(lexer(withoutFrontMatter(text)));
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new IlabError({
      code: "DOCUMENT_TOO_NESTED",
      message: `the document '${name}' nests lists or quotes too deeply to be read`,
      hint: "Write it with fewer levels.",
      cause,
    });
  }
  return blocks;
}

/** Undefined for what holds no words: pictures, rules, comments, link definitions. */
function blockOf(token: Token, headings: string[]): Block | undefined {
  const words = plainText(token.raw);
  if (words === "") return undefined;
  const text = token.type === "html" ? words : tidy(token.raw);
  const mayBeCut = token.type !== "code" && token.type !== "table";
  if (token.type !== "list") return { headings, text, mayBeCut };
  return { headings, text, mayBeCut, items: (token as Tokens.List).items.map(({ raw }) => tidy(raw)) };
}

/** The block whole where it fits or must stay so; otherwise its items or sentences, as many together as fit. */
function piecesOf({ text, mayBeCut, items }: Block, maxWords: number): string[] {
  if (!mayBeCut || countWords(text) <= maxWords) return [text];
  const separator = items === undefined ? " " : "\n";
  const parts = (items ?? [text]).flatMap((item) =>
    countWords(item) <= maxWords ? [item] : splitSentences(item).flatMap((part) => cutBetweenWords(part, maxWords)),
  );
  const pieces: string[] = [];
  let words = Number.POSITIVE_INFINITY;
  for (const part of parts) {
    const count = countWords(part);
    if (words + count > maxWords) {
      pieces.push(part);
      words = count;
    } else {
      pieces[pieces.length - 1] += `${separator}${part}`;
      words += count;
    }
  }
  return pieces;
}

function cutBetweenWords(part: string, maxWords: number): string[] {
  if (countWords(part) <= maxWords) return [part];
  const words = part.split(/\s+/);
  const pieces: string[] = [];
  for (let start = 0; start < words.length; start += maxWords)
    pieces.push(words.slice(start, start + maxWords).join(" "));
  return pieces;
}

/** Words between spaces; in scripts without spaces every character counts as one. */
export function countWords(text: string): number {
  const spaced = text.match(/\S+/g)?.length ?? 0;
  const unspaced = text.match(/[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}]/gu)?.length ?? 0;
  return Math.max(spaced, unspaced);
}

function tidy(raw: string): string {
  return raw
    .replaceAll("\r\n", "\n")
    .replace(/[ \t]+$/gm, "")
    .replace(/^\n+|\n+$/g, "");
}

/** `---`, lines of metadata, `---` at the very beginning are about the file, not part of its text. */
function withoutFrontMatter(text: string): string {
  const lines = text.split("\n");
  if (lines[0]!.trimEnd() !== "---" || !/^[\w-]+\s*:/.test(lines[1] ?? "")) return text;
  const end = lines.findIndex((line, index) => index > 0 && line.trimEnd() === "---");
  return end < 0 ? text : lines.slice(end + 1).join("\n");
}
