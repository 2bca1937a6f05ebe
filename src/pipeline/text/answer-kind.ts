/** Whether an answer can be what the question word asks for, judged by the words that the question does not already hold. */
import { functionWords, months, numberWords, placePrepositions, timeWords, weekdays } from "./word-tables.ts";
import { allStems, stemOf, wordsOf } from "./words.ts";

/** Words of the answer that the question does not hold, in order, and the answer whole. */
interface News {
  words: readonly string[];
  answer: string;
}
type Check = (news: News) => boolean;

const isNumber = (word: string) => /^\d/.test(word) || numberWords.has(word.toLowerCase());
const isTime = (word: string) => [months, weekdays, timeWords].some((table) => table.has(word.toLowerCase()));
const isName = (word: string) =>
  /^\p{Lu}/u.test(word) && !isTime(word) && !isNumber(word) && !functionWords.has(word.toLowerCase());

const hasNumber: Check = ({ words }) => words.some(isNumber);
const hasTime: Check = ({ words }) => words.some((word) => isNumber(word) || isTime(word));
const hasYear: Check = ({ words }) => words.some((word) => /^\d{3,4}$/.test(word));
const hasName: Check = ({ words }) => words.some(isName);
/** A name that stands as people's names do: not behind "the", "in", "on" and the like. */
const hasPerson: Check = ({ words, answer }) =>
  words.some(
    (word) =>
      isName(word) &&
      !new RegExp(`\\b(?:[Tt]he|[Ii]n|[Oo]n|[Aa]t|of|near|to|from) (?:\\p{Lu}\\S* )*${literally(word)}\\b`, "u").test(
        answer,
      ),
  );
/** Something other than a time or a count, named or behind a preposition of place. */
const hasPlace: Check = ({ words, answer }) => {
  const rest = words.filter((word) => !isNumber(word) && !isTime(word) && !functionWords.has(word.toLowerCase()));
  return (
    rest.length > 0 && (rest.some(isName) || wordsOf(answer).some((word) => placePrepositions.has(word.toLowerCase())))
  );
};

/** First match decides; questions that match none are not judged. */
const kinds: [RegExp, Check][] = [
  [/^how (?:many|much|high|tall|deep|far|old|big|large|heavy|wide|warm|hot|cold|fast)\b/i, hasNumber],
  [/^how (?:long|often)\b/i, hasTime],
  [/\b(?:in|since) (?:what|which) year\b|^(?:what|which) year\b/i, hasYear],
  [/^(?:on |in |at )?(?:what|which) (?:day|month|date|season|time)\b/i, hasTime],
  [/^(?:when|since when|until when)\b/i, hasTime],
  [/^(?:who|whom|whose|(?:by|for|from|with|to|after) who(?:m|se)?)\b/i, hasPerson],
  [/^(?:where|from where)\b/i, hasPlace],
  [/^what is the name\b/i, hasName],
];

export function answerFits(question: string, answer: string): boolean {
  const check = kinds.find(([pattern]) => pattern.test(question.trim()))?.[1];
  if (check === undefined) return true;
  const asked = allStems(question);
  const list = wordsOf(answer);
  // The head of a sentence is capitalised whatever it is; it counts as a name only where another capital follows or in an answer of few words.
  const words = list
    .map((word, at) => (at === 0 && list.length > 3 && !/^\p{Lu}/u.test(list[1]!) ? word.toLowerCase() : word))
    .filter((word) => !asked.has(stemOf(word)));
  return check({ words, answer });
}

function literally(word: string): string {
  return word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
