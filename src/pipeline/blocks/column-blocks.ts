/** The column blocks of upstream's format: duplicate, rename, combine, flatten. */
import { z } from "zod";
import type { JsonValue } from "../../artifacts.ts";
import { defineBlock, withColumns } from "../block.ts";
import { pipelineError } from "../files/read-yaml-file.ts";
import { asImagined, isImagined } from "../teacher/imagined.ts";
import { pythonText } from "../text/python-text.ts";

const columnsMap = z.strictObject({ columns_map: z.record(z.string(), z.string()) });

export const duplicateColumnsBlock = defineBlock<z.infer<typeof columnsMap>>({
  type: "DuplicateColumnsBlock",
  summary: "copies columns under second names: columns_map {old: new}",
  configSchema: columnsMap,
  async create({ columns_map }) {
    const pairs = Object.entries(columns_map);
    return {
      inputColumns: pairs.map(([old]) => old),
      outputColumns: (columns) => withColumns(columns, ...pairs.map(([, copy]) => copy)),
      runRow: (row) => [{ ...row, ...Object.fromEntries(pairs.map(([old, copy]) => [copy, row[old] ?? null])) }],
    };
  },
});

export const renameColumnsBlock = defineBlock<z.infer<typeof columnsMap>>({
  type: "RenameColumnsBlock",
  summary: "renames columns: columns_map {old: new}",
  configSchema: columnsMap,
  async create({ columns_map }) {
    const rename = (column: string) => (Object.hasOwn(columns_map, column) ? columns_map[column]! : column);
    const targets = Object.values(columns_map);
    if (new Set(targets).size < targets.length)
      throw pipelineError("RenameColumnsBlock: two columns would get the same name");
    return {
      inputColumns: Object.keys(columns_map),
      outputColumns: (columns) => withColumns([], ...columns.map(rename)),
      runRow(row) {
        const kept = Object.entries(row).filter(([column]) => rename(column) !== column || !targets.includes(column));
        return [Object.fromEntries(kept.map(([column, value]) => [rename(column), value]))];
      },
    };
  },
});

const combineConfig = z.strictObject({
  columns: z.array(z.string()).min(1),
  output_col: z.string(),
  separator: z.string().default("\n\n"),
});

export const combineColumnsBlock = defineBlock<z.infer<typeof combineConfig>>({
  type: "CombineColumnsBlock",
  summary: "joins columns into one: columns, output_col, separator",
  configSchema: combineConfig,
  async create({ columns, output_col, separator }) {
    return {
      inputColumns: columns,
      outputColumns: (present) => withColumns(present, output_col),
      runRow(row) {
        const text = columns.map((column) => textOfCell(row[column])).join(separator);
        const isOfImagined = columns.some((column) => isImagined(row[column]));
        return [{ ...row, [output_col]: isOfImagined ? asImagined(text) : text }];
      },
    };
  },
});

const flattenConfig = z.strictObject({
  var_cols: z.array(z.string()).min(1),
  value_name: z.string(),
  var_name: z.string(),
});

export const flattenColumnsBlock = defineBlock<z.infer<typeof flattenConfig>>({
  type: "FlattenColumnsBlock",
  summary: "one row per column of var_cols: its value in value_name, its name in var_name",
  configSchema: flattenConfig,
  async create({ var_cols, value_name, var_name }) {
    return {
      inputColumns: var_cols,
      outputColumns: (columns) =>
        withColumns(
          columns.filter((column) => !var_cols.includes(column)),
          var_name,
          value_name,
        ),
      // Row by row, so that rows stream on; upstream puts all rows of the first column before all of the next.
      runRow(row) {
        const rest = Object.fromEntries(Object.entries(row).filter(([column]) => !var_cols.includes(column)));
        return var_cols.map((variable) => ({ ...rest, [var_name]: variable, [value_name]: row[variable] ?? null }));
      },
    };
  },
});

/** Null joins as nothing; lists and objects as Python writes them. */
function textOfCell(value: JsonValue | undefined): string {
  return value === undefined || value === null ? "" : pythonText(value);
}
