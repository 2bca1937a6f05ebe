/** What a text is made of: words, content words, names, numbers. English, by spelling alone. */
import { functionWords, months, numberWords, weekdays } from "./word-tables.ts";

const wordPattern = /[\p{L}\p{M}]+(?:['’-][\p{L}\p{M}]+)*(?:-\d+)?|\d+(?:[.,]\d+)*/gu;

/** Words and numbers in order, as written, without possessive endings. */
export function wordsOf(text: string): string[] {
  return (text.match(wordPattern) ?? []).map((word) => word.replace(/['’]s$/u, "").replace(/['’]$/u, ""));
}

/**
 * A word cut to what its inflected forms share: "founded" and "founder" give "found", "employs" and "employer" "employ".
 * Digits keep their value without thousands separators, number words become digits.
 */
export function stemOf(word: string): string {
  const lower = word.toLowerCase();
  if (/^\d/.test(lower)) return lower.replace(/,(?=\d{3})/g, "");
  const number = numberWords.get(lower);
  if (number !== undefined) return number;
  if (lower.length <= 4) return lower.replace(/s$/, "");
  const stem = lower.replace(/(?:ings?|ers?|ors?|ed|es|s|ly)$/u, "");
  return (stem.length >= 3 ? stem : lower)
    .slice(0, 7)
    .replace(/(?:e|y|i)$/, "")
    .replace(/(.)\1$/, "$1");
}

/** Stems of the words that carry a fact. */
export function contentStems(text: string): Set<string> {
  const stems = new Set<string>();
  for (const word of wordsOf(text)) if (!functionWords.has(word.toLowerCase())) stems.add(stemOf(word));
  for (const word of wordsOf(text)) if (numberWords.has(word.toLowerCase())) stems.add(stemOf(word));
  return stems;
}

/** Stems of all words, function words too. */
export function allStems(text: string): Set<string> {
  return new Set(wordsOf(text).map(stemOf));
}

/** Stems of numbers, in digits or in words. */
export function numberStems(text: string): Set<string> {
  return new Set(
    wordsOf(text)
      .filter((word) => /^\d/.test(word) || numberWords.has(word.toLowerCase()))
      .map(stemOf),
  );
}

const namePattern =
  /(?:\p{Lu}[\p{L}\p{M}'’-]*(?:-\d+)?|\d+(?<=\p{Lu}[\p{L}’'-]* \d+))(?: (?:(?:of|the|de|del|la|van|von|du) ){0,2}(?:\p{Lu}[\p{L}\p{M}'’-]*(?:-\d+)?|\d{1,2}(?!\d|[.,]\d)))*/gu;

/**
 * Names in a text: runs of capitalised words, with "of" and the like inside ("Museum of Nets", "Skylark 7").
 * The first word of a sentence counts only when another capital follows or when `document` has it capitalised inside a sentence.
 * Months and weekdays are not names.
 */
export function namesIn(text: string, document = text): string[] {
  const names = new Set<string>();
  for (const match of text.matchAll(namePattern)) {
    let name = match[0].replace(/['’]s?$/u, "");
    const atStart = match.index === 0 || /[.!?:]["”']?\s+$/u.test(text.slice(0, match.index));
    if (atStart) {
      const first = name.split(" ")[0]!;
      if (functionWords.has(first.toLowerCase())) {
        name = name.slice(first.length + 1).replace(/^(?:(?:of|the|de|del|la|van|von|du) )+/, "");
      } else if (!name.includes(" ") && !capitalisedInside(first, document)) continue;
    }
    const parts = name.split(" ");
    if (name === "" || parts.every((part) => isCalendarWord(part))) continue;
    names.add(name);
  }
  return [...names];
}

function isCalendarWord(word: string): boolean {
  const lower = word.toLowerCase();
  return months.has(lower) || weekdays.has(lower) || /^\d/.test(word) || lower === "i";
}

function capitalisedInside(word: string, document: string): boolean {
  let from = 0;
  for (;;) {
    const at = document.indexOf(word, from);
    if (at < 0) return false;
    if (at > 1 && /[\p{Ll},;(]\s$/u.test(document.slice(at - 2, at))) return true;
    from = at + word.length;
  }
}

/** Lower-case words of a text that are capitalised in it other than at its head: proper names and calendar words. */
export function capitalisedStems(text: string): Set<string> {
  const stems = new Set<string>();
  const list = wordsOf(text);
  list.forEach((word, position) => {
    if (position > 0 && /^\p{Lu}/u.test(word) && !functionWords.has(word.toLowerCase())) stems.add(stemOf(word));
  });
  return stems;
}
