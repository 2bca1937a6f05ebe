/** The options of every command that cuts documents into pieces, and what they mean. */
import type { Command } from "commander";
import type { IlabConfig } from "../config/config-schema.ts";
import type { CollectSeedsOptions } from "../seeds/collect-seeds.ts";
import type { TokenizerSource } from "../seeds/open-token-counter.ts";
import { UsageError } from "../util/errors.ts";
import type { CommandContext } from "./command.ts";
import { type EndpointOptions, readEndpoint } from "./endpoint-flags.ts";
import { ensureModel } from "./ensure-model.ts";

export interface ChunkOptions {
  chunkTokens?: string;
  chunkWordCount?: string;
  chunkOverlap?: string;
}

export function addChunkFlags(command: Command): Command {
  return command
    .option("--chunk-tokens <number>", "longest piece of a document, in tokens of the model; 500 by default")
    .option("--chunk-word-count <number>", "the same in words, taken as 1.3 tokens each")
    .option("--chunk-overlap <sentences>", "sentences at the end of a piece that begin the next one, too");
}

const TOKENS_PER_WORD = 1.3;

/** How documents are read and cut. Dispose of `chunking.counter`, which may hold a tokenizer. */
export async function readChunking(
  { paths, signal }: CommandContext,
  options: ChunkOptions,
  config: IlabConfig["generate"],
  tokenizer: () => Promise<TokenizerSource> | TokenizerSource,
) {
  const { join } = await import("node:path");
  const { openTokenCounter } = await import("../seeds/open-token-counter.ts");
  if (options.chunkTokens !== undefined && options.chunkWordCount !== undefined)
    throw new UsageError("--chunk-tokens and --chunk-word-count say the same: give one of them");
  const wordCount = readNumber("--chunk-word-count", options.chunkWordCount, 1) ?? config.chunk_word_count;
  const tokens = readNumber("--chunk-tokens", options.chunkTokens, 20);
  const fromWords = wordCount === null ? undefined : Math.max(20, Math.round(wordCount * TOKENS_PER_WORD));
  return {
    cacheDirectory: join(paths.cache, "documents"),
    docling:
      config.docling_url === null
        ? undefined
        : { url: config.docling_url, apiKey: process.env["DOCLING_SERVE_API_KEY"] },
    chunking: {
      maxTokens: tokens ?? fromWords,
      overlapSentences: readNumber("--chunk-overlap", options.chunkOverlap, 0) ?? config.chunk_overlap,
      counter: openTokenCounter(tokenizer),
    },
    signal,
  } satisfies CollectSeedsOptions;
}

/** The tokenizer of the teacher that the same options name. */
export async function teacherTokenizer(
  context: CommandContext,
  options: EndpointOptions & { model?: string },
  fallback: string,
): Promise<TokenizerSource> {
  const { endpointUrl } = options;
  if (endpointUrl === undefined) return { modelFile: await ensureModel(context, options.model ?? fallback) };
  return { endpoint: await readEndpoint({ ...options, endpointUrl }, options.model, context.signal) };
}

function readNumber(flag: string, text: string | undefined, least: number): number | undefined {
  if (text === undefined) return undefined;
  const number = Number(text);
  if (!Number.isSafeInteger(number) || number < least)
    throw new UsageError(`${flag} must be a whole number from ${least} on, not '${text}'`);
  return number;
}
