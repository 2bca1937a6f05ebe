/** sdg_hub's JSONStructureBlock: several columns as one JSON text. */
import { z } from "zod";
import { defineBlock, withColumns } from "../block.ts";

const configSchema = z.strictObject({
  columns: z.array(z.string()).min(1),
  output_col: z.string(),
  pretty_print: z.boolean().default(false),
});

export const jsonStructureBlock = defineBlock<z.infer<typeof configSchema>>({
  type: "JSONStructureBlock",
  summary: "puts several columns into one JSON text (sdg_hub)",
  configSchema,
  async create({ columns, output_col, pretty_print }) {
    return {
      inputColumns: columns,
      outputColumns: (present) => withColumns(present, output_col),
      runRow(row) {
        const values = Object.fromEntries(columns.map((column) => [column, row[column] ?? null]));
        return [{ ...row, [output_col]: JSON.stringify(values, null, pretty_print ? 2 : undefined) }];
      },
    };
  },
});
