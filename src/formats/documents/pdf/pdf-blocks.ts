/** Lines in reading order -> headings, paragraphs joined over lines, columns and pages, lists, tables, code. */
import { type DocumentBlock, tableBlock } from "../document-block.ts";
import { type DocumentStyle, documentStyle } from "./document-style.ts";
import { findHeadings } from "./find-headings.ts";
import { findTable } from "./find-table.ts";
import { joinText } from "./join-text.ts";
import type { PdfLine } from "./pdf-lines.ts";

/** What the next line may continue. */
interface OpenText {
  last: PdfLine;
  /** Of a list's item: where its marker stands. */
  markerLeft?: number;
  text: string;
}

export function pdfBlocks(allLines: readonly PdfLine[]): DocumentBlock[] {
  const style = documentStyle(allLines);
  const ordered = allLines.filter(
    (line) => !isContentsLine(line.text) && line.size >= LEAST_READ_SIZE * style.bodySize,
  );
  const edges = flowEdges(ordered);
  const { body: lines, notes } = setFootnotesAside(ordered, style);
  const headings = findHeadings(lines, style);
  const blocks: DocumentBlock[] = [];
  let open: OpenText | undefined;
  /** Of the items of the list that is open, from the outermost level. */
  let levels: number[] = [];
  let pendingNotes: PdfLine[][] = [];

  const close = () => {
    if (open !== undefined) addText(blocks, open, levels);
    open = undefined;
  };
  const closeSection = () => {
    close();
    for (const note of pendingNotes)
      blocks.push({ kind: "paragraph", text: note.reduce((text, line) => joinText(text, line.text, style), "") });
    pendingNotes = [];
  };

  for (let index = 0; index < lines.length; index++) {
    const line = lines[index]!;
    const before = lines[index - 1];
    if (before !== undefined && before.flow !== line.flow) pendingNotes.push(...(notes.get(before.flow) ?? []));
    const heading = headings.get(line);
    if (heading !== undefined) {
      closeSection();
      const last = blocks.at(-1);
      if (heading.isContinued && last?.kind === "heading") last.text = joinText(last.text, line.text, style);
      else blocks.push({ kind: "heading", level: heading.level, text: line.text });
      continue;
    }
    const table = findTable(lines, index, style.leading);
    if (
      table !== undefined &&
      !lines.slice(index, index + table.lineCount).some((one) => headings.has(one) || one.isMonospace)
    ) {
      close();
      blocks.push(tableBlock(table.rows));
      index += table.lineCount - 1;
      continue;
    }
    if (line.isMonospace) {
      close();
      addCodeLine(blocks, line, before, edges.get(line.flow)!.left, style);
      continue;
    }
    const marker = listMarker(line.text);
    if (marker !== undefined && !isMidSentence(open, line, style)) {
      const isSameList = open?.markerLeft !== undefined;
      close();
      levels = isSameList ? levels.filter((left) => left <= line.left + 0.5 * line.size) : [];
      if (levels.length === 0 || line.left > levels.at(-1)! + 0.5 * line.size) levels.push(line.left);
      open = { last: line, markerLeft: line.left, text: `${marker.sign} ${line.text.slice(marker.length).trim()}` };
    } else if (open !== undefined && continues(open, line, edges, style)) {
      open.text = joinText(open.text, line.text, style);
      open.last = line;
    } else {
      close();
      levels = [];
      open = { last: line, text: line.text };
    }
  }
  const lastFlow = lines.at(-1)?.flow;
  if (lastFlow !== undefined) pendingNotes.push(...(notes.get(lastFlow) ?? []));
  closeSection();
  return blocks;
}

function addText(blocks: DocumentBlock[], { text, markerLeft }: OpenText, levels: readonly number[]): void {
  const last = blocks.at(-1);
  if (markerLeft === undefined) {
    if (/[\p{L}\p{N}]/u.test(text)) blocks.push({ kind: "paragraph", text });
  } else if (last?.kind === "list" && levels.length > 1)
    last.items[last.items.length - 1] += `\n${"   ".repeat(levels.length - 1)}${text}`;
  else if (last?.kind === "list") last.items.push(text);
  else blocks.push({ kind: "list", items: [text] });
}

/** Compared with the text: what is smaller stands in drawings. Footnotes are bigger. */
const LEAST_READ_SIZE = 0.65;

/** A table of contents repeats the headings: title, dots, page. */
function isContentsLine(text: string): boolean {
  return /(?:\. ?){4,}\s*[\divxlc]{1,6}$/i.test(text);
}

interface Edges {
  left: number;
  right: number;
}

function flowEdges(lines: readonly PdfLine[]): Map<number, Edges> {
  const edges = new Map<number, Edges>();
  for (const { flow, left, right } of lines) {
    const known = edges.get(flow);
    edges.set(flow, { left: Math.min(left, known?.left ?? left), right: Math.max(right, known?.right ?? right) });
  }
  return edges;
}

const FOOTNOTE_SIZE = 0.93;
/** Share of the lines. */
const MAX_CODE_IN_FOOTNOTES = 0.5;

/** Small lines below the last body line of a flow, from the first that begins with a mark on; by flow. */
function setFootnotesAside(
  lines: readonly PdfLine[],
  { bodySize }: DocumentStyle,
): { body: PdfLine[]; notes: Map<number, PdfLine[][]> } {
  const body: PdfLine[] = [];
  const notes = new Map<number, PdfLine[][]>();
  const begins = ({ text }: PdfLine) => /^[\d⁰¹²³⁴-⁹*†‡§]/u.test(text);
  for (let start = 0, end = 0; start < lines.length; start = end) {
    while (end < lines.length && lines[end]!.flow === lines[start]!.flow) end += 1;
    const own = lines.slice(start, end);
    let tail = own.length;
    if (own[0]!.isAside) {
      body.push(...own);
      continue;
    }
    while (tail > 0 && own[tail - 1]!.size <= FOOTNOTE_SIZE * bodySize) tail -= 1;
    while (tail < own.length && !begins(own[tail]!)) tail += 1;
    // A page of small print is no page of footnotes, and numbered lines of code are none.
    const codeLines = own.slice(tail).filter(({ text }) => /[\\{}=_;]/.test(text));
    if (tail === 0 || codeLines.length > MAX_CODE_IN_FOOTNOTES * (own.length - tail)) tail = own.length;
    body.push(...own.slice(0, tail));
    const groups: PdfLine[][] = [];
    for (const line of own.slice(tail))
      if (begins(line) || groups.length === 0) groups.push([line]);
      else groups.at(-1)!.push(line);
    if (groups.length > 0) notes.set(own[0]!.flow, groups);
  }
  return { body, notes };
}

/** Lines of one paragraph are hardly further apart than usual, and of one size. */
const MAX_LINE_GAP = 1.3;
const SAME_SIZE = 0.12;

function continues(
  { last, markerLeft, text }: OpenText,
  line: PdfLine,
  edges: ReadonlyMap<number, Edges>,
  style: DocumentStyle,
): boolean {
  if (Math.abs(line.size - last.size) > SAME_SIZE * last.size) return false;
  const { left, right } = edges.get(last.flow)!;
  const isFull = last.right > right - 2 * last.size;
  const goesOn = /[-\u00ad‐]$/.test(text) || /^[\p{Ll}]/u.test(line.text);
  if (last.flow !== line.flow && (last.isAside || line.isAside)) return false;
  if (last.flow !== line.flow)
    return (
      goesOn ||
      (isFull && !/[.!?:;…。！？]["'”’»)\]]*$/u.test(text) && line.left < edges.get(line.flow)!.left + 0.8 * line.size)
    );
  if (line.y - last.y > MAX_LINE_GAP * style.leading * line.size) return false;
  if (markerLeft !== undefined) return line.left > markerLeft + 0.3 * line.size || goesOn;
  const isIndented = line.left > left + 0.8 * line.size && last.left <= left + 0.5 * line.size;
  if (isIndented && !goesOn) return false;
  // The first word would have fitted into the line above: the break was meant.
  const firstWord = (line.text.split(" ")[0]!.length * (line.right - line.left)) / Math.max(1, line.text.length);
  const endedEarly = right - last.right > firstWord + line.size;
  return !(endedEarly && /[.!?:;。！？]["'”’»)\]]*$/u.test(text));
}

/** "… in the years\n1914. The" is no item of a list. */
function isMidSentence(open: OpenText | undefined, line: PdfLine, style: DocumentStyle): boolean {
  if (open === undefined || open.last.flow !== line.flow || open.markerLeft !== undefined) return false;
  if (!/^\d/.test(line.text)) return false;
  const isNear = line.y - open.last.y <= MAX_LINE_GAP * style.leading * line.size;
  return isNear && Math.abs(line.left - open.last.left) < 0.5 * line.size && !/[.!?:;]["'”’»)\]]*$/u.test(open.text);
}

function listMarker(text: string): { sign: string; length: number } | undefined {
  const bullet = /^[•‣◦▪▫●○■□◆➢➤►✓✔·]\s*(?=\S)|^[-–—*]\s+(?=\S)/u.exec(text);
  if (bullet !== null) return { sign: "-", length: bullet[0].length };
  const number = /^\(?(\d{1,3})[.)]\s+(?=\S)/.exec(text);
  if (number !== null) return { sign: `${Number(number[1])}.`, length: number[0].length };
  const letter = /^\(?[a-z][.)]\s+(?=\S)/.exec(text);
  return letter === null ? undefined : { sign: `- ${letter[0].trim()}`, length: letter[0].length };
}

function addCodeLine(
  blocks: DocumentBlock[],
  line: PdfLine,
  before: PdfLine | undefined,
  left: number,
  style: DocumentStyle,
): void {
  const characterWidth = Math.max(1, (line.words[0]!.right - line.words[0]!.left) / line.words[0]!.text.length);
  let text = "";
  for (const word of line.words) {
    const column = Math.round((word.left - left) / characterWidth);
    text += " ".repeat(Math.min(200, Math.max(text === "" ? 0 : 1, column - text.length))) + word.text;
  }
  const last = blocks.at(-1);
  if (last?.kind !== "code" || before?.isMonospace !== true) blocks.push({ kind: "code", text, language: "" });
  else
    last.text += `${before.flow === line.flow && line.y - before.y > 1.7 * style.leading * line.size ? "\n" : ""}\n${text}`;
}
