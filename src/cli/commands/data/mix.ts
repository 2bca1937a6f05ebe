/** `ilab data mix`: from a recipe to one training file. */
import { resolve } from "node:path";
import { UsageError } from "../../../util/errors.ts";
import { runWork } from "../../../util/events.ts";
import type { CommandContext, RegisterCommand } from "../../command.ts";
import { examples } from "../../examples.ts";
import { readWhole } from "../../read-whole.ts";

interface MixOptions {
  output?: string;
  seed: string;
  sampling: string;
  systemPrompt?: string;
}

export const register: RegisterCommand = (group, bind) => {
  group
    .command("mix")
    .argument("<recipe>", "YAML file that lists data files and how much of each; paths are relative to it")
    .description("Mix data files into one training file, as a recipe says.")
    .option("--output <file>", "where the rows go: .jsonl or .parquet; beside the recipe when left out")
    .option("--seed <number>", "for the rows that are drawn", "42")
    .option(
      "--sampling <how>",
      "distinct: no row twice before all came once. upstream: as the Python program draws",
      "distinct",
    )
    .option("--system-prompt <text>", "first message of every row, instead of the recipe's")
    .addHelpText(
      "after",
      examples(
        "ilab data mix skills_recipe.yaml --output train.jsonl",
        "ilab data mix recipe.yaml --output train.parquet --seed 7",
      ),
    )
    .action(bind<MixOptions>(mix));
};

async function mix({ reporter, signal }: CommandContext, options: MixOptions, recipeFile: string): Promise<void> {
  const { mixRecipe } = await import("../../../datasets/mix-recipe.ts");
  const { readRecipe } = await import("../../../datasets/recipe.ts");
  const { sampling, systemPrompt } = options;
  if (sampling !== "distinct" && sampling !== "upstream")
    throw new UsageError(`--sampling must be distinct or upstream, not '${sampling}'`);
  const recipe = await readRecipe(resolve(recipeFile));
  const work = mixRecipe(recipe, {
    outputFile: resolve(options.output ?? `${recipeFile.replace(/\.ya?ml$/i, "")}_mixed.jsonl`),
    seed: readWhole("--seed", options.seed, 0),
    sampling,
    systemPrompt,
    signal,
  });
  const result = await runWork(work, (event) => reporter.event(event));
  for (const { path, rows, leftOut } of result.datasets)
    reporter.print(`${rows} rows of ${path}${leftOut === 0 ? "" : `; ${leftOut} with an empty message left out`}`);
  reporter.print(`${result.rows} rows in ${result.outputFile}`);
  reporter.result(result);
}
