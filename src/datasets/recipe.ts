/** Recipes of training sets: which data files, and how much of each. YAML as upstream writes it. */
import { readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { isMap, isScalar, isSeq, parseDocument, Scalar, stringify } from "yaml";
import { IlabError } from "../util/errors.ts";

/** All rows as they are, so many rows, or a share of the rows. */
export type SamplingSize = "all" | { count: number } | { ratio: number };

export interface RecipeEntry {
  /** As the recipe has it; relative to the recipe's directory. */
  path: string;
  size: SamplingSize;
}

export interface Recipe {
  datasets: RecipeEntry[];
  systemPrompt?: string;
}

/** @returns paths made absolute. Throws `RECIPE_INVALID`. */
export async function readRecipe(file: string): Promise<Recipe> {
  const invalid = (message: string, cause?: unknown) =>
    new IlabError({
      code: "RECIPE_INVALID",
      message: `${file}: ${message}`,
      hint: "A recipe is YAML such as {datasets: [{path: data.jsonl, sampling_size: 1.0}]}; a whole number counts rows, a fraction such as 0.5 is a share.",
      cause,
    });
  const text = await readFile(file, "utf8").catch((cause: unknown) => {
    throw invalid(`cannot be read: ${(cause as Error).message}`, cause);
  });
  const document = parseDocument(text, { version: "1.1" });
  if (document.errors.length > 0) throw invalid(document.errors[0]!.message);
  if (document.contents !== null && !isMap(document.contents)) throw invalid("it is no mapping");
  const datasets = document.get("datasets", true) ?? undefined;
  if (datasets !== undefined && !isSeq(datasets) && !(isScalar(datasets) && datasets.value === null))
    throw invalid("datasets is no list");
  const systemPrompt = document.getIn(["metadata", "sys_prompt"]);
  const items = isSeq(datasets) ? datasets.items : [];
  return {
    datasets: items.map((item, index) => {
      const path = isMap(item) ? item.get("path") : undefined;
      if (typeof path !== "string" || path === "") throw invalid(`datasets[${index}] has no path`);
      const size = isMap(item) ? readSize(item.get("sampling_size", true)) : undefined;
      if (size === undefined) throw invalid(`datasets[${index}].sampling_size is no number of at least 0`);
      return { path: resolve(dirname(file), path), size };
    }),
    ...(typeof systemPrompt === "string" ? { systemPrompt } : {}),
  };
}

export function formatRecipe({ datasets, systemPrompt }: Recipe): string {
  return stringify(
    {
      datasets: datasets.map(({ path, size }) => ({ path, sampling_size: writeSize(size) })),
      metadata: { sys_prompt: systemPrompt ?? "" },
    },
    { indentSeq: false, lineWidth: 0 },
  );
}

/** Rows that an entry asks of a file with `rowCount` rows. */
export function wantedRows(size: SamplingSize, rowCount: number): number {
  if (size === "all") return rowCount;
  return "count" in size ? size.count : Math.trunc(rowCount * size.ratio);
}

/** Python tells 2 (rows) and 2.0 (times all rows) apart, and so must we; either 1 means all. */
function readSize(node: unknown): SamplingSize | undefined {
  if (!isScalar(node) || typeof node.value !== "number" || !(node.value >= 0)) return undefined;
  if (node.value === 1) return "all";
  return /^[+\d_]+$/.test(node.source ?? "") ? { count: node.value } : { ratio: node.value };
}

function writeSize(size: SamplingSize): Scalar | number {
  if (size !== "all" && "count" in size) return size.count;
  const scalar = new Scalar(size === "all" ? 1 : size.ratio);
  scalar.minFractionDigits = 1;
  return scalar;
}
