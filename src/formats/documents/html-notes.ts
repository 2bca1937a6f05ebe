/** Signs in a page's text that only point to a note, and those at the note that lead back. */
import { elementsOf, type MarkupElement, textOf } from "./parse-markup.ts";

const referenceName = /^(?:doc-noteref|noteref|fnref|footnote(?:-?ref(?:erence)?)?)$/i;
const markName = /^(?:doc-backlink|fn-?backref|fn-bracket|footnote-?back(?:ref|link)?)$/i;

/** [3], or a link to a note. @param text of the element. */
export function isNoteReference(element: MarkupElement, text: string): boolean {
  if (element.name === "sup") return /^\s*\[[^\]]{1,12}\]\s*$/.test(text) || elementsOf(element).some(leadsIntoPage);
  return leadsIntoPage(element) && isCalled(element, referenceName) && /^\s*\[?[^\s[\]]{1,4}\]?\s*$/.test(text);
}

/** The number before a note, the arrow behind it; names of books in brackets are words. */
export function isNoteMark(element: MarkupElement): boolean {
  const isMark = isCalled(element, markName) || element.attributes.get("class") === "label";
  return isMark && /^[^\p{L}]*\p{L}?[^\p{L}]*$/u.test(textOf(element));
}

function leadsIntoPage({ name, attributes }: MarkupElement): boolean {
  return name === "a" && (attributes.get("href") ?? "").startsWith("#");
}

function isCalled({ attributes }: MarkupElement, names: RegExp): boolean {
  return `${attributes.get("role") ?? ""} ${attributes.get("class") ?? ""}`.split(/\s+/).some((one) => names.test(one));
}
