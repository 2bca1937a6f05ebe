/** Upstream's FilterByValueBlock: keeps rows whose column stands in a relation to a value, or to any of several. */
import { z } from "zod";
import type { JsonValue } from "../../artifacts.ts";
import { defineBlock } from "../block.ts";

const scalar = z.union([z.string(), z.number(), z.boolean()]);
const configSchema = z.strictObject({
  filter_column: z.string(),
  filter_value: z.union([scalar, z.array(scalar).min(1)]),
  operation: z.enum(["eq", "ne", "gt", "ge", "lt", "le", "contains"]),
  /** The column is converted first, and stays so. */
  convert_dtype: z.enum(["int", "float", "bool"]).optional(),
  /** For what cannot be converted; 0, 0 and false without it. */
  default_value: scalar.optional(),
});

const relations: Record<
  z.infer<typeof configSchema>["operation"],
  (cell: JsonValue, value: string | number | boolean) => boolean
> = {
  eq: (cell, value) => cell === value,
  ne: (cell, value) => cell !== value,
  gt: (cell, value) => cell !== null && cell > value,
  ge: (cell, value) => cell !== null && cell >= value,
  lt: (cell, value) => cell !== null && cell < value,
  le: (cell, value) => cell !== null && cell <= value,
  contains: (cell, value) => (Array.isArray(cell) ? cell.includes(value) : String(cell ?? "").includes(String(value))),
};

export const filterByValueBlock = defineBlock<z.infer<typeof configSchema>>({
  type: "FilterByValueBlock",
  summary: "keeps rows where filter_column is eq, ne, gt, ge, lt, le or contains filter_value",
  configSchema,
  async create({ filter_column, filter_value, operation, convert_dtype, default_value }) {
    const wanted = [filter_value].flat();
    return {
      inputColumns: [filter_column],
      outputColumns: (columns) => [...columns],
      async run(rows, context) {
        return rows.flatMap((row) => {
          const cell = convert(row[filter_column] ?? null, convert_dtype, default_value);
          if (wanted.some((value) => relations[operation](cell, value))) return [{ ...row, [filter_column]: cell }];
          context.drop(row, `${filter_column} is not ${operation} ${wanted.join(" or ")}`);
          return [];
        });
      },
    };
  },
});

function convert(
  cell: JsonValue,
  type: "int" | "float" | "bool" | undefined,
  fallback: JsonValue | undefined,
): JsonValue {
  if (type === undefined) return cell;
  const text = String(cell ?? "").trim();
  if (type === "bool") {
    if (/^(?:true|yes|1)$/i.test(text)) return true;
    return /^(?:false|no|0)$/i.test(text) ? false : (fallback ?? false);
  }
  const number = text === "" ? Number.NaN : Number(text);
  if (Number.isNaN(number) || (type === "int" && !Number.isInteger(number))) return fallback ?? 0;
  return number;
}
