/**
 * Adds rows that make every sentence of the documents reachable whatever the teacher wrote: the sentence and the plain statements in
 * it, to be learned as text, and the sentences about each name as answers to "Tell me about …".
 */
import { z } from "zod";
import type { Row } from "../../artifacts.ts";
import { type Block, defineBlock, withColumns } from "../block.ts";
import { leafCells, leafColumns } from "../leaf-cells.ts";
import { leafSentences } from "../text/leaf-sentences.ts";
import { simpleStatements } from "../text/simple-statements.ts";
import { namesIn } from "../text/words.ts";

const configSchema = z.strictObject({
  /** Wordings with `{name}` in them; each name takes the next `wordings_per_name` of them. */
  about: z.array(z.string().includes("{name}")).default([]),
  wordings_per_name: z.number().int().positive().default(2),
  /** Sentences in an answer about a name. */
  sentences_per_answer: z.number().int().positive().default(2),
});

export const sentenceReachBlock = defineBlock<z.infer<typeof configSchema>>({
  type: "SentenceReachBlock",
  summary: 'adds every sentence as plain text, and answers to "tell me about" each name',
  configSchema,
  async create(config): Promise<Block> {
    return {
      inputColumns: [],
      outputColumns: (columns) =>
        withColumns(columns, "question", "response", "sentence", "document", "text", "dataset_type", ...leafColumns),
      async run(rows, context) {
        const { leaf } = context.seeds;
        const common = leafCells(leaf);
        const added: Row[] = [];
        const pieces = leafSentences(context.seeds);
        for (const { sentence, window, document } of pieces)
          for (const text of new Set([sentence, window, ...simpleStatements(window).slice(1)]))
            added.push({ ...common, document, sentence, text, dataset_type: "sentence" });
        const names = new Set(pieces.flatMap(({ window, whole }) => namesIn(window, whole)));
        let turn = 0;
        for (const name of names) {
          const told = pieces.filter(({ window }) => window.includes(name)).slice(0, config.sentences_per_answer);
          const first = told[0];
          if (first === undefined) continue;
          const response = told.map(({ window }) => window).join(" ");
          for (let count = 0; count < Math.min(config.wordings_per_name, config.about.length); count++) {
            const question = config.about[turn++ % config.about.length]!.replace("{name}", () => name);
            added.push({
              ...common,
              document: first.document,
              sentence: first.sentence,
              question,
              response,
              dataset_type: "about",
            });
          }
        }
        return [...rows, ...added];
      },
    };
  },
});
