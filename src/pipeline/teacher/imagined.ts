/**
 * Placeholders for what a teacher would write, while a pipeline is only rehearsed to count its calls. They are marked, so that filters and
 * duplicate removal, which cannot judge them, let them pass.
 */
import type { JsonValue } from "../../artifacts.ts";

/** From Unicode's private use area: no text of a document begins with it. */
const MARK = "\uf8ff";
const WORD = " word";
/** Of English prose, for tokenizers of 30,000 to 130,000 entries. */
export const CHARACTERS_PER_TOKEN = 4;
/** Of plain English, by tokenizers of 30,000 to 130,000 entries. */
const TOKENS_PER_WORD = 1.3;

/** A text of about so many tokens. Texts of different names differ, as a teacher's answers would. */
export function imaginedText(tokens: number, name = ""): string {
  return MARK + name + WORD.repeat(Math.max(1, Math.round(tokens / TOKENS_PER_WORD)));
}

/** One of so many equal parts of a placeholder, for an answer that is read into several cells or rows. */
export function partOfImagined(text: string, parts: number, part: number): string {
  const name = text.slice(MARK.length, text.indexOf(WORD));
  const words = (text.length - MARK.length - name.length) / WORD.length;
  return imaginedText((words * TOKENS_PER_WORD) / parts, `${name}.${part}`);
}

/** The text as a placeholder: what was made of one stays known as one. */
export function asImagined(text: string): string {
  return MARK + text.replaceAll(MARK, "");
}

export function isImagined(value: JsonValue | undefined): boolean {
  return typeof value === "string" && value.startsWith(MARK);
}
