/**
 * Adds rows that make every sentence of the documents reachable whatever the teacher wrote: the sentence as it stands, to be
 * learned as plain text, and the sentences about each name as answers to "Tell me about …".
 */
import { z } from "zod";
import type { Row } from "../../artifacts.ts";
import { plainText } from "../../util/sentences.ts";
import { type Block, defineBlock, withColumns } from "../block.ts";
import { sentencesAlone } from "../text/sentences-alone.ts";
import { subjectOf } from "../text/subject-of.ts";
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
        withColumns(columns, "question", "response", "sentence", "document", "text", "dataset_type"),
      async run(rows, context) {
        const { leaf, chunks } = context.seeds;
        const common = { leaf_node_type: leaf.kind, leaf_node_path: leaf.taxonomyPath, domain: leaf.domain ?? "" };
        const added: Row[] = [];
        for (const source of new Set(chunks.map((chunk) => chunk.source))) {
          const own = chunks.filter((chunk) => chunk.source === source);
          const texts = own.map((chunk) => plainText(chunk.text));
          const whole = texts.join("\n");
          const subject = subjectOf(own[0]?.headings[0] ?? "", whole).name;
          const pieces = texts.flatMap((text) =>
            sentencesAlone(text, subject).map((piece) => ({ ...piece, document: text })),
          );
          for (const { sentence, window, document } of pieces)
            for (const text of new Set([sentence, window]))
              added.push({ ...common, document, sentence, text, dataset_type: "sentence" });
          const names = new Set(pieces.flatMap(({ window }) => namesIn(window, whole)));
          let turn = 0;
          for (const name of names) {
            const told = pieces.filter(({ window }) => window.includes(name)).slice(0, config.sentences_per_answer);
            if (told.length === 0) continue;
            for (let count = 0; count < Math.min(config.wordings_per_name, config.about.length); count++) {
              const question = config.about[turn++ % config.about.length]!.replace("{name}", name);
              const response = told.map(({ window }) => window).join(" ");
              added.push({
                ...common,
                document: told[0]!.document,
                sentence: told[0]!.sentence,
                question,
                response,
                dataset_type: "about",
              });
            }
          }
        }
        return [...rows, ...added];
      },
    };
  },
});
