/** HTTP for model servers: retries with backoff, `Retry-After`, bounded bodies, and errors that say what to do. Never shows the API key. */
import { CancelledError, IlabError, throwIfAborted } from "../util/errors.ts";
import {
  createTransport,
  type Exchange,
  type ExchangeRequest,
  type OpenExchange,
  type TlsOptions,
  type Transport,
} from "./http-transport.ts";
import { createRateLimit, type RateLimit } from "./rate-limit.ts";

/** No server is waited for longer than this between two attempts, whatever it asks. */
const MAX_RETRY_DELAY_MS = 60_000;

export interface HttpClientOptions {
  /** Base URL, such as `http://localhost:8000/v1`. */
  url: string;
  apiKey?: string;
  /** For one attempt: until the first byte of the answer, and between any two pieces of it. */
  timeoutMs: number;
  /** Attempts after the first. A server that only says that it is asked too often gets five times as many. */
  retries: number;
  /** Doubled after every attempt. */
  retryDelayMs: number;
  tls?: TlsOptions;
  /** Told before a wait that somebody who watches would wonder about. */
  onLongWait?: (reason: string, waitMs: number) => void;
}

export interface HttpClient extends HttpClientOptions {
  /** Of every request. */
  headers: Record<string, string>;
  transport: Transport;
  rateLimit: RateLimit;
}

export function createHttpClient(options: HttpClientOptions): HttpClient {
  const headers = {
    accept: "application/json, text/event-stream",
    "content-type": "application/json",
    ...(options.apiKey === undefined ? {} : { authorization: `Bearer ${options.apiKey}` }),
  };
  return { ...options, headers, transport: createTransport(options.url, options.tls), rateLimit: createRateLimit() };
}

export interface HttpRequest {
  method: "GET" | "POST";
  /** Below the base URL: `/models`. */
  path: string;
  body?: unknown;
  signal?: AbortSignal;
  /** Where they differ from the client's. */
  retries?: number;
  timeoutMs?: number;
}

/** A status that is not 2xx, with what the server said. */
export class HttpStatusError extends IlabError {
  readonly status: number;

  constructor(status: number, code: string, message: string, hint?: string) {
    super({ code, message, hint });
    this.status = status;
  }
}

const isWorthRetrying = (status: number) => status === 408 || status === 409 || status === 429 || status >= 500;
const LONG_WAIT_MS = 5000;
/** What being asked too often counts, against a failure's 1. */
const BUSY_COUNTS = 0.2;

/**
 * Sends until a 2xx answer comes. Throws `ENDPOINT_UNREACHABLE`, `ENDPOINT_TIMEOUT`, `ENDPOINT_UNAUTHORIZED`, `ENDPOINT_BUSY` (429 to the end),
 * `ENDPOINT_QUOTA`, `CONTEXT_EXCEEDED`, `ENDPOINT_REFUSED` (other 3xx and 4xx), `ENDPOINT_FAILED`, `CANCELLED`.
 */
export async function sendRequest(client: HttpClient, request: HttpRequest): Promise<OpenExchange> {
  const { open } = client.transport;
  return await attempt(client, request, open, {
    use: (exchange) => exchange,
    text: async ({ body }) => (await body.toArray()).join(""),
  });
}

/** The same, with the answer read as JSON inside the attempt: one that breaks off or is no JSON is tried again. */
export async function requestJson(client: HttpClient, request: HttpRequest): Promise<unknown> {
  const { exchange } = client.transport;
  return await attempt(client, request, exchange, {
    use: ({ text }) => parseAnswer(client, text),
    text: ({ text }) => text,
  });
}

interface AnswerReaders<E, T> {
  /** Of an answer with a 2xx status. What it throws counts as a failed attempt. */
  use(exchange: E): T;
  /** Of any other. */
  text(exchange: E): string | Promise<string>;
}

async function attempt<E extends Exchange, T>(
  client: HttpClient,
  request: HttpRequest,
  send: (request: ExchangeRequest) => Promise<E>,
  { use, text }: AnswerReaders<E, T>,
): Promise<T> {
  const { signal, retries = client.retries } = request;
  let spent = 0;
  for (let tries = 0; ; tries++) {
    throwIfAborted(signal);
    const pausedMs = client.rateLimit.waitMs();
    if (pausedMs >= LONG_WAIT_MS) client.onLongWait?.(`${client.url} wants to be asked less often`, pausedMs);
    if (pausedMs > 0) await pause(pausedMs, signal);
    let failure: IlabError;
    let waitMs = client.retryDelayMs * 2 ** Math.min(tries, 8) * (1 + Math.random() / 4);
    try {
      const exchange = await send(exchangeRequest(client, request));
      const isRefused = exchange.status === 429 || exchange.status === 503;
      const askedMs = client.rateLimit.learn(exchange.headers, isRefused);
      if (exchange.status >= 200 && exchange.status < 300) return use(exchange);
      failure = describeStatus(client, request, exchange, await text(exchange));
      if (!isWorthRetrying(exchange.status) || failure.code === "ENDPOINT_QUOTA") throw failure;
      spent += exchange.status === 429 ? BUSY_COUNTS : 1;
      waitMs = askedMs ?? waitMs;
    } catch (error) {
      if (signal?.aborted) throw new CancelledError();
      if (error instanceof HttpStatusError) throw error;
      failure = error instanceof IlabError ? error : describeNetworkError(client, error);
      spent += 1;
    }
    if (spent > retries + 1e-9) throw failure;
    const delayMs = Math.min(waitMs, MAX_RETRY_DELAY_MS);
    if (delayMs >= LONG_WAIT_MS) client.onLongWait?.(failure.message, delayMs);
    await pause(delayMs, signal);
  }
}

function exchangeRequest(client: HttpClient, request: HttpRequest): ExchangeRequest {
  return {
    method: request.method,
    url: client.url + request.path,
    headers: client.headers,
    body: request.body === undefined ? undefined : JSON.stringify(request.body),
    timeoutMs: request.timeoutMs ?? client.timeoutMs,
    signal: request.signal,
  };
}

function parseAnswer(client: HttpClient, text: string): unknown {
  try {
    return JSON.parse(text.startsWith("\ufeff") ? text.slice(1) : text);
  } catch (cause) {
    throw new IlabError({
      code: "ENDPOINT_ANSWER_INVALID",
      message: `${client.url} answered something that is not JSON: ${JSON.stringify(text.slice(0, 120))}`,
      hint: "The address must be that of an OpenAI-compatible server, such as http://localhost:8000/v1.",
      cause,
    });
  }
}

function describeStatus(
  client: HttpClient,
  request: HttpRequest,
  { status, headers }: Exchange,
  text: string,
): HttpStatusError {
  const said = serverMessage(text);
  const what = `${client.url}${request.path} answered ${status}${said === "" ? "" : `: ${said}`}`;
  if (status === 401 || status === 403)
    return new HttpStatusError(
      status,
      "ENDPOINT_UNAUTHORIZED",
      what,
      client.apiKey === undefined
        ? "The server wants an API key: give it with --api-key, --api-key-file or ILAB_API_KEY."
        : "The server does not accept the API key that was given.",
    );
  if (status >= 300 && status < 400 && headers.location !== undefined)
    return new HttpStatusError(
      status,
      "ENDPOINT_REFUSED",
      `${what}, and sends to ${headers.location}`,
      "Give the address that it sends to.",
    );
  if (status === 429 && /insufficient_quota|exceeded your current quota|credit balance/i.test(text))
    return new HttpStatusError(
      429,
      "ENDPOINT_QUOTA",
      what,
      "The account has nothing left: this does not pass by waiting.",
    );
  if (status === 429)
    return new HttpStatusError(
      429,
      "ENDPOINT_BUSY",
      what,
      "The server limits requests: wait, or ask with fewer at once.",
    );
  if (/context[_ ](length|size|window)|maximum context|too many tokens/i.test(said))
    return new HttpStatusError(status, "CONTEXT_EXCEEDED", what, "Shorten the prompt or ask for fewer tokens.");
  return new HttpStatusError(
    status,
    status >= 400 && status < 500 && !isWorthRetrying(status) ? "ENDPOINT_REFUSED" : "ENDPOINT_FAILED",
    what,
  );
}

/** Servers wrap their message differently; what is none of the known shapes is shown as it is. */
export function serverMessage(body: string): string {
  let text = body;
  try {
    const value = JSON.parse(body) as { error?: { message?: unknown } | string; message?: unknown; detail?: unknown };
    const found =
      (typeof value.error === "object" ? value.error?.message : value.error) ?? value.message ?? value.detail ?? body;
    text = typeof found === "string" ? found : JSON.stringify(found);
  } catch {
    // Not JSON: a proxy's page or plain text.
  }
  return text.replace(/\s+/g, " ").trim().slice(0, 300);
}

export function describeNetworkError(client: HttpClient, error: unknown): IlabError {
  const { name, message, code = "" } = error as NodeJS.ErrnoException;
  if (name === "TimeoutError")
    return new IlabError({
      code: "ENDPOINT_TIMEOUT",
      message: `${client.url} did not answer within ${client.timeoutMs / 1000} s`,
      hint: "The server may be loading its model or be overloaded. Try again, or ask with fewer requests at once.",
      cause: error,
    });
  const isRefused = code === "ECONNREFUSED";
  const isCertificate = /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|SSL|TLS/.test(code);
  const said = message === "" ? code : message;
  return new IlabError({
    code: "ENDPOINT_UNREACHABLE",
    message: `${client.url} cannot be reached: ${isRefused ? "the connection was refused" : said}`,
    hint: isRefused
      ? "Nothing listens at that address. Start the model server, or check host and port."
      : isCertificate
        ? "The server's certificate cannot be verified: give its authority with --tls-ca, or --tls-insecure where you trust the network."
        : "Check the address (host, port, http or https) and the network.",
    cause: error,
  });
}

function pause(milliseconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = () => {
      clearTimeout(timer);
      reject(new CancelledError());
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", abort);
      resolve();
    }, milliseconds);
    signal?.addEventListener("abort", abort, { once: true });
  });
}
