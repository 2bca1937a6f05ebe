/** `ilab data generate`: grows the taxonomy's seed examples into training data. */
import { UsageError } from "../../../util/errors.ts";
import { runWork } from "../../../util/events.ts";
import { addChunkFlags, type ChunkOptions, readChunking, teacherTokenizer } from "../../chunk-flags.ts";
import type { CommandContext, RegisterCommand } from "../../command.ts";
import { addEndpointFlags, type EndpointOptions, openEndpoint, readPositive } from "../../endpoint-flags.ts";
import { ensureModel } from "../../ensure-model.ts";
import { examples } from "../../examples.ts";

interface GenerateOptions extends EndpointOptions, ChunkOptions {
  pipeline?: string;
  taxonomyPath?: string;
  taxonomyBase?: string;
  model?: string;
  outputDir?: string;
  seed?: string;
  dryRun?: boolean;
  cache: boolean;
  prices?: string[];
  quiet?: boolean;
}

export const register: RegisterCommand = (group, bind) => {
  const command = group
    .command("generate")
    .description("Grow seed examples into training data with a teacher model.")
    .option("--pipeline <name>", "compact, auto, or a directory with pipeline files")
    .option("--taxonomy-path <path>", "taxonomy directory or one qna.yaml")
    .option("--taxonomy-base <reference>", "git reference that changes are counted from; 'empty' takes the whole tree")
    .option("--model <model>", "teacher: a name of the store, a GGUF file, or the name served at --endpoint-url")
    .option("--output-dir <directory>", "where the run's own directory is made")
    .option("--seed <number>", "for random choices", "42")
    .option("--dry-run", "count requests and tokens, ask nothing")
    .option("--prices <amounts...>", "of a million tokens read and of a million written, for --dry-run")
    .option("--no-cache", "ask again what was asked before, and keep no answers")
    .option("--quiet", "print the run's directory alone");
  addEndpointFlags(addChunkFlags(command))
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

async function generate(context: CommandContext, options: GenerateOptions): Promise<void> {
  const { reporter, signal, paths } = context;
  const { join, resolve } = await import("node:path");
  const { loadConfig } = await import("../../../config/load-config.ts");
  const { estimateGeneration, generateData, readSeeds } = await import("../../../flow.ts");
  const { chooseBase } = await import("../../../taxonomy/choose-base.ts");
  const config = (await loadConfig(paths)).generate;
  const seed = Number(options.seed);
  if (!Number.isSafeInteger(seed) || seed < 0)
    throw new UsageError(`--seed must be a whole number, not '${options.seed}'`);
  const taxonomyPath = resolve(options.taxonomyPath ?? config.taxonomy_path);
  const chosen = await chooseBase(taxonomyPath, {
    asked: options.taxonomyBase,
    configured: config.taxonomy_base,
    signal,
  });
  const { base } = chosen;
  if (chosen.note !== undefined) reporter.warn(chosen.note);
  const pipeline = options.pipeline ?? config.pipeline;
  const tokenizer = () => teacherTokenizer(context, options, config.teacher.model_path);
  const reading = await readChunking(context, options, config, tokenizer);
  await using _counter = reading.chunking.counter;
  const seeds = await runWork(readSeeds(taxonomyPath, { ...reading, base }), (event) => reporter.event(event));

  await using model = await openTeacher(context, options, config.teacher.model_path);
  const request = {
    model,
    pipeline,
    cacheDirectory: options.cache ? join(paths.cache, "calls") : undefined,
    seed,
    signal,
  };
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

async function openTeacher(context: CommandContext, options: GenerateOptions, fallback: string) {
  const { signal } = context;
  const { endpointUrl } = options;
  if (endpointUrl !== undefined) return await openEndpoint({ ...options, endpointUrl }, options.model, signal);
  const { openLocalModel } = await import("../../../llm/local-model.ts");
  return await openLocalModel({ file: await ensureModel(context, options.model ?? fallback), signal });
}

function readPrices([prompt, completion = prompt, ...more]: string[] = []) {
  if (prompt === undefined) return undefined;
  if (more.length > 0) throw new UsageError("--prices takes two amounts: tokens read, tokens written");
  return { prompt: readPositive("--prices", prompt), completion: readPositive("--prices", completion!) };
}
