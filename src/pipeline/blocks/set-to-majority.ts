/** Upstream's SetToMajorityValueBlock: gives every row of the leaf the value that most of them have. */
import { z } from "zod";
import type { JsonValue } from "../../artifacts.ts";
import { defineBlock } from "../block.ts";
import { isImagined } from "../teacher/imagined.ts";

const configSchema = z.strictObject({ col_name: z.string() });

export const setToMajorityValueBlock = defineBlock<z.infer<typeof configSchema>>({
  type: "SetToMajorityValueBlock",
  summary: "sets a column to its most frequent value, over the whole leaf",
  configSchema,
  async create({ col_name }) {
    return {
      inputColumns: [col_name],
      outputColumns: (columns) => [...columns],
      async run(rows) {
        const most = majority(rows.map((row) => row[col_name] ?? null));
        return rows.map((row) => (isImagined(row[col_name]) ? row : { ...row, [col_name]: most }));
      },
    };
  },
});

/** The smallest of those that are equally frequent; nulls do not count. */
function majority(values: readonly JsonValue[]): JsonValue {
  const counts = new Map<string, { value: JsonValue; count: number }>();
  for (const value of values) {
    if (value === null || isImagined(value)) continue;
    const key = JSON.stringify(value);
    const entry = counts.get(key) ?? { value, count: 0 };
    entry.count += 1;
    counts.set(key, entry);
  }
  const sorted = [...counts.values()].sort((a, b) => b.count - a.count || (a.value! < b.value! ? -1 : 1));
  return sorted[0]?.value ?? null;
}
