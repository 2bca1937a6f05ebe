/** Keeps pairs that the text bears out: names and numbers of both parts, and the answer's other words, stand in it. */
import { z } from "zod";
import { type Block, cellText, defineBlock } from "../block.ts";
import { isImagined } from "../teacher/imagined.ts";
import { functionWords, numberWords } from "../text/word-tables.ts";
import { allStems, capitalisedStems, contentStems, numberStems, stemOf, wordsOf } from "../text/words.ts";

const configSchema = z.strictObject({
  /** Columns whose texts together are the ground. */
  text_cols: z.array(z.string()).min(1).default(["window", "subject"]),
  question_col: z.string().default("question"),
  response_col: z.string().default("response"),
  /** Words of questions (height, colour, …) that need not stand in the text; those of the leaf's seed questions are free as well. */
  question_words: z.array(z.string()).default([]),
  /** Content words of the question beyond these that need not stand in the text. */
  free_question_words: z.number().int().min(0).default(0),
  /** The same for the answer, beyond words of the question. */
  free_response_words: z.number().int().min(0).default(0),
});

export const groundedFilterBlock = defineBlock<z.infer<typeof configSchema>>({
  type: "GroundedFilterBlock",
  summary: "drops pairs with names, numbers or words that the text does not hold",
  configSchema,
  async create(config): Promise<Block> {
    return {
      inputColumns: [...config.text_cols, config.question_col, config.response_col],
      outputColumns: (columns) => [...columns],
      async run(rows, context) {
        const seedQuestions = context.seeds.leaf.seedExamples.flatMap(({ pairs }) =>
          pairs.map(({ question }) => question),
        );
        const free = contentStems([...config.question_words, ...seedQuestions.map(withoutNames)].join(" "));
        return rows.filter((row) => {
          const ground = allStems(config.text_cols.map((column) => cellText(row, column)).join("\n"));
          if (isImagined(row[config.question_col]) || isImagined(row[config.response_col])) return true;
          const question = cellText(row, config.question_col);
          const response = cellText(row, config.response_col);
          const reason = objection(
            { ground, free, text: cellText(row, config.text_cols[0]!) },
            question,
            response,
            config,
          );
          if (reason !== undefined) context.drop(row, reason);
          return reason === undefined;
        });
      },
    };
  },
});

interface Ground {
  /** Stems of the text. */
  ground: ReadonlySet<string>;
  /** Stems that a question may hold without them. */
  free: ReadonlySet<string>;
  text: string;
}

function objection(
  { ground, free, text }: Ground,
  question: string,
  response: string,
  limits: { free_question_words: number; free_response_words: number },
): string | undefined {
  const missing = (stems: Iterable<string>) => [...stems].filter((stem) => !ground.has(stem));
  if (missing(numberStems(question)).length > 0) return "a number of the question is not in the text";
  if (missing(numberStems(response)).length > 0) return "a number of the answer is not in the text";
  if (missing(namedStems(question)).length > 0) return "a name of the question is not in the text";
  if (missing(namedStems(response)).length > 0) return "a name of the answer is not in the text";
  if (!countsAgree(question, response, text)) return "the number counts something else in the text";
  const asked = contentStems(question);
  if (missing(asked).filter((stem) => !free.has(stem)).length > limits.free_question_words)
    return "the question is about something else";
  if (missing(contentStems(response)).filter((stem) => !asked.has(stem)).length > limits.free_response_words)
    return "the answer says what the text does not";
  return undefined;
}

/** What a number stands before in question ("how many gates") and answer ("48 gates") must stand near it in the text. */
function countsAgree(question: string, response: string, text: string): boolean {
  const words = wordsOf(text);
  const near = (number: string, noun: string) =>
    words.some(
      (word, at) => stemOf(word) === number && words.slice(at + 1, at + 4).some((other) => stemOf(other) === noun),
    );
  const counted = question.match(/\bhow many (\p{L}+)/iu)?.[1];
  const answered = wordsOf(response);
  const numbers = [...numberStems(response)];
  if (counted !== undefined && !numbers.some((number) => near(number, stemOf(counted)))) return false;
  return answered.every((word, at) => {
    const noun = answered[at + 1];
    if (noun === undefined || !isNumber(word) || isNumber(noun) || functionWords.has(noun.toLowerCase())) return true;
    return near(stemOf(word), stemOf(noun));
  });
}

const isNumber = (word: string) => /^\d/.test(word) || numberWords.has(word.toLowerCase());

/** A seed question's own names would let questions about other places pass. */
function withoutNames(question: string): string {
  return wordsOf(question)
    .filter((word, at) => at === 0 || /^\p{Ll}/u.test(word))
    .join(" ");
}

/** Capitalised words; the head of the text too where it is alone or another capital follows: "Quillham.", "Oskar Dorrow built it." */
function namedStems(text: string): Set<string> {
  const stems = capitalisedStems(text);
  const [first, second] = wordsOf(text);
  if (
    first !== undefined &&
    (second === undefined || /^\p{Lu}/u.test(second)) &&
    !functionWords.has(first.toLowerCase())
  )
    stems.add(stemOf(first));
  return stems;
}
