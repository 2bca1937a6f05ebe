/** The site's own recipe that every run's recipe begins with: how pre-computed sets get into the mix. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { countDataRows } from "../formats/data-file.ts";
import { type Recipe, readRecipe, wantedRows } from "./recipe.ts";

/** @param directories searched in order, such as `/usr/share/instructlab`. */
export async function readDefaultRecipe(kind: "knowledge" | "skills", directories: readonly string[]): Promise<Recipe> {
  const file = directories
    .map((directory) => join(directory, "sdg", "default_data_recipes", `${kind}.yaml`))
    .find((candidate) => existsSync(candidate));
  return file === undefined ? { datasets: [] } : readRecipe(file);
}

/** Rows that the recipe's sets add up to. */
export async function recipeRows({ datasets }: Recipe): Promise<number> {
  let total = 0;
  for (const { path, size } of datasets)
    total += size !== "all" && "count" in size ? size.count : wantedRows(size, await countDataRows(path));
  return total;
}
