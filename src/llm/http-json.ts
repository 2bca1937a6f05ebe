/** HTTP for model servers: retries with backoff, `Retry-After`, bounded bodies, and errors that say what to do. Never shows the API key. */
import { CancelledError, IlabError, throwIfAborted } from "../util/errors.ts";

/** Answers of model servers are a few megabytes at most (embeddings, log-probabilities). */
export const MAX_BODY_BYTES = 64 * 1024 * 1024;
/** No server is waited for longer than this between two attempts, whatever it asks. */
const MAX_RETRY_DELAY_MS = 60_000;

export interface HttpClientOptions {
  /** Base URL, such as `http://localhost:8000/v1`. */
  url: string;
  apiKey?: string;
  /** For one attempt, until the answer's headers (streaming) or its end. */
  timeoutMs: number;
  /** Attempts after the first. */
  retries: number;
  /** Doubled after every attempt. */
  retryDelayMs: number;
  fetch: typeof fetch;
}

export interface HttpRequest {
  method: "GET" | "POST";
  /** Below the base URL: `/models`. */
  path: string;
  body?: unknown;
  signal?: AbortSignal;
  /** Attempts after the first, where it differs from the client's. */
  retries?: number;
}

/** A status that is not 2xx, with what the server said. */
export class HttpStatusError extends IlabError {
  readonly status: number;

  constructor(status: number, code: string, message: string, hint?: string) {
    super({ code, message, hint });
    this.status = status;
  }
}

const isWorthRetrying = (status: number) => status === 408 || status === 429 || status >= 500;

/**
 * Sends until a 2xx answer comes. Throws `ENDPOINT_UNREACHABLE`, `ENDPOINT_TIMEOUT`, `ENDPOINT_UNAUTHORIZED`, `ENDPOINT_BUSY`
 * (429 to the end), `ENDPOINT_FAILED` (other statuses), `CANCELLED`.
 */
export async function sendRequest(client: HttpClientOptions, request: HttpRequest): Promise<Response> {
  const retries = request.retries ?? client.retries;
  for (let attempt = 0; ; attempt++) {
    throwIfAborted(request.signal);
    let failure: IlabError;
    let waitMs = client.retryDelayMs * 2 ** attempt;
    try {
      const response = await sendOnce(client, request);
      if (response.ok) return response;
      failure = await describeStatus(client, request, response);
      if (!isWorthRetrying(response.status)) throw failure;
      waitMs = retryAfterMs(response.headers.get("retry-after")) ?? waitMs;
    } catch (error) {
      if (request.signal?.aborted) throw new CancelledError();
      if (error instanceof HttpStatusError && !isWorthRetrying(error.status)) throw error;
      failure = error instanceof IlabError ? error : describeNetworkError(client, error);
    }
    if (attempt >= retries) throw failure;
    await pause(Math.min(waitMs, MAX_RETRY_DELAY_MS), request.signal);
  }
}

async function sendOnce(client: HttpClientOptions, request: HttpRequest): Promise<Response> {
  const timeout = AbortSignal.timeout(client.timeoutMs);
  return await client.fetch(client.url + request.path, {
    method: request.method,
    headers: {
      accept: "application/json, text/event-stream",
      ...(request.body === undefined ? {} : { "content-type": "application/json" }),
      ...(client.apiKey === undefined ? {} : { authorization: `Bearer ${client.apiKey}` }),
    },
    body: request.body === undefined ? undefined : JSON.stringify(request.body),
    signal: request.signal ? AbortSignal.any([request.signal, timeout]) : timeout,
  });
}

/** The answer's JSON; an answer that is too large or not JSON is `ENDPOINT_ANSWER_INVALID`. */
export async function readJson(client: HttpClientOptions, response: Response, signal?: AbortSignal): Promise<unknown> {
  let text: string;
  try {
    text = await readBounded(response);
  } catch (error) {
    if (signal?.aborted) throw new CancelledError();
    throw error instanceof IlabError ? error : describeNetworkError(client, error);
  }
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new IlabError({
      code: "ENDPOINT_ANSWER_INVALID",
      message: `${client.url} answered something that is not JSON: ${JSON.stringify(text.slice(0, 120))}`,
      hint: "The address must be that of an OpenAI-compatible server, such as http://localhost:8000/v1.",
      cause,
    });
  }
}

async function readBounded(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  let sizeBytes = 0;
  for await (const chunk of response.body ?? []) {
    sizeBytes += (chunk as Uint8Array).byteLength;
    if (sizeBytes > MAX_BODY_BYTES)
      throw new IlabError({
        code: "ENDPOINT_ANSWER_INVALID",
        message: `${response.url} answered more than ${MAX_BODY_BYTES} bytes`,
      });
    text += decoder.decode(chunk as Uint8Array, { stream: true });
  }
  return text + decoder.decode();
}

async function describeStatus(
  client: HttpClientOptions,
  request: HttpRequest,
  response: Response,
): Promise<HttpStatusError> {
  const said = serverMessage(await readBounded(response).catch(() => ""));
  const what = `${client.url}${request.path} answered ${response.status}${said === "" ? "" : `: ${said}`}`;
  if (response.status === 401 || response.status === 403)
    return new HttpStatusError(
      response.status,
      "ENDPOINT_UNAUTHORIZED",
      what,
      client.apiKey === undefined
        ? "The server wants an API key: give it with --api-key."
        : "The server does not accept the API key that was given.",
    );
  if (response.status === 429)
    return new HttpStatusError(
      429,
      "ENDPOINT_BUSY",
      what,
      "The server limits requests: wait, or ask with fewer at once.",
    );
  if (/context[_ ](length|size|window)|maximum context|too many tokens/i.test(said))
    return new HttpStatusError(
      response.status,
      "CONTEXT_EXCEEDED",
      what,
      "Shorten the prompt or ask for fewer tokens.",
    );
  return new HttpStatusError(response.status, "ENDPOINT_FAILED", what);
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

export function describeNetworkError(client: HttpClientOptions, error: unknown): IlabError {
  const { name, message, cause } = error as Error & { cause?: { code?: string; message?: string } };
  if (name === "TimeoutError")
    return new IlabError({
      code: "ENDPOINT_TIMEOUT",
      message: `${client.url} did not answer within ${client.timeoutMs / 1000} s`,
      hint: "The server may be loading its model or be overloaded. Try again, or ask with fewer requests at once.",
      cause: error,
    });
  const isRefused = cause?.code === "ECONNREFUSED";
  return new IlabError({
    code: "ENDPOINT_UNREACHABLE",
    message: `${client.url} cannot be reached: ${isRefused ? "the connection was refused" : (cause?.message ?? message)}`,
    hint: isRefused
      ? "Nothing listens at that address. Start the model server, or check host and port."
      : "Check the address (host, port, http or https) and the network.",
    cause: error,
  });
}

/** `Retry-After` in seconds or as a date. */
export function retryAfterMs(header: string | null, now = Date.now()): number | undefined {
  if (header === null) return undefined;
  if (/^\s*\d+(\.\d+)?\s*$/.test(header)) return Number(header) * 1000;
  const date = Date.parse(header);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
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
