/**
 * Questions that leave the document's subject to be guessed ("How tall is the mast?") make little sense without the document,
 * and learned as they are they would answer every mast there is:
 * makes them name it, by putting the name in the place of "the town" or before the question.
 */
import { z } from "zod";
import type { Row } from "../../artifacts.ts";
import { type Block, cellText, defineBlock } from "../block.ts";
import { isImagined } from "../teacher/imagined.ts";
import { functionWords } from "../text/word-tables.ts";
import { namesIn } from "../text/words.ts";

const configSchema = z.strictObject({
  /** Wordings with `{name}` and `{question}` for questions that hold no name at all; taken in turn. */
  wordings: z.array(z.string().includes("{name}").includes("{question}")).min(1),
});

export const nameSubjectBlock = defineBlock<z.infer<typeof configSchema>>({
  type: "NameSubjectBlock",
  summary: "names the document's subject in questions that only hint at it",
  configSchema,
  async create({ wordings }): Promise<Block> {
    return {
      inputColumns: ["question", "subject", "subject_nouns"],
      outputColumns: (columns) => [...columns],
      async run(rows) {
        let turn = 0;
        return rows.map((row): Row => {
          const question = cellText(row, "question");
          const name = cellText(row, "subject");
          if (name === "" || question.includes(name) || isImagined(question)) return row;
          const replaced = replaceNoun(question, name, row["subject_nouns"]);
          if (replaced !== undefined) return { ...row, question: replaced };
          // A question with a name of its own can be understood alone.
          if (namesIn(question).length > 0) return row;
          const wording = wordings[turn++ % wordings.length]!;
          const asked = wording.startsWith("{question}") ? question : lowerFirst(question);
          const named = wording.replace("{name}", () => name).replace("{question}", () => asked);
          return { ...row, question: named };
        });
      },
    };
  },
});

/** "the town" -> the subject's name, unless the noun only begins a longer one ("the town wall"). */
function replaceNoun(question: string, name: string, nouns: unknown): string | undefined {
  if (!Array.isArray(nouns)) return undefined;
  for (const noun of nouns) {
    const match = question.match(new RegExp(`\\b[Tt]he ${noun}(?='s|\\?|,| (\\p{L}+))`, "u"));
    if (!match || (match[1] !== undefined && !functionWords.has(match[1].toLowerCase()))) continue;
    return question.slice(0, match.index) + name + question.slice(match.index! + match[0].length);
  }
  return undefined;
}

function lowerFirst(question: string): string {
  return question.charAt(0).toLowerCase() + question.slice(1);
}
