/**
 * HTML or XML -> a tree of elements and text, in one pass and for any input: what is not closed is closed at the end, what is closed without
 * being open is skipped. Follows the HTML standard's optional end tags (13.1.2.4) as far as text is concerned; runs no scripts, loads nothing.
 */
import { IlabError } from "../../util/errors.ts";
import { decodeEntities } from "./html-entities.ts";

export interface MarkupElement {
  /** Lower case in HTML; without its namespace's prefix in XML. */
  name: string;
  attributes: ReadonlyMap<string, string>;
  children: MarkupNode[];
}
export type MarkupNode = string | MarkupElement;

/** Deeper elements become children of the one at this depth: whoever walks the tree may do it by recursion. */
const MAX_DEPTH = 200;
/** About a gigabyte of tree; a book has some ten thousand elements. */
const MAX_ELEMENTS = 2_000_000;

const voidElements = new Set("area base br col embed hr img input link meta param source track wbr".split(" "));
/** Their content is text up to the end tag, whatever it looks like. */
const rawElements = new Set("script style textarea title xmp iframe noembed noframes".split(" "));
const closesParagraph = new Set(
  (
    "address article aside blockquote center details dialog dir div dl dd dt fieldset figcaption figure footer form h1 h2 h3 h4 h5 h6 " +
    "header hgroup hr li main menu nav ol p pre search section summary table ul"
  ).split(" "),
);
/** What an opening tag closes, up to which element. */
const impliedEnds: Record<string, { closes: Set<string>; within: Set<string> }> = {};
for (const [names, closes, within] of [
  ["li", "li", "ul ol menu dir"],
  ["dt dd", "dt dd", "dl"],
  ["option optgroup", "option", "select"],
  ["td th", "td th", "table tr"],
  ["tr", "tr td th", "table"],
  ["thead tbody tfoot", "thead tbody tfoot tr td th caption colgroup", "table"],
] as const)
  for (const name of names.split(" "))
    impliedEnds[name] = { closes: new Set(closes.split(" ")), within: new Set(within.split(" ")) };
const paragraphEnd = {
  closes: new Set(["p"]),
  within: new Set("table td th caption button object template".split(" ")),
};
/** An end tag inside a cell closes nothing outside of it, unless it is one of the table's own. */
const cells = new Set(["td", "th", "caption"]);
const tableParts = new Set("table thead tbody tfoot tr td th caption body html".split(" "));

export function parseMarkup(text: string, { isXml = false } = {}): MarkupElement {
  const root: MarkupElement = { name: "", attributes: new Map(), children: [] };
  const open = [root];
  let elements = 0;
  const top = () => open.at(-1)!;
  const addText = (piece: string) => {
    if (piece !== "") top().children.push(piece);
  };
  /** How many of a name are open: most tags need no look at the others. */
  const openNames = new Map<string, number>();
  const cut = (length: number) => {
    for (const { name } of open.splice(length)) openNames.set(name, openNames.get(name)! - 1);
  };
  const isOpen = (name: string) => (openNames.get(name) ?? 0) > 0;
  const closeImplied = ({ closes, within }: { closes: Set<string>; within: Set<string> }) => {
    if (![...closes].some(isOpen)) return;
    for (let i = open.length - 1; i > 0 && !within.has(open[i]!.name); i--) if (closes.has(open[i]!.name)) cut(i);
  };
  const closeNamed = (name: string) => {
    if (!isOpen(name)) return;
    for (let i = open.length - 1; i > 0; i--) {
      if (open[i]!.name === name) return cut(i);
      if (!isXml && cells.has(open[i]!.name) && !tableParts.has(name)) return;
    }
  };

  let at = 0;
  while (at < text.length) {
    const start = text.indexOf("<", at);
    if (start < 0) break;
    addText(decodeEntities(text.slice(at, start)));
    const next = text[start + 1] ?? "";
    if (next === "!" || next === "?") {
      at = endOfDeclaration(text, start, isXml, addText);
    } else if (/[A-Za-z_]/.test(next) || (next === "/" && /[A-Za-z_]/.test(text[start + 2] ?? ""))) {
      const end = endOfTag(text, start);
      if (end < 0) {
        at = start;
        break;
      }
      const tag = text.slice(start + 1, end);
      at = end + 1;
      if (tag.startsWith("/")) {
        closeNamed(nameOf(tag.slice(1), isXml));
        continue;
      }
      const name = nameOf(tag, isXml);
      if (!isXml) {
        if (closesParagraph.has(name)) closeImplied(paragraphEnd);
        const implied = impliedEnds[name];
        if (implied !== undefined) closeImplied(implied);
      }
      elements += 1;
      if (elements > MAX_ELEMENTS)
        throw new IlabError({
          code: "DOCUMENT_TOO_LARGE",
          message: `it has more than ${MAX_ELEMENTS} elements`,
          hint: "Split it into several files.",
        });
      const element: MarkupElement = { name, attributes: attributesOf(tag, isXml), children: [] };
      top().children.push(element);
      const isEmpty = tag.endsWith("/") || (!isXml && voidElements.has(name));
      if (isEmpty) continue;
      if (!isXml && rawElements.has(name)) {
        const closing = new RegExp(`</${name}(?=[\\s/>])`, "gi");
        closing.lastIndex = at;
        const found = closing.exec(text);
        const rawEnd = found?.index ?? text.length;
        const raw = text.slice(at, rawEnd);
        element.children.push(name === "title" ? decodeEntities(raw) : raw);
        const gone = text.indexOf(">", rawEnd);
        at = found === null || gone < 0 ? text.length : gone + 1;
      } else if (open.length < MAX_DEPTH) {
        open.push(element);
        openNames.set(name, (openNames.get(name) ?? 0) + 1);
      }
    } else {
      addText("<");
      at = start + 1;
    }
  }
  addText(decodeEntities(text.slice(at)));
  return root;
}

/** Behind a comment, a doctype, a processing instruction or a CDATA section, whose text counts. */
function endOfDeclaration(text: string, start: number, isXml: boolean, addText: (text: string) => void): number {
  const isComment = text.startsWith("<!--", start);
  const isData = isXml && text.startsWith("<![CDATA[", start);
  const [mark, from] = isComment ? ["-->", start + 4] : isData ? ["]]>", start + 9] : [">", start + 2];
  const end = text.indexOf(mark, from);
  const until = end < 0 ? text.length : end;
  if (isData) addText(text.slice(from, until));
  return end < 0 ? text.length : end + mark.length;
}

/** Where the tag's `>` stands; one inside quotes is none. -1 when it never ends. */
function endOfTag(text: string, start: number): number {
  for (let i = start + 1; i < text.length; i++) {
    const character = text[i]!;
    if (character === ">") return i;
    if ((character === '"' || character === "'") && text[i - 1] === "=") {
      const closing = text.indexOf(character, i + 1);
      if (closing < 0) return -1;
      i = closing;
    }
  }
  return -1;
}

function nameOf(tag: string, isXml: boolean): string {
  const name = /^[^\s/>]+/.exec(tag)?.[0] ?? "";
  return isXml ? localName(name) : name.toLowerCase();
}

function localName(name: string): string {
  return name.slice(name.indexOf(":") + 1);
}

const noAttributes: ReadonlyMap<string, string> = new Map();

function attributesOf(tag: string, isXml: boolean): ReadonlyMap<string, string> {
  if (!tag.includes("=") && !tag.includes(" ")) return noAttributes;
  const attributes = new Map<string, string>();
  const behindName = tag.slice(/^[^\s/>]+/.exec(tag)![0].length);
  for (const [, name, double, single, bare] of behindName.matchAll(
    /([^\s=/"'<>]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'<>]+)))?/g,
  )) {
    const key = isXml ? localName(name!) : name!.toLowerCase();
    if (!attributes.has(key)) attributes.set(key, decodeEntities(double ?? single ?? bare ?? ""));
  }
  return attributes;
}

/** All text below, as it stands. */
export function textOf(node: MarkupNode): string {
  return typeof node === "string" ? node : node.children.map(textOf).join("");
}

/** The elements among the children. */
export function elementsOf(element: MarkupElement): MarkupElement[] {
  return element.children.filter((child) => typeof child !== "string");
}

/** The first element of this name among the children. */
export function childNamed(element: MarkupElement | undefined, name: string): MarkupElement | undefined {
  return element?.children.find((child): child is MarkupElement => typeof child !== "string" && child.name === name);
}
