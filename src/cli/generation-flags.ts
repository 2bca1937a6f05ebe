/** The options of `ilab data generate` that say how its teacher is asked, the teacher itself, and what they mean together. */
import { join, resolve } from "node:path";
import type { Command } from "commander";
import type { IlabConfig } from "../config/config-schema.ts";
import { UsageError } from "../util/errors.ts";
import type { CommandContext } from "./command.ts";
import { addEndpointFlags, type EndpointOptions, openEndpoint, readPositive } from "./endpoint-flags.ts";
import { ensureModel } from "./ensure-model.ts";

export interface GenerationOptions extends EndpointOptions {
  model?: string;
  pipeline?: string;
  modelFamily?: string;
  sdgScaleFactor?: string;
  maxNumTokens?: string;
  serverCtxSize?: string;
  blockFiles?: string[];
  seed: string;
  cache: boolean;
}

export function addGenerationFlags(command: Command): Command {
  return addEndpointFlags(
    command
      .option("--model <model>", "teacher: a name of the store, a GGUF file, or the name served at --endpoint-url")
      .option("--model-family <family>", "write prompts in this family's form instead of the teacher's own template")
      .option("--sdg-scale-factor <number>", "answers per seed example where a pipeline says 'scaled'; 30 by default")
      .option("--max-num-tokens <number>", "longest answer with question-answer pairs about a document")
      .option("--server-ctx-size <tokens>", "context of a teacher on this machine")
      .option("--block-files <files...>", "block types of your own, beside those that the pipeline names")
      .option("--seed <number>", "for random choices", "42")
      .option("--no-cache", "ask again what was asked before, and keep no answers"),
  );
}

/** Room for a piece of a document, an example and a long answer; the compact pipeline's prompts are short. */
const CONTEXT_TOKENS = 6144;

/** Everything but the teacher. Throws `UsageError`. */
export function readGeneration({ paths, signal }: CommandContext, options: GenerationOptions) {
  return {
    directories: [
      join(paths.data, "pipelines"),
      ...paths.dataDirectories.map((path) => join(path, "sdg", "pipelines")),
    ],
    modelFamily: options.modelFamily,
    scaleFactor: readCount("--sdg-scale-factor", options.sdgScaleFactor),
    maxTokens: readCount("--max-num-tokens", options.maxNumTokens),
    blockFiles: options.blockFiles?.map((file) => resolve(file)),
    cacheDirectory: options.cache ? join(paths.cache, "calls") : undefined,
    seed: readSeed(options.seed),
    signal,
  };
}

/** The same with the teacher, which the caller disposes of. Throws `UsageError`. */
export async function openGeneration(
  context: CommandContext,
  options: GenerationOptions,
  config: IlabConfig["generate"],
) {
  const { signal } = context;
  const request = readGeneration(context, options);
  const pipeline = options.pipeline ?? config.pipeline;
  const { endpointUrl } = options;
  if (endpointUrl !== undefined) {
    const warn = (text: string) => context.reporter.warn(text);
    const model = await openEndpoint({ ...options, endpointUrl }, options.model, signal, warn);
    return { ...request, pipeline, model };
  }
  const file = await ensureModel(context, options.model ?? config.teacher.model_path);
  // The context that a pipeline needs must be known before the model is there.
  const chosen = pipeline === "auto" ? await chooseFor(context, file) : pipeline;
  const contextTokens =
    readCount("--server-ctx-size", options.serverCtxSize) ?? (chosen === "compact" ? undefined : CONTEXT_TOKENS);
  const { openLocalModel } = await import("../llm/local-model.ts");
  return { ...request, pipeline: chosen, model: await openLocalModel({ file, contextTokens, signal }) };
}

async function chooseFor({ reporter }: CommandContext, file: string): Promise<string> {
  const { countParameters } = await import("../formats/gguf/count-parameters.ts");
  const { autoPipeline } = await import("../pipeline/files/auto-pipeline.ts");
  const { name, note } = autoPipeline({ name: file, parameters: await countParameters(file) });
  reporter.event({ type: "message", stage: "pipeline", level: "info", text: note });
  return name;
}

function readSeed(text: string): number {
  const seed = Number(text);
  if (!Number.isSafeInteger(seed) || seed < 0) throw new UsageError(`--seed must be a whole number, not '${text}'`);
  return seed;
}

function readCount(flag: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const count = readPositive(flag, text);
  if (!Number.isInteger(count)) throw new UsageError(`${flag} must be a whole number, not '${text}'`);
  return count;
}

/** `--prices 0.5 1.5`: of a million tokens read and written. */
export function readPrices([prompt, completion = prompt, ...more]: string[] = []) {
  if (prompt === undefined) return undefined;
  if (more.length > 0) throw new UsageError("--prices takes two amounts: tokens read, tokens written");
  return { prompt: readPositive("--prices", prompt), completion: readPositive("--prices", completion!) };
}

/** The Python program keeps batches of `--batch-size` prompts in flight, one for each of `--num-cpus` threads. */
export interface UpstreamRates {
  batchSize?: string;
  numCpus?: string;
}

export function addUpstreamRates(command: Command): Command {
  return command
    .option("--batch-size <number>", "as in the Python program: times --num-cpus, the requests in flight (0: one)")
    .option("--num-cpus <number>", "see --batch-size; 10 by default");
}

export function upstreamConcurrency({ batchSize, numCpus }: UpstreamRates): string | undefined {
  if (batchSize === undefined && numCpus === undefined) return undefined;
  if (batchSize === "0") return "1";
  return String(readCount("--batch-size", batchSize ?? "8")! * readCount("--num-cpus", numCpus ?? "10")!);
}
