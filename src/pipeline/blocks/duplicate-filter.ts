/** Keeps the first of rows that are equal, case and closing punctuation aside, across the whole leaf. */
import { z } from "zod";
import { type Block, cellText, defineBlock } from "../block.ts";
import { isImagined } from "../teacher/imagined.ts";
import { normaliseText } from "../text/normalise-text.ts";

const configSchema = z.strictObject({ columns: z.array(z.string()).min(1) });

export const duplicateFilterBlock = defineBlock<z.infer<typeof configSchema>>({
  type: "DuplicateFilterBlock",
  summary: "drops rows whose columns say the same as an earlier row's, case and punctuation aside",
  configSchema,
  async create({ columns }): Promise<Block> {
    return {
      inputColumns: columns,
      outputColumns: (present) => [...present],
      async run(rows, context) {
        const seen = new Set<string>();
        return rows.filter((row) => {
          if (columns.some((column) => isImagined(row[column]))) return true;
          const key = JSON.stringify(columns.map((column) => normaliseText(cellText(row, column))));
          if (seen.has(key)) {
            context.drop(row, "duplicate");
            return false;
          }
          seen.add(key);
          return true;
        });
      },
    };
  },
});
