/** Upstream's SelectorBlock: one column says from which other column the result is taken. */
import { z } from "zod";
import { cellText, defineBlock, withColumns } from "../block.ts";
import { isImagined } from "../teacher/imagined.ts";

const configSchema = z.strictObject({
  /** Value of choice_col -> column. */
  choice_map: z.record(z.string(), z.string()),
  choice_col: z.string(),
  output_col: z.string(),
});

export const selectorBlock = defineBlock<z.infer<typeof configSchema>>({
  type: "SelectorBlock",
  summary: "copies the column that choice_map gives for the value of choice_col",
  configSchema,
  async create({ choice_map, choice_col, output_col }) {
    const choices = new Map(Object.entries(choice_map));
    return {
      inputColumns: [...new Set([choice_col, ...choices.values()])],
      outputColumns: (columns) => withColumns(columns, output_col),
      runRow(row, context) {
        const choice = cellText(row, choice_col).trim();
        const column = isImagined(row[choice_col]) ? [...choices.values()][0] : choices.get(choice);
        if (column !== undefined) return [{ ...row, [output_col]: row[column] ?? null }];
        context.drop(row, `${choice_col} is none of ${[...choices.keys()].join(", ")}`);
        return [];
      },
    };
  },
});
