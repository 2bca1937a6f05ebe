/**
 * Asks for every name, number and closing word of a sentence that no answer holds so far, by an echo question: the statement itself with
 * a question word in its place ("The males drum on what?"). It is always possible and always right, whatever the sentence looks like.
 */
import { z } from "zod";
import type { Row } from "../../artifacts.ts";
import { type Block, cellText, defineBlock, withColumns } from "../block.ts";
import { leafCells, leafColumns } from "../leaf-cells.ts";
import { leafSentences } from "../text/leaf-sentences.ts";
import { simpleStatements } from "../text/simple-statements.ts";
import { functionWords, numberWords, timeWords } from "../text/word-tables.ts";
import { contentStems, namesIn } from "../text/words.ts";

const configSchema = z.strictObject({
  /** Wordings with `{question}` and perhaps `{name}`, the document's subject, in them; each fact is asked in every one. */
  wordings: z.array(z.string().includes("{question}")).min(1),
  /** Facts per sentence. */
  per_sentence: z.number().int().positive().default(4),
});

export const echoQuestionBlock = defineBlock<z.infer<typeof configSchema>>({
  type: "EchoQuestionBlock",
  summary: "adds echo questions for what no answer holds yet",
  configSchema,
  async create(config): Promise<Block> {
    return {
      inputColumns: ["question", "response", "sentence"],
      outputColumns: (columns) => withColumns(columns, "window", "document", "dataset_type", ...leafColumns),
      async run(rows, { seeds }) {
        const { leaf } = seeds;
        const common = leafCells(leaf);
        const answered = answeredStems(rows);
        const added = leafSentences(seeds).flatMap(({ sentence, window, document, whole, subject }): Row[] => {
          const known = answered.get(sentence) ?? new Set();
          const open = factsOf(window, whole)
            .filter(
              (fact) =>
                fact !== subject.name &&
                !subject.name.includes(fact) &&
                !subject.nouns.includes(fact) &&
                [...contentStems(fact)].some((stem) => !known.has(stem)),
            )
            .slice(0, config.per_sentence);
          return open.flatMap((fact) => {
            const statement = shortestWith(fact, window);
            const question = echoQuestion(statement, fact);
            return config.wordings.map((wording, index) => ({
              ...common,
              document,
              sentence,
              window,
              question: wording
                .replace("{name}", () => subject.name)
                .replace("{question}", () => (index === 0 ? question : inside(question))),
              // Once the fact alone, once what it belongs to.
              response: index === 0 ? `${capital(fact)}.` : statement,
              dataset_type: "echo",
            }));
          });
        });
        return [...rows, ...added];
      },
    };
  },
});

/** The plain statement that says it, or the whole sentence. */
function shortestWith(fact: string, window: string): string {
  return simpleStatements(window)
    .filter((statement) => statement.includes(fact))
    .reduce((shortest, statement) => (statement.length < shortest.length ? statement : shortest), window);
}

/** The statement with a question word for the fact. */
function echoQuestion(statement: string, fact: string): string {
  const [first, ...others] = fact.split(" ");
  const isNumber = /^\d/.test(first!) || numberWords.has(first!.toLowerCase());
  const isYear = /^\d{4}$/.test(fact);
  const isPerson = /^\p{Lu}\p{Ll}+ \p{Lu}\p{Ll}+$/u.test(fact) && !/^(?:Mount|Lake|Port|River|Cape|Fort)/.test(fact);
  const word = isYear ? "which year" : isNumber ? ["how many", ...others].join(" ") : isPerson ? "who" : "what";
  const asked = statement.replace(fact, () => word).replace(/[.!]+$/, "");
  return `${capital(asked)}?`;
}

function inside(question: string): string {
  return question.replace(
    /^(?:The|A|An|In|On|At|After|Before|Today|Its|It|They|He|She|What|Who|How|Which|Some|Most|Only)\b/,
    (word) => word.toLowerCase(),
  );
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** Stems that the answers about each sentence add to their questions. */
function answeredStems(rows: readonly Row[]): Map<string, Set<string>> {
  const result = new Map<string, Set<string>>();
  for (const row of rows) {
    const sentence = cellText(row, "sentence");
    const asked = contentStems(cellText(row, "question"));
    const stems = result.get(sentence) ?? new Set<string>();
    for (const stem of contentStems(cellText(row, "response"))) if (!asked.has(stem)) stems.add(stem);
    result.set(sentence, stems);
  }
  return result;
}

const counts = [...numberWords.keys()]
  .filter((word) => !/^(?:once|zero|first|second|third|fourth|fifth|half)$/.test(word))
  .join("|");
const numberPattern = new RegExp(
  `\\b(?:\\d[\\d.,]*(?<![.,])|(?:${counts})\\b)(?: (?!and |in |on |at |by |the |a |from |to |or |of )\\p{L}+)?`,
  "gu",
);

/** Names, numbers with what they count, and the words that each clause closes with; none inside another. */
function factsOf(sentence: string, whole: string): string[] {
  const numbers = [...sentence.matchAll(numberPattern)].map(([fact]) => fact.replace(/ (?:only|later)$/, ""));
  const closing = sentence
    .split(/[,;:.!?](?:\s|$)|\s(?:and|but|which|who|because|so)\s/)
    .map((clause) => closingWords(clause.trim()))
    // A single common word of time ("year") closes many clauses and says little.
    .filter((words) => words !== "" && !timeWords.has(words.toLowerCase()));
  const facts = [...new Set([...namesIn(sentence, whole), ...numbers, ...closing])].filter((fact) =>
    sentence.includes(fact),
  );
  return facts.filter((fact) => !facts.some((other) => other !== fact && other.includes(fact)));
}

/** The last one to three words of a clause behind its last function word. */
function closingWords(clause: string): string {
  const words = clause.split(" ");
  const run: string[] = [];
  for (let index = words.length - 1; index > 0 && run.length < 3; index--) {
    if (functionWords.has(words[index]!.toLowerCase())) break;
    run.unshift(words[index]!);
  }
  return run.join(" ");
}
