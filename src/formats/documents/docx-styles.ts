/** What the styles and the numbering of a DOCX say about a paragraph: heading, list item, code, or nothing special. ECMA-376 part 1, 17.7 and 17.9. */
import { childNamed, elementsOf, type MarkupElement } from "./parse-markup.ts";

export interface ParagraphStyle {
  /** 0 for the title, 1 to 9 for headings. */
  headingLevel?: number;
  listLevel?: number;
  /** Of the numbering; `0` is none. */
  numberingId?: string;
  isCode: boolean;
  /** Lines of a table of contents repeat what is elsewhere. */
  isContents: boolean;
}

export interface DocxStyles {
  /** `id` as paragraphs name it; undefined for the default. */
  styleOf(id: string | undefined): ParagraphStyle;
  /** `bullet`, `decimal`, `lowerLetter` … */
  formatOf(numberingId: string, level: number): string;
  /** First number of a list. */
  startOf(numberingId: string, level: number): number;
}

export function valOf(element: MarkupElement | undefined): string | undefined {
  return element?.attributes.get("val");
}

export function readDocxStyles(styles: MarkupElement | undefined, numbering: MarkupElement | undefined): DocxStyles {
  const byId = new Map<string, MarkupElement>();
  for (const style of elementsOf(styles ?? empty))
    if (style.name === "style") byId.set(style.attributes.get("styleId") ?? "", style);
  const known = new Map<string, ParagraphStyle>();
  const styleOf = (id: string | undefined, visited = new Set<string>()): ParagraphStyle => {
    const found = known.get(id ?? "");
    if (found !== undefined) return found;
    const style = byId.get(id ?? "");
    const baseId = valOf(childNamed(style, "basedOn"));
    const plain: ParagraphStyle = { isCode: false, isContents: false };
    const isLoop = baseId === undefined || visited.has(baseId);
    const base = isLoop ? plain : styleOf(baseId, visited.add(baseId));
    // Word writes built-in names in English whatever its language; documents without styles still have telling ids.
    const own = describe(valOf(childNamed(style, "name")) ?? id ?? "", childNamed(style, "pPr"));
    const result: ParagraphStyle = {
      ...base,
      ...own,
      isCode: base.isCode || own.isCode,
      isContents: base.isContents || own.isContents,
    };
    known.set(id ?? "", result);
    return result;
  };

  const levels = readNumbering(numbering);
  return {
    styleOf: (id) => styleOf(id),
    formatOf: (id, level) => levels.get(id)?.[level]?.format ?? "bullet",
    startOf: (id, level) => levels.get(id)?.[level]?.start ?? 1,
  };
}

const empty: MarkupElement = { name: "", attributes: new Map(), children: [] };

function describe(name: string, properties: MarkupElement | undefined): ParagraphStyle {
  const style: ParagraphStyle = {
    isCode: /\b(?:code|source|preformatted|listing|plain text)\b/i.test(name),
    isContents: /^toc ?\d|^(?:toc|table of (?:contents|figures))/i.test(name),
  };
  const heading = /^heading ?([1-9])/i.exec(name);
  if (/^title$/i.test(name)) style.headingLevel = 0;
  else if (heading !== null) style.headingLevel = Number(heading[1]);
  const outline = outlineLevel(properties);
  if (outline !== undefined && style.headingLevel === undefined) style.headingLevel = outline;
  Object.assign(style, numberingOf(properties));
  const list = /^list (?:bullet|number|paragraph)(?: ([2-9]))?/i.exec(name);
  if (list?.[1] !== undefined) style.listLevel ??= Number(list[1]) - 1;
  return style;
}

/** 1 to 9; undefined where the text is body text. */
export function outlineLevel(properties: MarkupElement | undefined): number | undefined {
  const level = Number(valOf(childNamed(properties, "outlineLvl")) ?? "9");
  return level >= 0 && level < 9 ? level + 1 : undefined;
}

export function numberingOf(properties: MarkupElement | undefined): { numberingId?: string; listLevel?: number } {
  const numbers = childNamed(properties, "numPr");
  const numberingId = valOf(childNamed(numbers, "numId"));
  const level = valOf(childNamed(numbers, "ilvl"));
  return {
    ...(numberingId === undefined ? {} : { numberingId }),
    ...(level === undefined ? {} : { listLevel: Math.min(Math.max(Number(level) || 0, 0), 8) }),
  };
}

interface NumberingLevel {
  format: string;
  start: number;
}

function readNumbering(numbering: MarkupElement | undefined): Map<string, NumberingLevel[]> {
  const abstract = new Map<string, NumberingLevel[]>();
  const levels = new Map<string, NumberingLevel[]>();
  for (const element of elementsOf(numbering ?? empty)) {
    if (element.name === "abstractNum") {
      const own: NumberingLevel[] = [];
      for (const level of elementsOf(element))
        if (level.name === "lvl")
          own[Number(level.attributes.get("ilvl") ?? 0)] = {
            format: valOf(childNamed(level, "numFmt")) ?? "decimal",
            start: Number(valOf(childNamed(level, "start")) ?? 1) || 1,
          };
      abstract.set(element.attributes.get("abstractNumId") ?? "", own);
    } else if (element.name === "num")
      levels.set(
        element.attributes.get("numId") ?? "",
        abstract.get(valOf(childNamed(element, "abstractNumId")) ?? "") ?? [],
      );
  }
  return levels;
}
