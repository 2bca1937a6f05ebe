/** Adds the same question in other words, where English can turn it round without knowing what it is about; the answer stays. */
import { z } from "zod";
import { type Block, cellText, defineBlock } from "../block.ts";
import { rewordings } from "../text/rewordings.ts";

const configSchema = z.strictObject({
  question_col: z.string().default("question"),
  /** Further wordings of one question. */
  most: z.number().int().positive().default(1),
});

export const rewordBlock = defineBlock<z.infer<typeof configSchema>>({
  type: "RewordBlock",
  summary: "adds questions in other words, the answer unchanged",
  configSchema,
  async create({ question_col, most }): Promise<Block> {
    return {
      inputColumns: [question_col],
      outputColumns: (columns) => [...columns],
      async run(rows) {
        const asked = new Set(rows.map((row) => cellText(row, question_col)));
        return rows.flatMap((row) => {
          const others = rewordings(cellText(row, question_col)).filter((question) => !asked.has(question));
          return [row, ...others.slice(0, most).map((question) => ({ ...row, [question_col]: question }))];
        });
      },
    };
  },
});
