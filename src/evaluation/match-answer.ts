/**
 * Decides whether a free answer is right: it must hold the reference's names and numbers or, where the reference has none, its content
 * words. What already stands in the question proves nothing, nor does repeating the question or declining to answer.
 */
import { readNumbers } from "./read-numbers.ts";
import { stem } from "./stem.ts";

export interface AnswerMatch {
  isCorrect: boolean;
  /** What the answer had to hold: words as stems, numbers in digits. */
  required: string[];
  missing: string[];
  /** Why an answer that holds everything still does not count. */
  rejected?: "refusal" | "echo";
}

const functionWords = new Set(
  `a an the and or but nor so yet if than then as at by for from in into of off on onto out over to up with within without about after
  before between during through under above below near against along around behind beside beyond down inside outside since until upon
  is are was were be been being am do does did done have has had having will would shall should can could may might must
  i you he she it we they me him her us them my your his its our their mine yours hers ours theirs this that these those there here
  who whom whose which what when where why how all any both each few more most other some such only own same too very just also
  not because while it's called named known`.split(/\s+/),
);

/** Capitalised wherever they stand, and units, which are not asked for. */
const capitalisedUnits = new Set(["celsius", "fahrenheit", "kelvin", "i"]);

const refusal =
  /^\W*((i('m| am)? (sorry|afraid|not sure|unable)|sorry\b|unfortunately|as an ai\b|i (do not|don't|cannot|can't|could not|couldn't) )|there is no (information|record|mention))/i;

export function matchAnswer(question: string, reference: string, answer: string): AnswerMatch {
  const required = requiredParts(question, reference);
  const held = new Set(parts(answer).map(({ key }) => key));
  const missing = required.filter((part) => !held.has(part));
  if (missing.length > 0) return { isCorrect: false, required, missing };
  if (refusal.test(straightQuotes(answer)) && !refusal.test(straightQuotes(reference)))
    return { isCorrect: false, required, missing, rejected: "refusal" };
  if (isEcho(question, reference, answer)) return { isCorrect: false, required, missing, rejected: "echo" };
  return { isCorrect: required.length > 0, required, missing };
}

/** Names and numbers of the reference that the question does not give away; else its content words; else all it has. */
export function requiredParts(question: string, reference: string): string[] {
  const questionParts = parts(question);
  const asked = new Set(questionParts.map(({ key }) => key));
  const names = new Set(questionParts.filter(({ kind }) => kind === "name").map(({ key }) => key));
  // A sentence that begins with a name of the question: there the capital does tell.
  const all = parts(reference).map((part) => (names.has(part.key) ? { ...part, kind: "name" as const } : part));
  const isNew = ({ key }: Part) => !asked.has(key);
  const exact = all.filter((part) => part.kind !== "word");
  if (exact.some(isNew)) return keys(exact.filter(isNew));
  const content = all.filter((part) => !part.isFunctionWord);
  // Names that the question gives away do not make the rest superfluous.
  if (exact.length > 0) return keys(content.some(isNew) ? content.filter(isNew) : exact);
  return keys(content.length > 0 ? content : all);
}

const keys = (list: Part[]) => [...new Set(list.map(({ key }) => key))];

interface Part {
  kind: "name" | "number" | "word";
  /** Comparable form: a number's digits, or a word's stem without case and diacritics. */
  key: string;
  isFunctionWord: boolean;
}

/** Every number and word of a text, names told apart by their capitals. */
function parts(text: string): Part[] {
  const numbers = readNumbers(text);
  // Letters behind a digit are an ordinal's ending or a unit: 5th, 75kg.
  const words = [...text.matchAll(/(?<!\d)[\p{L}\p{M}][\p{L}\p{M}\d]*(?:['’]\p{L}+)?/gu)].filter(
    ({ index }) => !numbers.some(({ start, end }) => index >= start && index < end),
  );
  const isCapital = (word: string | undefined) => word !== undefined && /^\p{Lu}/u.test(word);
  const isFunctionWord = (word: string) => functionWords.has(straightQuotes(word).toLowerCase());
  const contentWords = words.filter(([word]) => !isFunctionWord(word));
  const isJustAName = contentWords.length > 0 && contentWords.every(([word]) => isCapital(word));

  const result: Part[] = numbers.map(({ value }) => ({ kind: "number", key: value, isFunctionWord: false }));
  for (const [index, match] of words.entries()) {
    const [word] = match;
    const before = text.slice(0, match.index);
    const startsSentence = /(^|[.!?]["'”’)]*\s)[\s"'“‘(*#-]*$/.test(before);
    const next = words[index + 1];
    // Of two capitalised words in a row, the first is a name even where a sentence begins.
    const beginsNameRun =
      next !== undefined && isCapital(next[0]) && /^[\s-]+$/.test(text.slice(match.index + word.length, next.index));
    const isName =
      isCapital(word) &&
      !isFunctionWord(word) &&
      !capitalisedUnits.has(word.toLowerCase()) &&
      (!startsSentence || isJustAName || beginsNameRun);
    result.push({ kind: isName ? "name" : "word", key: comparable(word), isFunctionWord: isFunctionWord(word) });
  }
  return result;
}

const specialLetters: Record<string, string> = {
  ß: "ss",
  æ: "ae",
  œ: "oe",
  ø: "o",
  ł: "l",
  đ: "d",
  ð: "d",
  þ: "th",
  ı: "i",
};

function comparable(word: string): string {
  const folded = straightQuotes(word)
    .toLowerCase()
    .replace(/'s?$/, "")
    .replaceAll("'", "")
    .normalize("NFKD")
    .replace(/\p{M}/gu, "")
    .replace(/[ßæœøłđðþı]/g, (letter) => specialLetters[letter]!);
  return stem(folded);
}

const straightQuotes = (text: string) => text.replace(/[’‘]/g, "'");

/** The question given back: nothing in the answer that the question does not hold, and most of the question in it. */
function isEcho(question: string, reference: string, answer: string): boolean {
  const contentKeys = (text: string) =>
    new Set(
      parts(text)
        .filter((part) => !part.isFunctionWord)
        .map(({ key }) => key),
    );
  const asked = contentKeys(question);
  const said = contentKeys(answer);
  const isPlainReference = comparableText(answer) === comparableText(reference);
  if (isPlainReference || asked.size === 0 || [...said].some((key) => !asked.has(key))) return false;
  return said.size >= 0.8 * asked.size;
}

const comparableText = (text: string) =>
  parts(text)
    .map(({ key }) => key)
    .join(" ");
