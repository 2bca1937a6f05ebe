/**
 * Adds, for every statement of the documents, questions made of a few of its own words ("What is known about the reserve and hares?") with the
 * statement as the answer: whatever words a later question happens to share with it, they lead there.
 */
import { z } from "zod";
import type { Row } from "../../artifacts.ts";
import { type Block, defineBlock, withColumns } from "../block.ts";
import { leafCells, leafColumns } from "../leaf-cells.ts";
import { leafSentences } from "../text/leaf-sentences.ts";
import { simpleStatements } from "../text/simple-statements.ts";
import { functionWords, numberWords, timeWords } from "../text/word-tables.ts";

const configSchema = z.strictObject({
  /** Wordings with `{words}` and perhaps `{name}`, the document's subject; every statement is asked for in each. */
  wordings: z.array(z.string().includes("{words}")).min(1),
  words_per_question: z.number().int().min(2).default(2),
});

export const keywordQuestionBlock = defineBlock<z.infer<typeof configSchema>>({
  type: "KeywordQuestionBlock",
  summary: "adds questions made of a statement's own words",
  configSchema,
  async create(config): Promise<Block> {
    return {
      inputColumns: [],
      outputColumns: (columns) =>
        withColumns(columns, "question", "response", "sentence", "document", "dataset_type", ...leafColumns),
      async run(rows, { seeds }) {
        const { leaf } = seeds;
        const common = leafCells(leaf);
        const added = leafSentences(seeds).flatMap(({ sentence, window, document, subject }): Row[] =>
          [...new Set([window, ...simpleStatements(window).slice(1)])].flatMap((statement) => {
            const words = keywords(statement, subject.name);
            if (words.length < 2) return [];
            return config.wordings.map((wording, turn) => ({
              ...common,
              document,
              sentence,
              question: wording
                .replace("{name}", () => subject.name)
                .replace("{words}", () => choose(words, config.words_per_question, turn).join(" and ")),
              response: statement,
              dataset_type: "keywords",
            }));
          }),
        );
        return [...rows, ...added];
      },
    };
  },
});

/** Plain words that say what a statement is about: neither its names and numbers, which questions ask for, nor the document's subject. */
function keywords(statement: string, subject: string): string[] {
  const subjectWords = new Set(subject.toLowerCase().split(/\s+/));
  const words = [...statement.matchAll(/(?<![\p{L}'’-])\p{Ll}[\p{Ll}-]{2,}/gu)].map(([word]) => word);
  return [
    ...new Set(
      words.filter(
        (word) => !functionWords.has(word) && !numberWords.has(word) && !timeWords.has(word) && !subjectWords.has(word),
      ),
    ),
  ];
}

/** Words spread over the statement; another selection for every turn. */
function choose(words: readonly string[], count: number, turn: number): string[] {
  const wanted = Math.min(count, words.length);
  const step = words.length / wanted;
  const chosen = Array.from({ length: wanted }, (_, i) => words[Math.floor(i * step + turn) % words.length]!);
  return [...new Set(chosen)];
}
