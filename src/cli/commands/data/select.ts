/** `ilab data select`: the part of a large data file that stands best for the whole. */
import { dirname, join, resolve } from "node:path";
import { runWork } from "../../../util/events.ts";
import type { CommandContext, RegisterCommand } from "../../command.ts";
import { addEndpointFlags, type EndpointOptions, openEndpoint } from "../../endpoint-flags.ts";
import { ensureModel } from "../../ensure-model.ts";
import { examples } from "../../examples.ts";
import { readWhole } from "../../read-whole.ts";

interface SelectOptions extends EndpointOptions {
  subsetSizes: string[];
  outputDir?: string;
  model?: string;
  seed: string;
}

export const register: RegisterCommand = (group, bind) => {
  const command = group
    .command("select")
    .argument("<file>", "data file: .jsonl or .parquet")
    .description("Select the rows that stand best for a whole data file (facility location over embeddings).")
    .requiredOption("--subset-sizes <sizes...>", "one file for each: below 1 a share of the rows, else so many rows")
    .option("--output-dir <directory>", "where the subsets go; beside the file when left out")
    .option(
      "--model <model>",
      "makes the embeddings: a name of the store, a GGUF file, or the name served at --endpoint-url",
    )
    .option("--seed <number>", "for the folds that the rows are dealt into", "42");
  addEndpointFlags(command)
    .addHelpText(
      "after",
      examples(
        "ilab data select messages.jsonl --subset-sizes 0.1 --model ./embedding-model.gguf",
        "ilab data select messages.jsonl --subset-sizes 0.1 500 --endpoint-url http://127.0.0.1:8000/v1 --output-dir subsets",
      ),
    )
    .action(bind<SelectOptions>(select));
};

async function select(context: CommandContext, options: SelectOptions, file: string): Promise<void> {
  const { reporter, signal, paths } = context;
  const { readSubsetSize } = await import("../../../datasets/subset-size.ts");
  const { writeSubsets } = await import("../../../datasets/write-subsets.ts");
  const sizes = options.subsetSizes.map(readSubsetSize);
  const seed = readWhole("--seed", options.seed, 0);
  await using model = await openEmbedder(context, options);
  const dataFile = resolve(file);
  const work = writeSubsets(dataFile, model, {
    sizes,
    seed,
    outputDirectory: resolve(options.outputDir ?? dirname(dataFile)),
    cacheDirectory: join(paths.cache, "embeddings"),
    signal,
  });
  const { total, subsets } = await runWork(work, (event) => reporter.event(event));
  for (const subset of subsets) reporter.print(`${subset.rows} of ${total} rows in ${subset.file}`);
  reporter.result({ total, subsets });
}

async function openEmbedder(context: CommandContext, options: SelectOptions) {
  const { signal } = context;
  const { endpointUrl, model } = options;
  if (endpointUrl !== undefined) return await openEndpoint({ ...options, endpointUrl }, model, signal);
  const { loadConfig } = await import("../../../config/load-config.ts");
  const { openLocalModel } = await import("../../../llm/local-model.ts");
  const name = model ?? (await loadConfig(context.paths)).generate.teacher.model_path;
  return await openLocalModel({ file: await ensureModel(context, name), signal });
}
