/** Drops questions that got answers which share nothing: at most one of them can be right, and nothing tells which. */
import { z } from "zod";
import { type Block, cellText, defineBlock } from "../block.ts";
import { isImagined } from "../teacher/imagined.ts";
import { normaliseText } from "../text/normalise-text.ts";
import { contentStems } from "../text/words.ts";

const configSchema = z.strictObject({
  question_col: z.string().default("question"),
  response_col: z.string().default("response"),
});

export const agreementFilterBlock = defineBlock<z.infer<typeof configSchema>>({
  type: "AgreementFilterBlock",
  summary: "drops questions whose answers contradict each other",
  configSchema,
  async create({ question_col, response_col }): Promise<Block> {
    return {
      inputColumns: [question_col, response_col],
      outputColumns: (columns) => [...columns],
      async run(rows, context) {
        const answers = new Map<string, Set<string>[]>();
        for (const row of rows) {
          const key = normaliseText(cellText(row, question_col));
          const news = newStems(cellText(row, question_col), cellText(row, response_col));
          answers.set(key, [...(answers.get(key) ?? []), news]);
        }
        return rows.filter((row) => {
          if (isImagined(row[question_col]) || isImagined(row[response_col])) return true;
          const all = answers.get(normaliseText(cellText(row, question_col)))!;
          const own = newStems(cellText(row, question_col), cellText(row, response_col));
          const agrees = all.every((other) => [...other].some((stem) => own.has(stem)));
          if (!agrees) context.drop(row, "the same question got different answers");
          return agrees;
        });
      },
    };
  },
});

function newStems(question: string, response: string): Set<string> {
  const asked = contentStems(question);
  return new Set([...contentStems(response)].filter((stem) => !asked.has(stem)));
}
