/** `ilab data generate`: grows the taxonomy's seed examples into training data. */
import { runWork } from "../../../util/events.ts";
import { addChunkFlags, type ChunkOptions, readChunking, teacherTokenizer } from "../../chunk-flags.ts";
import type { CommandContext, RegisterCommand } from "../../command.ts";
import { examples } from "../../examples.ts";
import {
  addGenerationFlags,
  addUpstreamRates,
  type GenerationOptions,
  openGeneration,
  readPrices,
  type UpstreamRates,
  upstreamConcurrency,
} from "../../generation-flags.ts";

interface GenerateOptions extends GenerationOptions, UpstreamRates, ChunkOptions {
  taxonomyPath?: string;
  taxonomyBase?: string;
  outputDir?: string;
  dryRun?: boolean;
  prices?: string[];
  quiet?: boolean;
  yamlRules?: string;
}

export const register: RegisterCommand = (group, bind) => {
  const command = group
    .command("generate")
    .description("Grow seed examples into training data with a teacher model.")
    .option("--pipeline <name>", "compact, simple, full, llama, auto, a pipeline of your own by name or directory")
    .option("--taxonomy-path <path>", "taxonomy directory or one qna.yaml")
    .option("--taxonomy-base <reference>", "git reference that changes are counted from; 'empty' takes the whole tree")
    .option("--output-dir <directory>", "where the run's own directory is made")
    .option("--yaml-rules <file>", "rules of form for the taxonomy, as a configuration of yamllint")
    .option("--dry-run", "count requests and tokens, ask nothing")
    .option("--prices <amounts...>", "of a million tokens read and of a million written, for --dry-run")
    .option("--quiet", "print the run's directory alone");
  addChunkFlags(addUpstreamRates(addGenerationFlags(command)))
    .addHelpText(
      "after",
      examples(
        "ilab data generate --taxonomy-path ./taxonomy --taxonomy-base empty",
        "ilab data generate --endpoint-url http://127.0.0.1:8000/v1 --model my-teacher --concurrency 64",
        "ilab data generate --pipeline full --dry-run",
      ),
    )
    .action(bind<GenerateOptions>(generate));
};

async function generate(context: CommandContext, given: GenerateOptions): Promise<void> {
  const options = { ...given, concurrency: given.concurrency ?? upstreamConcurrency(given) };
  const { reporter, signal, paths } = context;
  const { resolve } = await import("node:path");
  const { loadConfig } = await import("../../../config/load-config.ts");
  const { estimateGeneration, generateData, readSeeds } = await import("../../../flow.ts");
  const { chooseBase } = await import("../../../taxonomy/choose-base.ts");
  const config = (await loadConfig(paths)).generate;
  const taxonomyPath = resolve(options.taxonomyPath ?? config.taxonomy_path);
  const chosen = await chooseBase(taxonomyPath, {
    asked: options.taxonomyBase,
    configured: config.taxonomy_base,
    signal,
  });
  const { base } = chosen;
  if (chosen.note !== undefined) reporter.warn(chosen.note);
  const tokenizer = () => teacherTokenizer(context, options, config.teacher.model_path);
  const reading = await readChunking(context, options, config, tokenizer);
  await using _counter = reading.chunking.counter;
  const { readLintConfig } = await import("../../../taxonomy/lint/lint-config.ts");
  const lintConfig = options.yamlRules === undefined ? undefined : await readLintConfig(options.yamlRules);
  const seeds = await runWork(readSeeds(taxonomyPath, { ...reading, base, lintConfig }), (event) =>
    reporter.event(event),
  );

  const request = await openGeneration(context, options, config);
  await using _teacher = request.model;
  if (options.dryRun) {
    const { generationEstimateText } = await import("../../print-generation-estimate.ts");
    const estimate = await estimateGeneration(seeds, { ...request, prices: readPrices(options.prices) });
    reporter.print(generationEstimateText(estimate));
    return reporter.result(estimate);
  }
  const outputDirectory = resolve(options.outputDir ?? config.output_dir);
  const { studentSystemPrompt } = await import("../../student-system-prompt.ts");
  const work = generateData(seeds, {
    ...request,
    outputDirectory,
    dataDirectories: paths.dataDirectories,
    systemPrompt: await studentSystemPrompt((await loadConfig(paths)).train.model_path, paths.models),
    config: { taxonomyPath, taxonomyBase: base },
  });
  const { directory, counts, messagesFile, leaves } = await runWork(work, (event) => reporter.event(event));
  if (options.quiet) reporter.print(directory);
  else {
    const { summariseRun } = await import("../../../datasets/summarise-run.ts");
    const { readSamples } = await import("../../read-samples.ts");
    reporter.print(summariseRun(directory, leaves, await readSamples(messagesFile)));
  }
  reporter.result({ directory, messages: messagesFile, counts });
}
