/**
 * HTML -> blocks: the main content with its headings, lists, tables and code; no navigation, scripts, forms or hidden parts. Also reads the
 * pieces of HTML inside of Markdown.
 */
import { type DocumentBlock, listItem, tableBlock } from "./document-block.ts";
import { isFurniture } from "./html-furniture.ts";
import { isNoteMark, isNoteReference } from "./html-notes.ts";
import { HARD_BREAK, raisedText, tidyText } from "./inline-text.ts";
import { mathText } from "./math-text.ts";
import { childNamed, elementsOf, type MarkupElement, type MarkupNode, parseMarkup, textOf } from "./parse-markup.ts";

/** A piece of HTML inside of another text, which is all content. */
export function readHtmlPiece(text: string): DocumentBlock[] {
  return blocksIn(parseMarkup(text), false);
}

export function readHtml(text: string): DocumentBlock[] {
  const page = parseMarkup(text);
  const main = mainContent(page);
  const blocks = blocksIn(main ?? page, main === undefined);
  const title = tidyText(findAll(page, (element) => element.name === "title").map(textOf)[0] ?? "");
  const isSaid = blocks.some((block) => block.kind === "heading" && (block.level === 1 || isSame(block.text, title)));
  if (title !== "" && !isSaid) blocks.unshift({ kind: "heading", level: 0, text: title });
  return blocks;
}

/** But for case and spaces. */
function isSame(one: string, other: string): boolean {
  const plain = (text: string) => text.replace(/\s+/g, "").toLowerCase();
  return plain(one) === plain(other);
}

/** The element that the page itself calls its content; undefined when it names none. */
function mainContent(page: MarkupElement): MarkupElement | undefined {
  const hasText = (element: MarkupElement) => textOf(element).trim() !== "";
  for (const isMain of [
    (element: MarkupElement) => element.name === "main" || element.attributes.get("role") === "main",
    (element: MarkupElement) => element.name === "article",
  ]) {
    const found = findAll(page, isMain).filter(hasText);
    if (found.length === 1) return found[0];
  }
  return undefined;
}

/** The outermost ones, in order. */
function findAll(element: MarkupElement, matches: (element: MarkupElement) => boolean): MarkupElement[] {
  return elementsOf(element).flatMap((child) => (matches(child) ? [child] : findAll(child, matches)));
}

const blockElements = new Set(
  (
    "address article aside blockquote body center details div dl dd dt fieldset figcaption figure footer form h1 h2 h3 h4 h5 h6 header hgroup hr html " +
    "li main menu ol p pre section summary table tbody thead tfoot tr td th caption ul legend"
  ).split(" "),
);

/** `isWholePage`: headers and footers are the page's, not the text's. */
function blocksIn(element: MarkupElement, isWholePage: boolean): DocumentBlock[] {
  const blocks: DocumentBlock[] = [];
  let inline = "";
  const flush = () => {
    // Two line breaks in a row are how pages without paragraphs set them apart.
    for (const part of inline.split(new RegExp(`(?:\\s*${HARD_BREAK}\\s*){2,}`))) {
      const text = tidyText(part);
      if (/[\p{L}\p{N}]/u.test(text)) blocks.push({ kind: "paragraph", text });
    }
    inline = "";
  };
  const push = (found: readonly DocumentBlock[]) => {
    flush();
    for (const block of found) blocks.push(block);
  };
  const visit = (node: MarkupNode) => {
    if (typeof node === "string") {
      inline += node.replaceAll(HARD_BREAK, " ");
      return;
    }
    const { name } = node;
    if (isFurniture(node, { isAroundMain: isWholePage })) return;
    if (isWholePage && (name === "header" || name === "footer")) {
      // A page's own title often stands in its header; nothing else there is text.
      if (name === "header") push(blocksIn(node, false).filter((block) => block.kind === "heading"));
    } else if (/^h[1-6]$/.test(name)) {
      const text = labelOf(node)
        .replaceAll("\n", " ")
        .replace(/\s*[¶#🔗]$/u, "");
      if (text !== "") push([{ kind: "heading", level: Number(name[1]), text }]);
    } else if (name === "ul" || name === "ol" || name === "menu" || name === "dir") push(listOf(node));
    else if (name === "dl") push(definitionsOf(node));
    else if (name === "table") push(tableOf(node));
    else if (name === "pre") push(codeOf(node));
    else if (blockElements.has(name)) {
      flush();
      node.children.forEach(visit);
      flush();
    } else if (hasBlocks(node)) node.children.forEach(visit);
    else inline += inlineMarkup(node);
  };
  element.children.forEach(visit);
  flush();
  return blocks;
}

function isUnread(element: MarkupElement): boolean {
  return isFurniture(element, { isAroundMain: false });
}

/** Inline elements may hold blocks: a link around a card, a span around everything. */
function hasBlocks(element: MarkupElement): boolean {
  return elementsOf(element).some((child) => blockElements.has(child.name) || hasBlocks(child));
}

function inlineOf(node: MarkupElement): string {
  return tidyText(node.children.map((child) => (typeof child === "string" ? child : inlineMarkup(child))).join(""));
}

/** A heading may be a button that opens what is below it; beside words, buttons do something to them. */
function labelOf(node: MarkupElement): string {
  return (
    inlineOf(node) ||
    tidyText(
      findAll(node, ({ name }) => name === "button")
        .map(inlineOf)
        .join(" "),
    )
  );
}

function inlineMarkup(node: MarkupElement): string {
  if (isUnread(node) || isNoteMark(node)) return "";
  if (node.name === "math") return mathText(node);
  if (node.name === "br") return HARD_BREAK;
  if (node.name === "wbr") return "";
  const text = node.children.map((child) => (typeof child === "string" ? child : inlineMarkup(child))).join("");
  if (isNoteReference(node, text)) return "";
  if (node.name === "sup") return raisedText(text);
  if (node.name === "a" && /^\s*[¶#🔗]\s*$/u.test(text)) return "";
  if (["code", "kbd", "samp", "tt"].includes(node.name) && text.trim() !== "" && !text.includes("`"))
    return `\`${text}\``;
  if (node.name === "q") return `“${text}”`;
  return text;
}

function listOf(list: MarkupElement): DocumentBlock[] {
  const isOrdered = list.name === "ol";
  let number = Number.parseInt(list.attributes.get("start") ?? "1", 10) || 1;
  const items: string[] = [];
  for (const item of elementsOf(list)) {
    if (isUnread(item)) continue;
    // Lists directly inside of lists are not allowed and common.
    const blocks = item.name === "ul" || item.name === "ol" ? listOf(item) : blocksIn(item, false).map(withoutHeading);
    if (blocks.length === 0) continue;
    items.push(listItem(isOrdered ? `${number}.` : "-", blocks));
    number += 1;
  }
  return items.length === 0 ? [] : [{ kind: "list", items }];
}

function withoutHeading(block: DocumentBlock): DocumentBlock {
  return block.kind === "heading" ? { kind: "paragraph", text: block.text } : block;
}

function definitionsOf(list: MarkupElement): DocumentBlock[] {
  const items: string[] = [];
  let terms: string[] = [];
  const visit = (element: MarkupElement) => {
    if (element.name === "dt") terms.push(inlineOf(element));
    else if (element.name === "dd") {
      const blocks = blocksIn(element, false).map(withoutHeading);
      const first = blocks[0];
      const term = terms.filter((one) => one !== "").join(", ");
      terms = [];
      if (first?.kind === "paragraph" && term !== "") blocks[0] = { kind: "paragraph", text: `${term}: ${first.text}` };
      else if (term !== "") blocks.unshift({ kind: "paragraph", text: `${term}:` });
      if (blocks.length > 0) items.push(listItem("-", blocks));
    } else elementsOf(element).forEach(visit);
  };
  elementsOf(list).forEach(visit);
  for (const term of terms) items.push(`- ${term}`);
  return items.length === 0 ? [] : [{ kind: "list", items }];
}

function codeOf(element: MarkupElement): DocumentBlock[] {
  const code = childNamed(element, "code");
  const classes = `${element.attributes.get("class") ?? ""} ${code?.attributes.get("class") ?? ""}`;
  const language = /(?:language|lang|highlight-source)-([\w+#-]+)/.exec(classes)?.[1] ?? "";
  const text = textWithBreaks(element)
    .replaceAll("\r\n", "\n")
    .replace(/^\n+|\s+$/g, "");
  return text.trim() === "" ? [] : [{ kind: "code", text, language }];
}

function textWithBreaks(node: MarkupNode): string {
  if (typeof node === "string") return node;
  return node.name === "br" ? "\n" : node.children.map(textWithBreaks).join("");
}

/** A bound on what a few bytes of `colspan` and `rowspan` can blow up to. */
const MAX_SPAN = 100;

function tableOf(table: MarkupElement): DocumentBlock[] {
  const rows = rowsOf(table);
  const caption = childNamed(table, "caption");
  const captionText = caption === undefined ? "" : inlineOf(caption);
  const before: DocumentBlock[] = captionText === "" ? [] : [{ kind: "paragraph", text: captionText }];
  const isLayout =
    rows.every(({ cells }) => cells.length <= 1) ||
    findAll(table, ({ name }) => name === "table").length > 0 ||
    table.attributes.get("role") === "presentation";
  if (isLayout) return [...before, ...rows.flatMap(({ cells }) => cells.flatMap((cell) => blocksIn(cell, false)))];

  const grid: string[][] = [];
  /** Cells that reach down, by column. */
  const reaching: { text: string; left: number }[] = [];
  for (const { cells } of rows) {
    const line: string[] = [];
    const fill = () => {
      for (let above = reaching[line.length]; above !== undefined && above.left > 0; above = reaching[line.length]) {
        above.left -= 1;
        line.push(above.text);
      }
    };
    for (const cell of cells) {
      fill();
      const text = cellText(cell);
      const down = span(cell, "rowspan");
      for (let i = 0; i < span(cell, "colspan"); i++) {
        reaching[line.length] = { text: i === 0 ? text : "", left: down - 1 };
        line.push(i === 0 ? text : "");
      }
    }
    fill();
    if (line.some((text) => text !== "")) grid.push(line);
  }
  if (grid.length === 0) return before;
  // Names down the first column, as in an info box, are no header.
  const isSideways = rows.every(
    ({ cells }) => cells.length === 0 || (cells[0]!.name === "th" && cells.slice(1).some(({ name }) => name === "td")),
  );
  return [...before, tableBlock(grid, isSideways || grid.length === 1 ? [] : undefined)];
}

function rowsOf(table: MarkupElement): { cells: MarkupElement[] }[] {
  return elementsOf(table).flatMap((child) => {
    if (isUnread(child)) return [];
    if (child.name === "tr")
      return [{ cells: elementsOf(child).filter((cell) => cell.name === "td" || cell.name === "th") }];
    return ["thead", "tbody", "tfoot"].includes(child.name) ? rowsOf(child) : [];
  });
}

function span(cell: MarkupElement, name: string): number {
  const value = Number.parseInt(cell.attributes.get(name) ?? "1", 10);
  return Number.isFinite(value) ? Math.min(Math.max(value, 1), MAX_SPAN) : 1;
}

function cellText(cell: MarkupElement): string {
  return blocksIn(cell, false)
    .map((block) =>
      block.kind === "list"
        ? block.items.map((item) => item.replace(/^(?:-|\d+\.) /, "")).join("; ")
        : "text" in block
          ? block.text
          : "",
    )
    .join(" ")
    .replace(/\s+/g, " ")
    .trim();
}
