/** Keeps pairs whose answer says something: a content word of the text that the question does not hold, of the kind that was asked for. */
import { z } from "zod";
import { type Block, cellText, defineBlock } from "../block.ts";
import { isImagined } from "../teacher/imagined.ts";
import { answerFits } from "../text/answer-kind.ts";
import { allStems, contentStems } from "../text/words.ts";

const configSchema = z.strictObject({
  text_col: z.string().default("window"),
  question_col: z.string().default("question"),
  response_col: z.string().default("response"),
  /** Also drop answers of another kind than the question word asks for (a place for "when"). */
  check_kind: z.boolean().default(true),
});

export const informativeFilterBlock = defineBlock<z.infer<typeof configSchema>>({
  type: "InformativeFilterBlock",
  summary: "drops pairs whose answer repeats the question or is not what was asked for",
  configSchema,
  async create(config): Promise<Block> {
    return {
      inputColumns: [config.text_col, config.question_col, config.response_col],
      outputColumns: (columns) => [...columns],
      runRow(row, context) {
        if (isImagined(row[config.question_col]) || isImagined(row[config.response_col])) return [row];
        const question = cellText(row, config.question_col);
        const response = cellText(row, config.response_col);
        const text = allStems(cellText(row, config.text_col));
        const asked = contentStems(question);
        const news = [...contentStems(response)].filter((stem) => text.has(stem) && !asked.has(stem));
        let reason: string | undefined;
        if (!question.endsWith("?")) reason = "the question is not a question";
        else if (asked.size === 0) reason = "the question asks for nothing";
        else if (news.length === 0) reason = "the answer says nothing new";
        else if (config.check_kind && !answerFits(question, response))
          reason = "the answer is not of the kind asked for";
        if (reason === undefined) return [row];
        context.drop(row, reason);
        return [];
      },
    };
  },
});
