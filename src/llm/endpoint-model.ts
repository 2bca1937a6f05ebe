/** An OpenAI-compatible server as a `LanguageModel`: `/completions` for raw prompts, `/chat/completions` for conversations. */
import { Readable } from "node:stream";
import type { ReadableStream } from "node:stream/web";
import { EventSourceParserStream } from "eventsource-parser/stream";
import { closestName } from "../util/did-you-mean.ts";
import { CancelledError, IlabError } from "../util/errors.ts";
import { createDialect } from "./endpoint-dialect.ts";
import { scoreByEcho } from "./endpoint-score.ts";
import {
  createHttpClient,
  describeNetworkError,
  type HttpClient,
  HttpStatusError,
  requestJson,
  sendRequest,
  serverMessage,
} from "./http-json.ts";
import type { TlsOptions } from "./http-transport.ts";
import type { GenerateRequest, GenerateResult, LanguageModel } from "./language-model.ts";
import { createPromptLists } from "./prompt-lists.ts";
import { createTextStream } from "./text-stream.ts";

export interface EndpointModelOptions {
  /** Base URL, with or without `/v1`. */
  url: string;
  /** Name as the server lists it; may be left out when the server has only one. */
  model?: string;
  apiKey?: string;
  /** For one answer; 5 minutes by default. */
  timeoutMs?: number;
  /** How many requests may usefully be in flight; 16 by default, as servers batch them. */
  concurrency?: number;
  /** Attempts after the first on 408, 429, 5xx and network errors; 4 by default. */
  retries?: number;
  /** Before the first retry, doubled after each; 500 by default. */
  retryDelayMs?: number;
  tls?: TlsOptions;
  /** Told before long waits, such as a server's that limits requests. */
  onLongWait?: (reason: string, waitMs: number) => void;
  signal?: AbortSignal;
}

/** OpenAI refuses more; further ones are applied to the answer here. */
const MAX_SERVER_STOPS = 4;

/** A text, or a list of its parts; null where a model thought until its tokens ran out. */
type Content = string | null | readonly { text?: unknown }[];

interface Choice {
  index?: number;
  text?: string | null;
  message?: { content?: Content };
  delta?: { content?: string | null };
  finish_reason?: string | null;
}
interface Answer {
  choices?: Choice[];
  usage?: { prompt_tokens?: number; completion_tokens?: number } | null;
  error?: unknown;
}

/**
 * Asks the server for its models once, which also shows that it is there. Throws `ENDPOINT_UNREACHABLE`, `ENDPOINT_UNAUTHORIZED`,
 * `ENDPOINT_MODEL_UNKNOWN` (no name given and not exactly one model served, or a name that the server neither lists nor answers to).
 */
export async function openEndpointModel(options: EndpointModelOptions): Promise<LanguageModel> {
  const client = createHttpClient({
    url: normaliseUrl(options.url),
    apiKey: options.apiKey,
    timeoutMs: options.timeoutMs ?? 300_000,
    retries: options.retries ?? 4,
    retryDelayMs: options.retryDelayMs ?? 500,
    tls: options.tls,
    onLongWait: options.onLongWait,
  });
  const served = await listModels(client, options.signal).catch((error: unknown) => {
    // Some servers do not list models, or in another form; with a name given that does not matter.
    const isNobody =
      error instanceof CancelledError ||
      (error instanceof IlabError && ["ENDPOINT_UNREACHABLE", "ENDPOINT_UNAUTHORIZED"].includes(error.code));
    if (isNobody || options.model === undefined) throw error;
    return undefined;
  });
  const model = options.model ?? (served?.length === 1 ? served[0] : undefined);
  if (model === undefined) throw unknownModel(client, undefined, served ?? []);
  const dialect = createDialect();

  const post = async (path: string, body: object, signal?: AbortSignal): Promise<unknown> => {
    try {
      return await dialect.speak({ model, ...body }, (spoken) =>
        requestJson(client, { method: "POST", path, body: spoken, signal }),
      );
    } catch (error) {
      if (error instanceof HttpStatusError && error.status === 404)
        throw unknownModel(client, model, await listModels(client, signal).catch(() => served ?? []), error);
      throw error;
    }
  };
  const lists = createPromptLists(async (body, signal) => (await post("/completions", body, signal)) as Answer);
  // A name that is not on the list may still be an alias: the server decides.
  if (served !== undefined && served.length > 0 && !served.includes(model))
    await post("/chat/completions", { messages: [{ role: "user", content: "Hello" }], max_tokens: 1 }, options.signal);

  async function generate(request: GenerateRequest): Promise<GenerateResult> {
    const { prompt } = request;
    const parameters = requestParameters(request);
    const answer =
      "text" in prompt
        ? await lists.complete(prompt.text, parameters, request.signal)
        : ((await post("/chat/completions", { messages: prompt.messages, ...parameters }, request.signal)) as Answer);
    const choices = choicesOf(answer);
    if (choices.length > 1) choices.sort((a, b) => (a.index ?? 0) - (b.index ?? 0));
    const contents = choices.map(contentOf).filter((content) => content !== undefined);
    if (contents.length === 0 || contents.length < choices.length) throw invalidAnswer(client, answer);
    const ended = contents.map((content) => endAtStop(content, request.stop));
    return {
      text: ended[0]!.text,
      texts: ended.map(({ text }) => text),
      finishReason: choices[0]!.finish_reason === "length" && !ended[0]!.isStopped ? "length" : "stop",
      promptTokens: answer.usage?.prompt_tokens ?? estimateTokens(JSON.stringify(prompt)),
      completionTokens: answer.usage?.completion_tokens ?? estimateTokens(contents.join("")),
    };
  }

  async function* stream(request: GenerateRequest): AsyncGenerator<string> {
    const { prompt } = request;
    const [path, asked] =
      "text" in prompt
        ? ["/completions", { prompt: prompt.text }]
        : ["/chat/completions", { messages: prompt.messages }];
    const body = { model, ...asked, ...requestParameters(request), stream: true };
    const response = await dialect.speak(body, (spoken) =>
      sendRequest(client, { method: "POST", path, body: spoken, signal: request.signal }),
    );
    const text = createTextStream(request.stop);
    let whole = "";
    try {
      const bytes = Readable.toWeb(response.body) as ReadableStream<Uint8Array<ArrayBuffer>>;
      for await (const { data } of bytes
        .pipeThrough(new TextDecoderStream())
        .pipeThrough(new EventSourceParserStream())) {
        if (data === "[DONE]") break;
        const event = JSON.parse(data) as Answer;
        if (event.error !== undefined) throw invalidAnswer(client, event);
        const choice = event.choices?.[0];
        whole += choice?.delta?.content ?? choice?.text ?? "";
        const piece = text.update(whole);
        if (piece !== "") yield piece;
        if (text.isStopped) break;
      }
    } catch (error) {
      if (request.signal?.aborted) throw new CancelledError();
      throw error instanceof IlabError ? error : describeNetworkError(client, error);
    }
    const rest = text.finish();
    if (rest !== "") yield rest;
  }

  return {
    id: `${client.url}#${model}`,
    identity: `${client.url}#${model}`,
    concurrency: options.concurrency ?? 16,
    generate,
    stream,
    score: (requests, signal) =>
      Promise.all(requests.map((request) => scoreByEcho(request, (body) => post("/completions", body, signal)))),
    async embed(texts) {
      const answer = await post("/embeddings", { input: texts }).catch((cause: unknown) => {
        throw new IlabError({
          code: "EMBED_UNSUPPORTED",
          message: `${client.url} makes no embeddings with the model ${model}: ${(cause as Error).message}`,
          cause,
        });
      });
      const data = (answer as { data?: unknown } | null)?.data;
      if (!Array.isArray(data) || data.length !== texts.length || !data.every(isEmbedding))
        throw new IlabError({
          code: "ENDPOINT_ANSWER_INVALID",
          message: `${client.url} sent no vector for each of ${texts.length} texts: ${serverMessage(JSON.stringify(answer) ?? "")}`,
          hint: "The server must follow the OpenAI API for embeddings, and the model must make them.",
        });
      return data
        .toSorted((a, b) => (a.index ?? 0) - (b.index ?? 0))
        .map(({ embedding }) => Float32Array.from(embedding));
    },
    [Symbol.asyncDispose]: () => client.transport.close(),
  };
}

/** Base URL without a trailing slash; `/v1` is added unless the path names a version already (`/v1`, `/v1beta/openai`). */
export function normaliseUrl(text: string): string {
  let url: URL;
  try {
    url = new URL(/^[a-z]+:\/\//i.test(text) ? text : `http://${text}`);
  } catch (cause) {
    throw new IlabError({
      code: "USAGE",
      exitCode: 2,
      message: `'${text}' is not a URL`,
      hint: "Give the server's address, such as http://localhost:8000/v1.",
      cause,
    });
  }
  const path = url.pathname.replace(/\/+$/, "");
  return `${url.protocol}//${url.host}${path}${/\/v\d+[a-z]*\d*(\/|$)/.test(path) ? "" : "/v1"}`;
}

/** A list of models is there at once, or not worth waiting for. */
const MODELS_TIMEOUT_MS = 20_000;

async function listModels(client: HttpClient, signal?: AbortSignal): Promise<string[]> {
  const timeoutMs = Math.min(client.timeoutMs, MODELS_TIMEOUT_MS);
  const answer = await requestJson(client, { method: "GET", path: "/models", signal, retries: 1, timeoutMs });
  const list = (answer as { data?: unknown } | null)?.data ?? answer;
  if (!Array.isArray(list)) throw invalidAnswer(client, answer);
  return list.map((entry: { id?: unknown; name?: unknown } | null) => String(entry?.id ?? entry?.name));
}

function choicesOf(answer: Answer | null): Choice[] {
  const choices: unknown = answer?.choices;
  return Array.isArray(choices) ? choices.filter((choice) => typeof choice === "object" && choice !== null) : [];
}

/** Undefined where there is neither a text nor a message. */
function contentOf({ text, message }: Choice): string | undefined {
  const content = text ?? message?.content;
  if (typeof content === "string") return content;
  if (Array.isArray(content)) return content.map((part: { text?: unknown }) => part?.text ?? "").join("");
  return message !== undefined || text === null ? "" : undefined;
}

function requestParameters(request: GenerateRequest): object {
  return {
    ...request.extra,
    max_tokens: request.maxTokens,
    temperature: request.temperature ?? 0,
    top_p: request.topP,
    stop: request.stop?.length ? request.stop.slice(0, MAX_SERVER_STOPS) : undefined,
    seed: request.seed,
    n: (request.n ?? 1) > 1 ? request.n : undefined,
  };
}

/** Servers take other stop strings than asked for, or none: applied here once more. */
function endAtStop(content: string, stop: string[] | undefined): { text: string; isStopped: boolean } {
  if (stop === undefined || stop.length === 0) return { text: content, isStopped: false };
  const stream = createTextStream(stop);
  stream.update(content);
  stream.finish();
  return stream;
}

function unknownModel(client: HttpClient, model: string | undefined, served: string[], cause?: unknown): IlabError {
  const near = model === undefined || served.includes(model) ? undefined : closestName(model, served);
  const list = served.length === 0 ? "It lists no models." : `It serves: ${served.slice(0, 20).join(", ")}.`;
  return new IlabError({
    code: "ENDPOINT_MODEL_UNKNOWN",
    message:
      model === undefined
        ? `${client.url} serves ${served.length} models and none was named`
        : `${client.url} has no model '${model}', or cannot do this with it: ${cause instanceof Error ? cause.message : "404"}`,
    hint: `${near === undefined ? "" : `Did you mean '${near}'? `}${list} Name one with --model.`,
    cause,
  });
}

function invalidAnswer(client: HttpClient, answer: unknown): IlabError {
  return new IlabError({
    code: "ENDPOINT_ANSWER_INVALID",
    message: `${client.url} sent an answer without a text: ${serverMessage(JSON.stringify(answer) ?? "")}`,
    hint: "The server must follow the OpenAI API for completions.",
  });
}

function isEmbedding(value: unknown): value is { index?: number; embedding: number[] } {
  const { index = 0, embedding } = (value ?? {}) as { index?: unknown; embedding?: unknown };
  return typeof index === "number" && Array.isArray(embedding) && embedding.every(Number.isFinite);
}

/** For servers that do not count: about four characters each. */
function estimateTokens(text: string): number {
  return Math.max(1, Math.ceil(text.length / 4));
}
