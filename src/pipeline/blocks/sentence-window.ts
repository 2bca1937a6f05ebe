/** Cuts documents into sentences, each with what it needs to be understood alone: the sentence before it, and the document's subject. */
import { z } from "zod";
import type { Row } from "../../artifacts.ts";
import { plainText } from "../../util/sentences.ts";
import { type Block, cellText, defineBlock, withColumns } from "../block.ts";
import { sentencesAlone } from "../text/sentences-alone.ts";
import { simpleStatements } from "../text/simple-statements.ts";
import { subjectOf } from "../text/subject-of.ts";

const configSchema = z.strictObject({
  /** Column with the text; rows that repeat an earlier row's text are skipped. */
  input_col: z.string().default("document"),
  /** Sentences with fewer words are no windows of their own. */
  min_words: z.number().int().positive().default(3),
});

export const sentenceWindowBlock = defineBlock<z.infer<typeof configSchema>>({
  type: "SentenceWindowBlock",
  summary:
    "document -> one row per sentence and per statement inside it: sentence, window (understandable alone), subject, subject_nouns",
  configSchema,
  async create(config): Promise<Block> {
    return {
      inputColumns: [config.input_col, "document_source"],
      outputColumns: (columns) => withColumns(columns, "sentence", "window", "subject", "subject_nouns"),
      async run(rows, context) {
        const seen = new Set<string>();
        const result: Row[] = [];
        for (const row of rows) {
          const document = cellText(row, config.input_col);
          const source = cellText(row, "document_source");
          const key = JSON.stringify([source, document]);
          if (seen.has(key)) continue;
          seen.add(key);
          const chunks = context.seeds.chunks.filter((chunk) => chunk.source === source);
          const whole = chunks.map((chunk) => plainText(chunk.text)).join("\n");
          const subject = subjectOf(chunks[0]?.headings[0] ?? "", whole === "" ? plainText(document) : whole);
          for (const piece of sentencesAlone(plainText(document), subject.name)) {
            const made = { ...row, ...piece, subject: subject.name, subject_nouns: subject.nouns };
            if (piece.sentence.split(/\s+/).length >= config.min_words) result.push(made);
            else context.drop(made, "shorter than min_words");
            // A small teacher asks about the main clause of a long sentence only; its other statements are windows of their own.
            for (const statement of simpleStatements(piece.window).slice(1))
              if (statement.split(/\s+/).length >= config.min_words) result.push({ ...made, window: statement });
          }
        }
        return result;
      },
    };
  },
});
