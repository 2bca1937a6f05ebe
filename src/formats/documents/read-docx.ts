/**
 * DOCX (WordprocessingML, ECMA-376 part 1, 17) -> blocks: headings by style, lists, tables, text boxes; as if all tracked changes were accepted.
 * Footnotes and endnotes follow the paragraph that points to them. Headers, footers, comments, hidden text and the table of contents are left out.
 */
import { IlabError } from "../../util/errors.ts";
import { byteOrderMark } from "./decode-text.ts";
import { type DocumentBlock, tableBlock } from "./document-block.ts";
import { docxListNumber } from "./docx-list-number.ts";
import { type DocxStyles, numberingOf, outlineLevel, readDocxStyles, valOf } from "./docx-styles.ts";
import { HARD_BREAK, raisedText, tidyText } from "./inline-text.ts";
import { childNamed, elementsOf, type MarkupElement, parseMarkup, textOf } from "./parse-markup.ts";
import { readZipMember } from "./read-zip-member.ts";
import { symbolCharacter, symbolText } from "./symbol-font.ts";

/** Unpacked; the text of a thousand pages has 3 MiB, its markup ten times as much. */
const MAX_PART_BYTES = 64 * 1024 * 1024;
/** As much as of a text file; a hundred kilobytes unpack to more. */
const MAX_CHARACTERS = 16 * 1024 * 1024;

/** @param warn is told what of the document is not read. */
export function readDocx(bytes: Buffer, warn: (warning: string) => void = () => {}): DocumentBlock[] {
  if (bytes.length >= 8 && bytes.readUInt32BE(0) === 0xd0cf11e0)
    throw new IlabError({
      code: "DOCUMENT_LOCKED",
      message: "it is protected by a password, or in Word's old format",
      hint: "Open it in Word or LibreOffice and save it as .docx without a password.",
    });
  const part = (name: string) => {
    const content = readZipMember(bytes, name, MAX_PART_BYTES);
    if (content === undefined) return undefined;
    return parseMarkup(new TextDecoder(byteOrderMark(content)).decode(content), { isXml: true });
  };
  const main = mainPart(part("_rels/.rels"));
  const document = part(main);
  const body = childNamed(childNamed(document, "document"), "body");
  if (body === undefined)
    throw new IlabError({
      code: "DOCUMENT_DAMAGED",
      message: "it holds no text document",
      hint: "Is it a DOCX file? Open it in Word or LibreOffice and save it again.",
    });
  const characters = textOf(body).length;
  if (characters > MAX_CHARACTERS)
    throw new IlabError({
      code: "DOCUMENT_TOO_LARGE",
      message: `it holds ${characters} characters of text; the limit is ${MAX_CHARACTERS}`,
      hint: "Split the document into several files.",
    });
  const folder = main.slice(0, main.lastIndexOf("/") + 1);
  const styles = readDocxStyles(
    childNamed(part(`${folder}styles.xml`), "styles"),
    childNamed(part(`${folder}numbering.xml`), "numbering"),
  );
  const notes = new Map(
    ["footnote", "endnote"].flatMap((kind) => notesOf(kind, childNamed(part(`${folder}${kind}s.xml`), `${kind}s`))),
  );
  const embedded = countNamed(body, "altChunk");
  if (embedded > 0)
    warn(`${embedded} embedded document${embedded === 1 ? "" : "s"} not read; saving it in Word makes them part of it`);
  return blocksIn(body, { styles, notes });
}

function countNamed(element: MarkupElement, name: string): number {
  return elementsOf(element).reduce((sum, child) => sum + (child.name === name ? 1 : countNamed(child, name)), 0);
}

const empty: MarkupElement = { name: "", attributes: new Map(), children: [] };

interface DocxContext {
  styles: DocxStyles;
  /** By kind and number: `footnote 2`. */
  notes: ReadonlyMap<string, MarkupElement>;
}

function notesOf(kind: string, list: MarkupElement | undefined): [string, MarkupElement][] {
  return (list === undefined ? [] : elementsOf(list))
    .filter(({ name }) => name === kind)
    .map((note) => [`${kind} ${note.attributes.get("id")}`, note]);
}

/** The relationships of the package name the document; nearly always `word/document.xml`. */
function mainPart(relationships: MarkupElement | undefined): string {
  const list = elementsOf(childNamed(relationships, "Relationships") ?? empty);
  const main = list.find(({ attributes }) => /\/officeDocument$/.test(attributes.get("Type") ?? ""));
  return (main?.attributes.get("Target") ?? "word/document.xml").replace(/^\//, "");
}

/** Elements that only wrap what is inside; deleted text is in others. */
const wrappers = new Set([
  "sdt",
  "sdtContent",
  "ins",
  "moveTo",
  "smartTag",
  "customXml",
  "hyperlink",
  "fldSimple",
  "dir",
  "bdo",
]);

/** The elements among the children; of what is there for new programs and again for old ones, the first that has words. */
function partsOf(element: MarkupElement): MarkupElement[] {
  return elementsOf(element).flatMap((child) => {
    if (child.name !== "AlternateContent") return [child];
    const choices = elementsOf(child);
    const chosen = choices.find(hasWords) ?? choices[0];
    return chosen === undefined ? [] : partsOf(chosen);
  });
}

function hasWords(element: MarkupElement): boolean {
  return elementsOf(element).some((child) => (child.name === "t" ? textOf(child).trim() !== "" : hasWords(child)));
}

interface Reading {
  blocks: DocumentBlock[];
  /** Last numbers of the lists, by numbering and level. */
  counters: Map<string, number[]>;
  /** A large first letter stands in a paragraph of its own before the one that it begins. */
  initial: string;
}

function blocksIn(container: MarkupElement, context: DocxContext): DocumentBlock[] {
  const reading: Reading = { blocks: [], counters: new Map(), initial: "" };
  const visit = (element: MarkupElement) => {
    if (element.name === "p") addParagraph(reading, element, context);
    else if (element.name === "tbl") append(reading.blocks, tableOf(element, context));
    else if (wrappers.has(element.name)) partsOf(element).forEach(visit);
  };
  partsOf(container).forEach(visit);
  if (reading.initial !== "") reading.blocks.push({ kind: "paragraph", text: reading.initial });
  return reading.blocks;
}

/** A table may hold more than a call may have arguments. */
function append(blocks: DocumentBlock[], more: readonly DocumentBlock[]): void {
  for (const block of more) blocks.push(block);
}

function addParagraph(reading: Reading, paragraph: MarkupElement, context: DocxContext): void {
  const { blocks } = reading;
  const { styles, notes } = context;
  const properties = childNamed(paragraph, "pPr");
  const style = { ...styles.styleOf(valOf(childNamed(properties, "pStyle"))), ...numberingOf(properties) };
  if (style.isContents) return;
  const own = inlineText(paragraph);
  if (childNamed(properties, "framePr") !== undefined && /^\s*[“"«„]?\p{L}\s*$/u.test(own)) {
    reading.initial += own.trim();
    return;
  }
  const raw = reading.initial + (reading.initial === "" ? own : own.trimStart());
  if (own.trim() !== "") reading.initial = "";
  const boxes = textBoxes(paragraph).flatMap((box) => blocksIn(box, context));
  const text = tidyText(raw);
  const last = blocks.at(-1);
  const headingLevel = outlineLevel(properties) ?? style.headingLevel;
  if (style.isCode && raw.trim() !== "") {
    const code = raw.replaceAll(HARD_BREAK, "\n").trimEnd();
    if (last?.kind === "code") last.text += `\n${code}`;
    else blocks.push({ kind: "code", text: code, language: "" });
  } else if (text !== "" && headingLevel !== undefined)
    blocks.push({ kind: "heading", level: headingLevel, text: text.replaceAll("\n", " ") });
  else if (text !== "" && style.numberingId !== undefined && style.numberingId !== "0") {
    const level = style.listLevel ?? 0;
    const format = styles.formatOf(style.numberingId, level);
    const marker =
      format === "bullet" || format === "none"
        ? "-"
        : `${docxListNumber(nextNumber(reading.counters, style.numberingId, level, styles), format)}.`;
    const indent = "   ".repeat(level);
    const item = `${indent}${marker} ${text.replaceAll("\n", `\n${indent}  `)}`;
    if (last?.kind !== "list") blocks.push({ kind: "list", items: [item] });
    else if (level === 0 || last.items.length === 0) last.items.push(item);
    else last.items[last.items.length - 1] += `\n${item}`;
  } else if (/[\p{L}\p{N}]/u.test(text)) blocks.push({ kind: "paragraph", text });
  append(blocks, boxes);
  for (const name of noteNames(paragraph)) {
    const note = notes.get(name);
    if (note !== undefined) append(blocks, blocksIn(note, { styles, notes: new Map() }));
  }
}

/** Of the notes that a paragraph points to, in order. */
function noteNames(element: MarkupElement): string[] {
  return partsOf(element).flatMap((child) => {
    const kind = /^(footnote|endnote)Reference$/.exec(child.name)?.[1];
    if (kind !== undefined) return [`${kind} ${child.attributes.get("id")}`];
    return child.name === "r" || wrappers.has(child.name) ? noteNames(child) : [];
  });
}

/** An item starts the levels below it anew. */
function nextNumber(counters: Map<string, number[]>, id: string, level: number, styles: DocxStyles): number {
  const numbers = counters.get(id) ?? [];
  counters.set(id, numbers);
  numbers[level] = (numbers[level] ?? styles.startOf(id, level) - 1) + 1;
  numbers.length = level + 1;
  return numbers[level];
}

function inlineText(element: MarkupElement): string {
  let text = "";
  for (const child of partsOf(element)) {
    if (child.name === "r") text += runText(child);
    else if (wrappers.has(child.name)) text += inlineText(child);
    else if (child.name === "oMath" || child.name === "oMathPara") text += mathText(child);
  }
  return text;
}

function runText(run: MarkupElement): string {
  const properties = childNamed(run, "rPr");
  if (isOn(childNamed(properties, "vanish"))) return "";
  const font = childNamed(properties, "rFonts")?.attributes.get("ascii") ?? "";
  let text = "";
  for (const child of partsOf(run)) {
    if (child.name === "t") text += symbolText(font, textOf(child));
    else if (child.name === "sym") {
      const { attributes } = child;
      text += symbolCharacter(attributes.get("font") ?? font, Number.parseInt(attributes.get("char") ?? "", 16));
    }
    // Small signs beside the words only say how these are spoken.
    else if (child.name === "ruby") text += inlineText(childNamed(child, "rubyBase") ?? empty);
    else if (child.name === "tab" || child.name === "ptab") text += "\t";
    else if (child.name === "br" || child.name === "cr")
      text += child.attributes.get("type") === undefined ? HARD_BREAK : " ";
    else if (child.name === "noBreakHyphen") text += "-";
  }
  return valOf(childNamed(properties, "vertAlign")) === "superscript" ? raisedText(text) : text;
}

/** A property without a value is on. */
function isOn(property: MarkupElement | undefined): boolean {
  return property !== undefined && !["0", "false", "off"].includes(valOf(property) ?? "1");
}

function mathText(element: MarkupElement): string {
  return elementsOf(element)
    .map((child) => (child.name === "t" ? textOf(child) : mathText(child)))
    .join("");
}

/** Text boxes stand inside of runs. */
function textBoxes(element: MarkupElement): MarkupElement[] {
  return partsOf(element).flatMap((child) => (child.name === "txbxContent" ? [child] : textBoxes(child)));
}

function tableOf(table: MarkupElement, context: DocxContext): DocumentBlock[] {
  const rows = childrenIn(table, "tr").map((row) => childrenIn(row, "tc"));
  // A frame around text, not a table.
  if (rows.every((cells) => cells.length <= 1))
    return rows.flatMap((cells) => cells.flatMap((cell) => blocksIn(cell, context)));
  const above: string[] = [];
  const grid = rows.map((cells) => {
    const line: string[] = [];
    for (const cell of cells) {
      const properties = childNamed(cell, "tcPr");
      const merge = childNamed(properties, "vMerge");
      const continuesAbove = merge !== undefined && valOf(merge) !== "restart";
      const column = line.length;
      const text = continuesAbove ? (above[column] ?? "") : cellText(cell, context);
      above[column] = text;
      line.push(text);
      const width = Math.min(Number(valOf(childNamed(properties, "gridSpan")) ?? 1) || 1, 100);
      for (let i = 1; i < width; i++) line.push("");
    }
    return line;
  });
  const filled = grid.filter((line) => line.some((text) => text !== ""));
  if (filled.length === 0) return [];
  return [tableBlock(filled, filled.length === 1 ? [] : undefined)];
}

function childrenIn(element: MarkupElement, name: string): MarkupElement[] {
  return partsOf(element).flatMap((child) => {
    if (child.name === name) return [child];
    return wrappers.has(child.name) ? childrenIn(child, name) : [];
  });
}

function cellText(cell: MarkupElement, context: DocxContext): string {
  return blocksIn(cell, context)
    .map((block) => {
      if (block.kind === "list")
        return block.items.map((item) => item.replace(/^\s*(?:-|\d+\.|[a-z]\.|[ivxlcdm]+\.) /gim, "")).join("; ");
      return block.kind === "table" ? [block.header, ...block.rows].map((row) => row.join(" ")).join("; ") : block.text;
    })
    .join(" ")
    .replace(/\s+/g, " ")
    .trim();
}
