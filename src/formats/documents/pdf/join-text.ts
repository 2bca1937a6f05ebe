/** Text and the line that goes on with it -> one text. Words that were broken at the line's end are mended, compounds keep their hyphens. */
import type { DocumentStyle } from "./document-style.ts";

/** A shorter half is a word by chance: "in-\nform". */
const MIN_HALF = 4;

/** English words whose halves are words too and that are never written with a hyphen. */
const ONE_WORD =
  /^(?:some|any|every|else|what|when|where|over|under|further|other|never)\p{L}+$|(?:more|ever|where|self|side|wise|ally|able|ship|ness|ment|marks?)$/u;

export function joinText(text: string, more: string, { words }: Pick<DocumentStyle, "words">): string {
  if (text === "") return more;
  const [, start = "", part = ""] = /((?:[\p{L}\p{N}]+[-‐])*)([\p{L}\p{N}]+)[-‐\u00ad]$/u.exec(text) ?? [];
  const next = /^\p{L}+/u.exec(more)?.[0] ?? "";
  // "long- and short-term".
  const isList = /^(?:and|or|und|oder|et|ou|y|o|e)$/.test(next);
  if (part === "" || next === "" || isList)
    return `${text}${/[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\u3000-\u303f\uff00-\uffef]$/u.test(text) ? "" : " "}${more}`;
  const [plain, hyphenated] = [`${part}${next}`.toLowerCase(), `${part}-${next}`.toLowerCase()];
  const isKnown = (word: string) => words.has(word.toLowerCase());
  const isCapital = /^\p{Lu}/u.test(next);
  // "dic-\nNew" are two ends of text that do not belong together.
  if (isCapital && !/^[\p{Lu}\p{N}]/u.test(part)) return `${text} ${more}`;
  const isShouted = /^\p{Lu}{2}/u.test(part) && /^\p{Lu}{2}/u.test(next);
  const isCompound =
    // Nobody breaks a word after its first letter, or "Jean-\nPaul", "30-\nday".
    part.length === 1 ||
    /\p{N}$/u.test(part) ||
    (isCapital && !isShouted) ||
    (start !== "" && (isKnown(part) || isKnown(next))) ||
    (Math.min(part.length, next.length) >= MIN_HALF && isKnown(part) && isKnown(next) && !ONE_WORD.test(plain));
  const keepsHyphen = words.has(hyphenated) || (isCompound && !words.has(plain) && !text.endsWith("\u00ad"));
  return `${text.slice(0, -1)}${keepsHyphen ? "-" : ""}${more}`;
}
