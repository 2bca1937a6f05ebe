/** A GGUF file on this machine as a `LanguageModel`, through llama.cpp; with an adapter, the tuned model. */
import { stat } from "node:fs/promises";
import type { LlamaContext, LlamaModel, Token } from "node-llama-cpp";
import { readGguf } from "../formats/gguf/read-gguf.ts";
import { CancelledError, IlabError, throwIfAborted } from "../util/errors.ts";
import { sampledSha256 } from "../util/hash.ts";
import { createDecodeLoop, type DecodeLoop } from "./decode-loop.ts";
import type { GenerateRequest, GenerateResult, LanguageModel, ScoreRequest, ScoreResult } from "./language-model.ts";
import { llamaRuntime } from "./llama-runtime.ts";
import { createLocalEmbedder } from "./local-embedder.ts";
import { describeAdapterError, describeContextError, describeModelError } from "./local-model-errors.ts";
import { promptTokens } from "./prompt-tokens.ts";
import { createTextStream } from "./text-stream.ts";

export interface LocalModelOptions {
  /** A GGUF file. */
  file: string;
  /** A LoRA adapter (GGUF) made for that model. */
  adapterFile?: string;
  /** Tokens that one request may hold, prompt and answer together; at most what the model was trained for. */
  contextTokens?: number;
  /** CPU threads; the physical cores that the process may use by default. */
  threads?: number;
  /** Requests that run at once, in one batch. */
  sequences?: number;
  signal?: AbortSignal;
}

/** Below this size, threads spend more time waiting for each other than calculating. */
const MULTITHREADED_FROM_BYTES = 16 * 1024 * 1024;

export const defaultContextTokens = 2048;
/** Measured on two cores with a 135M model: see docs/evaluation.md. */
export const defaultSequences = 8;

/**
 * Loads the model. Throws `MODEL_FILE_MISSING`, `GGUF_INVALID`, `GGUF_TRUNCATED`, `ARCHITECTURE_UNSUPPORTED`, `ADAPTER_FILE_MISSING`,
 * `ADAPTER_MISMATCH`, `MEMORY_INSUFFICIENT`, `LLAMA_UNAVAILABLE`. Requests throw `CONTEXT_EXCEEDED` and `CHAT_TEMPLATE_…`.
 */
export async function openLocalModel(options: LocalModelOptions): Promise<LanguageModel> {
  throwIfAborted(options.signal);
  await requireFile(options.file, "model");
  if (options.adapterFile !== undefined) await requireFile(options.adapterFile, "adapter");
  // Our own reader checks the file's structure first: llama.cpp says little about a broken file and may abort on one.
  await readGguf(options.file);
  if (options.adapterFile !== undefined) await readGguf(options.adapterFile);
  const runtime = await llamaRuntime();
  const loaded = await runtime.withErrorLog(() =>
    runtime.llama.loadModel({ modelPath: options.file, loadSignal: options.signal }),
  );
  if (options.signal?.aborted) throw new CancelledError();
  if ("error" in loaded) throw describeModelError(options.file, loaded.error, loaded.log);
  const model = loaded.result;
  try {
    const context = await createContext(runtime, model, options);
    const sequences = Array.from({ length: context.totalSequences }, () => context.getSequence());
    const files = [options.file, ...(options.adapterFile === undefined ? [] : [options.adapterFile])];
    const identity = (await Promise.all(files.map(sampledSha256))).join("+");
    return localModel(model, context, createDecodeLoop(sequences), options, identity);
  } catch (error) {
    await model.dispose();
    throw error;
  }
}

async function requireFile(file: string, kind: "model" | "adapter"): Promise<void> {
  const found = await stat(file).catch(() => undefined);
  if (found?.isFile()) return;
  throw new IlabError({
    code: kind === "model" ? "MODEL_FILE_MISSING" : "ADAPTER_FILE_MISSING",
    message: found ? `${file} is not a file` : `the ${kind} file ${file} does not exist`,
    hint:
      kind === "model"
        ? "`ilab model list` shows the models that are here, `ilab model download` gets one."
        : "Adapters are written by `ilab model train`.",
  });
}

async function createContext(
  runtime: Awaited<ReturnType<typeof llamaRuntime>>,
  model: LlamaModel,
  options: LocalModelOptions,
): Promise<LlamaContext> {
  const contextSize = Math.min(options.contextTokens ?? defaultContextTokens, model.trainContextSize);
  let sequences = options.sequences ?? defaultSequences;
  const threads = threadsFor(model, options);
  for (;;) {
    const made = await runtime.withErrorLog(() =>
      model.createContext({
        contextSize,
        sequences,
        threads: threads === undefined ? undefined : { ideal: threads },
        lora: options.adapterFile === undefined ? undefined : { adapters: [{ filePath: options.adapterFile }] },
        createSignal: options.signal,
      }),
    );
    if ("result" in made) return made.result;
    if (options.signal?.aborted) throw new CancelledError();
    const isMemoryShort = (made.error as Error)?.constructor?.name === "InsufficientMemoryError";
    if (isMemoryShort && sequences > 1) sequences = Math.floor(sequences / 2);
    else if (options.adapterFile !== undefined && !isMemoryShort)
      throw describeAdapterError(options.adapterFile, options.file, made.error, made.log);
    else throw describeContextError(options.file, contextSize, made.error, made.log);
  }
}

function threadsFor(model: LlamaModel, { threads }: LocalModelOptions): number | undefined {
  return threads ?? (model.size < MULTITHREADED_FROM_BYTES ? 1 : undefined);
}

function localModel(
  model: LlamaModel,
  context: LlamaContext,
  loop: DecodeLoop,
  options: LocalModelOptions,
  identity: string,
): LanguageModel {
  const requireFit = (tokens: number, wanted: number): void => {
    // One place stays free for the token that llama.cpp samples last.
    if (tokens + wanted < context.contextSize) return;
    throw new IlabError({
      code: "CONTEXT_EXCEEDED",
      message: `a prompt of ${tokens} tokens and ${wanted} to generate do not fit the context of ${context.contextSize} tokens`,
      hint:
        context.contextSize < model.trainContextSize
          ? `Shorten the prompt or use a larger context; this model can hold ${model.trainContextSize} tokens.`
          : "Shorten the prompt or ask for fewer tokens: this is all the model can hold.",
    });
  };
  /** Something must come first: models without a start token of their own get their `bos` (else `eos`) before an empty prompt. */
  const startOfEmpty = (tokens: Token[]): Token[] => {
    const start = model.tokens.bos ?? model.tokens.eos;
    return tokens.length > 0 || start === null ? [] : [start];
  };

  async function run(request: GenerateRequest, onPiece: (piece: string) => void): Promise<GenerateResult> {
    throwIfAborted(request.signal);
    const prompt = promptTokens(model, request.prompt);
    const tokens = [...startOfEmpty(prompt), ...prompt];
    requireFit(tokens.length, request.maxTokens);
    const made: Token[] = [];
    const stream = createTextStream(request.stop);
    let hasEnded = false;
    const sampling = { temperature: request.temperature ?? 0, topP: request.topP, seed: request.seed ?? 0 };
    if (request.maxTokens > 0)
      await loop.generate(
        tokens,
        sampling,
        (token) => {
          if (model.isEogToken(token)) {
            hasEnded = true;
            return true;
          }
          made.push(token);
          onPiece(stream.update(model.detokenize(made, false, tokens.slice(-4))));
          return stream.isStopped || made.length >= request.maxTokens;
        },
        request.signal,
      );
    onPiece(stream.finish());
    return {
      text: stream.text,
      finishReason: hasEnded || stream.isStopped ? "stop" : "length",
      promptTokens: tokens.length,
      completionTokens: made.length,
    };
  }

  async function scoreOne({ prompt, continuation }: ScoreRequest, signal?: AbortSignal): Promise<ScoreResult> {
    const tokens = promptTokens(model, prompt);
    const lead = startOfEmpty(tokens);
    const before = [...lead, ...tokens];
    const whole = [...lead, ...promptTokens(model, prompt, continuation)];
    // Where text meets continuation, tokens may merge: everything after the common beginning belongs to the continuation.
    let start = 0;
    while (start < before.length && start < whole.length && before[start] === whole[start]) start += 1;
    start = Math.max(1, start);
    if (start >= whole.length) return { logProbabilities: [] };
    requireFit(whole.length, 0);
    return { logProbabilities: await loop.score(whole, start, signal) };
  }

  const embedder = createLocalEmbedder(model, threadsFor(model, options));
  return {
    id: options.adapterFile === undefined ? options.file : `${options.file}+${options.adapterFile}`,
    identity,
    concurrency: context.totalSequences,
    generate: (request) => run(request, () => {}),
    async *stream(request) {
      const pieces: string[] = [];
      let wake = () => {};
      let isDone = false;
      const abandoned = new AbortController();
      const signal = request.signal ? AbortSignal.any([request.signal, abandoned.signal]) : abandoned.signal;
      const finished = run({ ...request, signal }, (piece) => {
        if (piece !== "") pieces.push(piece);
        wake();
      }).finally(() => {
        isDone = true;
        wake();
      });
      // A rejection is raised below, by `await finished`.
      finished.catch(() => {});
      try {
        while (!isDone || pieces.length > 0) {
          if (pieces.length > 0) yield pieces.shift()!;
          else
            await new Promise<void>((resolve) => {
              wake = resolve;
            });
        }
        await finished;
      } finally {
        // A reader that leaves early ends the generation too.
        abandoned.abort();
      }
    },
    score: (requests, signal) => scoreAll(requests, (request) => scoreOne(request, signal)),
    embed: (texts) => embedder.embed(texts),
    async [Symbol.asyncDispose]() {
      await embedder[Symbol.asyncDispose]();
      await context.dispose();
      await model.dispose();
    },
  };
}

/** Requests with one prompt go one after another (they share what was evaluated), different prompts at once. */
async function scoreAll(
  requests: readonly ScoreRequest[],
  scoreOne: (request: ScoreRequest) => Promise<ScoreResult>,
): Promise<ScoreResult[]> {
  const results = new Array<ScoreResult>(requests.length);
  const groups = new Map<string, number[]>();
  for (const [index, { prompt }] of requests.entries()) {
    const key = JSON.stringify(prompt);
    groups.set(key, [...(groups.get(key) ?? []), index]);
  }
  await Promise.all(
    [...groups.values()].map(async (indexes) => {
      for (const index of indexes) results[index] = await scoreOne(requests[index]!);
    }),
  );
  return results;
}
