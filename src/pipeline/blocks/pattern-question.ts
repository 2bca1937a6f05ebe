/** Adds the questions that the sentences' own grammar gives away; needs no teacher. English. */
import { z } from "zod";
import type { Row } from "../../artifacts.ts";
import { splitSentences } from "../../util/sentences.ts";
import { type Block, defineBlock, withColumns } from "../block.ts";
import { leafCells, leafColumns } from "../leaf-cells.ts";
import { leafSentences } from "../text/leaf-sentences.ts";
import { patternQuestions } from "../text/pattern-questions.ts";
import { phraseQuestions } from "../text/phrase-questions.ts";
import { simpleStatements } from "../text/simple-statements.ts";

const configSchema = z.strictObject({});

export const patternQuestionBlock = defineBlock<z.infer<typeof configSchema>>({
  type: "PatternQuestionBlock",
  summary: "adds questions read off plain sentences (passive, counted, named, placed), right by construction",
  configSchema,
  async create(): Promise<Block> {
    return {
      inputColumns: [],
      outputColumns: (columns) =>
        withColumns(
          columns,
          "question",
          "response",
          "sentence",
          "window",
          "document",
          "subject",
          "subject_nouns",
          "dataset_type",
          ...leafColumns,
        ),
      async run(rows, { seeds }) {
        const { leaf } = seeds;
        const common = leafCells(leaf);
        const added = leafSentences(seeds).flatMap(({ sentence, window, document, subject }): Row[] => {
          // A window of several sentences still points back somewhere.
          if (splitSentences(window).length !== 1) return [];
          const place = { document, sentence, window, subject: subject.name, subject_nouns: subject.nouns };
          return simpleStatements(window)
            .flatMap((statement) => [...patternQuestions(statement), ...phraseQuestions(statement)])
            .map((pair) => ({ ...common, ...place, ...pair, dataset_type: "qa" }));
        });
        return [...rows, ...added];
      },
    };
  },
});
