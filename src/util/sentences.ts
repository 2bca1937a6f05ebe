/** Markdown -> plain text, and plain text -> sentences: what a reader would call one, for prose in languages that use . ! and ?. */
import { lexer, type Token, type Tokens } from "marked";

/**
 * The words of a Markdown text without its markup. Paragraphs, headings, list items and table rows are set apart by an empty line;
 * a row reads `Column: cell, Column: cell.`. Pictures, HTML tags and comments are left out.
 */
export function plainText(markdown: string): string {
  return blocksOf(lexer(markdown)).join("\n\n");
}

/**
 * Sentences in order, each on one line. A paragraph and a list item always end a sentence. Abbreviations, initials, decimals and
 * quoted questions ("Why?" he asked.) do not.
 */
export function splitSentences(text: string): string[] {
  return splitBlocks(text).flatMap(splitBlock);
}

function splitBlocks(text: string): string[] {
  const blocks: string[] = [];
  for (const paragraph of text.split(/\r?\n[ \t]*\r?\n/)) {
    let isOpen = false;
    for (const line of paragraph.split(/\r?\n/)) {
      const item = line.replace(/^\s*(?:[-*+•]|\d{1,2}[.)])\s+/, "");
      if (isOpen && item === line) blocks[blocks.length - 1] += ` ${line}`;
      else blocks.push(item);
      isOpen = true;
    }
  }
  return blocks.map((block) => block.replace(/\s+/g, " ").trim()).filter((block) => block !== "");
}

/** An end mark with what closes behind it, then a space; or an end mark of Chinese and Japanese, which needs none. */
const endMark = /(?<![.!?…])([.!?…]+)(["'”’»)\]]*)(\s+)|[。！？][」』”’）]*/g;
/** What a sentence can begin with: a capital, a digit or a letter without case, perhaps behind an opening quote or bracket. */
const beginning = /^["'“‘«([¿¡]*(?:\p{Lu}|\p{Lt}|\p{Lo}|\p{N})/u;

/** How far back is looked for the word before a full stop. */
const LONGEST_WORD = 40;

function splitBlock(block: string): string[] {
  const sentences: string[] = [];
  let start = 0;
  for (const match of block.matchAll(endMark)) {
    const end = match.index + match[0].length;
    const [, mark, closers, space] = match;
    if (space !== undefined) {
      const rest = block.slice(end, end + 80);
      if (!beginning.test(rest)) continue;
      if (
        mark === "." &&
        closers === "" &&
        isAbbreviation(block.slice(Math.max(start, match.index - LONGEST_WORD), match.index), rest)
      )
        continue;
    }
    sentences.push(block.slice(start, end).trim());
    start = end;
  }
  if (start < block.length) sentences.push(block.slice(start).trim());
  return sentences.filter((sentence) => sentence !== "");
}

/** Never the last word of a sentence. */
const alwaysContinued = new Set(
  "mr mrs ms dr prof gen col capt lt sgt rev hon messrs mme mlle e.g i.e vs cf viz approx incl esp".split(" "),
);
/** Shortened only in front of a number. */
const continuedByNumber = new Set("no nos nr fig figs eq sec ch vol vols p pp art ca c b d".split(" "));
/** May end a sentence: it goes on unless a word follows that hardly ever stands inside one with a capital. */
const usuallyContinued = new Set(
  "st mt ft sr jr inc ltd co corp bros u.s u.k u.n e.u b.c a.d ph.d jan feb mar apr jun jul aug sep sept oct nov dec".split(
    " ",
  ),
);
const sentenceOpeners = new Set(
  (
    "a after all also although an and another as at because before both but by during each even every few for from he her here his how " +
    "however if in it its later many most much my nobody none not now of often on once one only or our she since so some soon " +
    "still that the their then there these they this those though to today two under until we what when where which while who why with you"
  ).split(" "),
);

/** Whether the full stop behind `before` belongs to its last word. */
function isAbbreviation(before: string, rest: string): boolean {
  const word = /([\p{L}\p{N}.]+)$/u.exec(before)?.[1] ?? "";
  const key = word.toLowerCase();
  const nextWord = (/^\P{L}*(\p{L}+)/u.exec(rest)?.[1] ?? "").toLowerCase();
  if (alwaysContinued.has(key)) return true;
  if (/^\d/.test(rest) && continuedByNumber.has(key)) return true;
  // "2. Mix the dough": a number alone counts steps.
  if (/^\d{1,2}$/.test(word) && before.trim() === word) return true;
  const isInitial = /^\p{Lu}$/u.test(word) || /^(?:\p{Lu}\.)+\p{Lu}$/u.test(word);
  return (isInitial || usuallyContinued.has(key)) && !sentenceOpeners.has(nextWord);
}

function blocksOf(tokens: readonly Token[]): string[] {
  return tokens.flatMap((token) => blockOf(token as Tokens.Generic)).filter((block) => block !== "");
}

function blockOf(token: Tokens.Generic): string[] {
  switch (token.type) {
    case "space":
    case "hr":
    case "checkbox":
    case "def":
      return [];
    case "html":
      return [oneLine(decodeEntities(withoutTags(token.raw)))];
    case "code":
      return [oneLine(token["text"] as string)];
    case "list":
      return (token as Tokens.List).items.flatMap((item) => blocksOf(item.tokens));
    case "blockquote":
      return blocksOf(token.tokens ?? []);
    case "table": {
      const { header, rows } = token as Tokens.Table;
      return rows.map((row) => {
        const cells = row.map((cell, column) => {
          const name = inlineText(header[column]?.tokens ?? []);
          const value = inlineText(cell.tokens);
          return value === "" || name === "" ? value : `${name}: ${value}`;
        });
        const text = cells.filter((cell) => cell !== "").join(", ");
        return text === "" ? "" : `${text}.`;
      });
    }
    case "paragraph":
    case "heading":
    case "text":
      return [inlineText(token.tokens ?? [token])];
    default:
      return token.tokens === undefined ? [oneLine(token.raw)] : blocksOf(token.tokens);
  }
}

/** What a block of HTML shows: no tags, comments, scripts or styles. */
function withoutTags(html: string): string {
  const hidden = [
    ["<!--", "-->"],
    ["<script", "</script"],
    ["<style", "</style"],
  ] as const;
  const shown = hidden.reduce((text, [open, close]) => withoutSpans(text, open, close), html);
  return shown.replace(/<[^<>]*>/g, " ");
}

/** One pass whatever is left open, where a regular expression would start anew at every opening. */
function withoutSpans(text: string, open: string, close: string): string {
  let result = "";
  let from = 0;
  for (let start = text.indexOf(open); start >= 0; start = text.indexOf(open, from)) {
    result += text.slice(from, start);
    const end = text.indexOf(close, start);
    from = end < 0 ? text.length : end + close.length;
  }
  return result + text.slice(from);
}

function inlineText(tokens: readonly Token[]): string {
  return oneLine(tokens.map((token) => inlinePiece(token as Tokens.Generic)).join(""));
}

function inlinePiece(token: Tokens.Generic): string {
  if (token.type === "image" || token.type === "html" || token.type === "checkbox") return "";
  if (token.type === "br") return " ";
  if (token.type === "codespan") return token["text"] as string;
  if (token.tokens !== undefined) return token.tokens.map((inner) => inlinePiece(inner as Tokens.Generic)).join("");
  return decodeEntities((token["text"] as string | undefined) ?? token.raw);
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, " ").trim();
}

const namedEntities: Record<string, string> = {
  amp: "&",
  lt: "<",
  gt: ">",
  quot: '"',
  apos: "'",
  nbsp: " ",
  ndash: "–",
  mdash: "—",
  hellip: "…",
};

function decodeEntities(text: string): string {
  return text.replace(/&(?:#(\d{1,7})|#[xX]([0-9a-fA-F]{1,6})|([a-z]{2,8}));/g, (whole, decimal, hexadecimal, name) => {
    if (name !== undefined) return namedEntities[name as string] ?? whole;
    const code = decimal === undefined ? Number.parseInt(hexadecimal, 16) : Number(decimal);
    return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : whole;
  });
}
