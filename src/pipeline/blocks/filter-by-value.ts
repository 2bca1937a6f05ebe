/** Upstream's FilterByValueBlock: keeps rows whose column stands in a relation to a value, or to any of several. */
import { z } from "zod";
import type { JsonValue } from "../../artifacts.ts";
import { noteWholeFloat } from "../../util/whole-floats.ts";
import { defineBlock } from "../block.ts";
import { isImagined } from "../teacher/imagined.ts";

const scalar = z.union([z.string(), z.number(), z.boolean(), z.null()]);

/** Names of Python's `operator` module; what cannot be compared does not stand in the relation. */
const relations: Record<string, { word: string; holds: (cell: JsonValue, value: JsonValue) => boolean }> = {
  eq: { word: "not", holds: isEqual },
  ne: { word: "", holds: (cell, value) => !isEqual(cell, value) },
  gt: { word: "not above", holds: (cell, value) => order(cell, value) > 0 },
  ge: { word: "below", holds: (cell, value) => order(cell, value) >= 0 },
  lt: { word: "not below", holds: (cell, value) => order(cell, value) < 0 },
  le: { word: "above", holds: (cell, value) => order(cell, value) <= 0 },
  contains: { word: "without", holds: contains },
  is_: { word: "not", holds: (cell, value) => cell === value },
  is_not: { word: "", holds: (cell, value) => cell !== value },
  in: { word: "not in", holds: (cell, value) => contains(value, cell) || contains(cell, value) },
};

const configSchema = z.strictObject({
  filter_column: z.string(),
  filter_value: z.union([scalar, z.array(scalar).min(1)]),
  /** `operator.eq` is what older sdg_hub flows say for `eq`. */
  operation: z
    .string()
    .transform((name) => name.replace(/^operator\./, "").replace(/^__(\w+)__$/, "$1"))
    .pipe(z.enum(Object.keys(relations) as [string, ...string[]])),
  /** The column is converted first, and stays so. */
  convert_dtype: z.enum(["int", "float", "bool"]).nullish(),
  /** For what cannot be converted; 0, 0 and false without it. */
  default_value: scalar.optional(),
});

export const filterByValueBlock = defineBlock<z.infer<typeof configSchema>>({
  type: "FilterByValueBlock",
  summary: "keeps rows where filter_column is eq, ne, gt, ge, lt, le or contains filter_value",
  configSchema,
  async create({ filter_column, filter_value, operation, convert_dtype, default_value }) {
    const wanted = [filter_value].flat();
    const { word, holds } = relations[operation]!;
    const reason = `${filter_column} is ${word}${word === "" ? "" : " "}${wanted.join(" or ")}`;
    return {
      inputColumns: [filter_column],
      outputColumns: (columns) => [...columns],
      runRow(row, context) {
        if (isImagined(row[filter_column])) return [row];
        const cell = convert(row[filter_column] ?? null, convert_dtype ?? undefined, default_value);
        if (!wanted.some((value) => holds(cell, value))) {
          context.drop(row, reason);
          return [];
        }
        const kept = { ...row, [filter_column]: cell };
        if (convert_dtype === "float") noteWholeFloat(kept, filter_column);
        return [kept];
      },
    };
  },
});

/** Booleans count as 0 and 1, as in Python. */
function isEqual(a: JsonValue, b: JsonValue): boolean {
  return a === b || (isNumeric(a) && isNumeric(b) && Number(a) === Number(b));
}

/** Negative, 0 or positive; NaN where there is no order. */
function order(a: JsonValue, b: JsonValue): number {
  if (isNumeric(a) && isNumeric(b)) return Number(a) - Number(b);
  if (typeof a === "string" && typeof b === "string") return a < b ? -1 : a > b ? 1 : 0;
  return Number.NaN;
}

function contains(whole: JsonValue, part: JsonValue): boolean {
  if (Array.isArray(whole)) return whole.some((item) => isEqual(item, part));
  if (typeof whole === "string") return typeof part === "string" && whole.includes(part);
  return typeof whole === "object" && whole !== null && typeof part === "string" && Object.hasOwn(whole, part);
}

function isNumeric(value: JsonValue): value is number | boolean {
  return typeof value === "number" || typeof value === "boolean";
}

const INTEGER = /^[+-]?\d+(?:_\d+)*$/;
const FLOAT = /^[+-]?(?:\d+(?:_\d+)*\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;

const NOT_FINITE = /^[+-]?(?:inf(?:inity)?|nan)$/i;

function notFinite(text: string): number {
  if (/nan/i.test(text)) return Number.NaN;
  return text.startsWith("-") ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
}

/** As Python's `int`, `float` and `bool`, except that the words false, no and 0 are no truth. */
function convert(
  cell: JsonValue,
  type: "int" | "float" | "bool" | undefined,
  fallback: JsonValue | undefined,
): JsonValue {
  if (type === undefined) return cell;
  const text = String(cell ?? "").trim();
  if (type === "bool") return cell === null ? (fallback ?? false) : !/^(?:false|no|0|0\.0|)$/i.test(text);
  if (typeof cell === "number") return type === "int" ? Math.trunc(cell) : cell;
  if (typeof cell === "boolean") return Number(cell);
  if (type === "float" && NOT_FINITE.test(text)) return notFinite(text);
  return (type === "int" ? INTEGER : FLOAT).test(text) ? Number(text.replaceAll("_", "")) : (fallback ?? 0);
}
