/**
 * A sentence that points back ("It was founded in 1287 …") made to stand alone, by putting what the sentence before begins with in
 * the pointing word's place. Only plain cases; undefined where it would be guessing.
 */
import { functionWords, pointingWords } from "./word-tables.ts";
import { namesIn } from "./words.ts";

const verbs = /^(?:is|was|are|were|has|have|had|can|could|will|would|does|did|may|must)$/;
const articles = /^(?:the|a|an|its|their|his|her|this|that|every|each|and|or|of|with|in|on|at)$/i;
/** More words than this before the verb are no plain subject. */
const longestSubject = 8;

/** True when the sentence begins with a word that only the sentence before explains. */
export function pointsBack(sentence: string): boolean {
  const first = sentence.match(/^\p{L}+/u)?.[0].toLowerCase();
  return first !== undefined && pointingWords.has(first) && first !== "there";
}

/** @param previous the sentence before, itself standing alone. @param subject what the document is about. */
export function standAlone(sentence: string, previous: string, subject: string): string | undefined {
  const match = sentence.match(/^(It|Its|He|His|She|Her)\b (.*)$/su);
  if (!match) return undefined;
  const [, word, rest] = match;
  const meant = word === "It" || word === "Its" ? leadingSubject(previous) : lastPerson(previous, subject);
  if (meant === undefined) return undefined;
  const possessive = word === "Its" || word === "His" || (word === "Her" && !verbs.test(rest!.split(" ")[0]!));
  if (!possessive) return `${meant} ${rest}`;
  // "The clock tower on Fennel Square's bell" would be the square's.
  const owner = meant.replace(/ (?:on|in|at|of|near|around|for|with|from) .*$/u, (tail) =>
    / of \p{Lu}/u.test(tail) ? tail : "",
  );
  return `${owner}${owner.endsWith("s") ? "'" : "'s"} ${rest}`;
}

/** The words before the first verb: "The clock tower on Fennel Square is …" -> "The clock tower on Fennel Square". */
function leadingSubject(sentence: string): string | undefined {
  const words = sentence.split(" ");
  const first = words[0]!.toLowerCase();
  if (functionWords.has(first) && !/^(?:the|a|an|every|each)$/.test(first)) return undefined;
  for (let index = 1; index < Math.min(words.length, longestSubject + 1); index++) {
    const word = words[index]!;
    const before = words[index - 1]!;
    const looksLikeVerb =
      verbs.test(word) || (/^\p{Ll}{2,}(?:s|ed)$/u.test(word) && !/(?:ss|us|is)$/.test(word) && !articles.test(before));
    if (!looksLikeVerb && !before.endsWith(",")) continue;
    const subject = words.slice(0, index).join(" ").replace(/,$/, "");
    return articles.test(subject.split(" ").at(-1)!) ? undefined : subject;
  }
  return undefined;
}

/** The last name of the sentence that is not the document's subject: who "he" or "she" most likely is. */
function lastPerson(sentence: string, subject: string): string | undefined {
  return namesIn(sentence)
    .filter((name) => name !== subject && name.includes(" ") && !/ (?:of|the) /.test(name))
    .at(-1);
}
