/**
 * One HTTP exchange over kept-open connections. undici's dispatcher instead of `node:http`, which takes twice the processor time per
 * request, or `fetch`, which takes six times as much: that counts when a server answers thousands of small prompts. It takes certificates and proxies.
 */
import { setMaxListeners } from "node:events";
import type { IncomingHttpHeaders } from "node:http";
import { createRequire } from "node:module";
import type { Readable } from "node:stream";
import { brotliDecompressSync, gunzipSync, inflateSync } from "node:zlib";
import type { Agent, Dispatcher, EnvHttpProxyAgent } from "undici";
import { IlabError } from "../util/errors.ts";

/** undici by its files where they suffice: the package as a whole also brings `fetch`, caches and web sockets, which take 80 ms to load. */
const load = createRequire(import.meta.url);

export interface TlsOptions {
  /** Accept any certificate of the server. */
  isInsecure?: boolean;
  /** PEM texts. */
  authority?: string;
  clientCertificate?: string;
  clientKey?: string;
  clientPassword?: string;
}

export interface Exchange {
  status: number;
  headers: IncomingHttpHeaders;
}

/** An answer read to its end. */
export interface WholeExchange extends Exchange {
  text: string;
}

/** An answer whose body is still to come. It must be read to its end or destroyed. */
export interface OpenExchange extends Exchange {
  body: Readable;
}

export interface ExchangeRequest {
  method: "GET" | "POST";
  url: string;
  headers: Record<string, string>;
  body?: string;
  /** Until the connection stands, until the headers of the answer, and between any two pieces of it. */
  timeoutMs: number;
  signal?: AbortSignal;
}

/** Both reject with the connection's error, with an error named `TimeoutError` when nothing came in time, and with the signal's reason. */
export interface Transport {
  /** Throws `ENDPOINT_ANSWER_INVALID` for answers above `MAX_BODY_BYTES`. */
  exchange(request: ExchangeRequest): Promise<WholeExchange>;
  open(request: ExchangeRequest): Promise<OpenExchange>;
  /** Ends the connections. */
  close(): Promise<void>;
}

/** Answers of model servers are a few megabytes at most (embeddings, log-probabilities). */
export const MAX_BODY_BYTES = 64 * 1024 * 1024;

export function createTransport(url: string, tls: TlsOptions = {}): Transport {
  const { origin, pathname } = new URL(url);
  const dispatcher = createDispatcher(url, tls);
  /** Nearly all requests go to one or two addresses. */
  const pathOf = (target: string) => {
    if (target === url) return pathname;
    const { pathname: path, search } = new URL(target);
    return path + search;
  };
  const optionsOf = ({ method, url: target, headers, body, timeoutMs }: ExchangeRequest) => ({
    origin,
    path: pathOf(target),
    method,
    headers,
    body,
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs,
  });
  return {
    exchange: (request) => dispatchWhole(dispatcher, optionsOf(request), request),
    async open(request) {
      const { signal } = request;
      if (signal !== undefined) setMaxListeners(0, signal);
      try {
        const openRequest = load("undici/lib/api/api-request.js") as Dispatcher["request"];
        const { statusCode, headers, body } = await openRequest.call(dispatcher, { ...optionsOf(request), signal });
        return { status: statusCode, headers, body };
      } catch (error) {
        throw signal?.aborted ? signal.reason : asTimeout(error, request.timeoutMs);
      }
    },
    close: () => dispatcher.destroy(),
  };
}

/** An answer may go on for so many times the longest silence. */
const TIMEOUTS_IN_ALL = 4;

/** Text of the answer straight from the dispatcher's callbacks: a stream for each would cost more than the rest of the request. */
function dispatchWhole(
  dispatcher: Dispatcher,
  options: Dispatcher.DispatchOptions,
  { signal, timeoutMs }: ExchangeRequest,
): Promise<WholeExchange> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    let connection: Dispatcher.DispatchController | undefined;
    let status = 0;
    let headers: IncomingHttpHeaders = {};
    const pieces: Buffer[] = [];
    let sizeBytes = 0;
    // Some servers send blanks while they work; one that does so for ever is given up.
    const deadline = setTimeout(() => connection?.abort(timeoutError(timeoutMs)), TIMEOUTS_IN_ALL * timeoutMs);
    const end = () => {
      clearTimeout(deadline);
      signal?.removeEventListener("abort", abort);
    };
    const abort = () => {
      end();
      connection?.abort(signal!.reason as Error);
      reject(signal!.reason);
    };
    if (signal !== undefined) {
      // Many requests listen to one signal.
      setMaxListeners(0, signal);
      signal.addEventListener("abort", abort, { once: true });
    }
    dispatcher.dispatch(options, {
      onRequestStart(controller) {
        connection = controller;
        // Aborted while it waited for a connection.
        if (signal?.aborted) controller.abort(signal.reason as Error);
      },
      onResponseStart(_, statusCode, received) {
        status = statusCode;
        headers = received;
      },
      onResponseData(controller, piece) {
        pieces.push(piece);
        sizeBytes += piece.length;
        if (sizeBytes > MAX_BODY_BYTES) controller.abort(tooLarge(String(options.origin)));
      },
      onResponseEnd() {
        end();
        try {
          const bytes = pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
          resolve({ status, headers, text: unpacked(bytes, headers["content-encoding"]).toString("utf8") });
        } catch (error) {
          reject(error);
        }
      },
      onResponseError(_, error) {
        end();
        reject(asTimeout(error, timeoutMs));
      },
    });
  });
}

/** Proxies of the environment (`HTTPS_PROXY`, `HTTP_PROXY`, `NO_PROXY`) are for other machines only. */
function createDispatcher(url: string, tls: TlsOptions): Dispatcher {
  const connect = {
    rejectUnauthorized: tls.isInsecure !== true,
    ca: tls.authority,
    cert: tls.clientCertificate,
    key: tls.clientKey,
    passphrase: tls.clientPassword,
  };
  const { hostname } = new URL(url);
  const isHere = hostname === "localhost" || hostname === "[::1]" || hostname.startsWith("127.");
  const isProxied = ["http_proxy", "https_proxy"].some(
    (name) => (process.env[name] ?? process.env[name.toUpperCase()] ?? "") !== "",
  );
  if (isHere || !isProxied)
    return new (load("undici/lib/dispatcher/agent.js") as new (options: Agent.Options) => Agent)({ connect });
  const { EnvHttpProxyAgent: ProxyAgent } = load("undici") as { EnvHttpProxyAgent: typeof EnvHttpProxyAgent };
  return new ProxyAgent({ connect, requestTls: connect });
}

function asTimeout(error: unknown, timeoutMs: number): unknown {
  // Not of those who never connect: that is nobody's silence.
  if (!(error instanceof Error && /^(?:Headers|Body)?TimeoutError$/.test(error.name))) return error;
  return timeoutError(timeoutMs, error);
}

function timeoutError(timeoutMs: number, cause?: unknown): Error {
  const timeout = new Error(`no answer within ${timeoutMs} ms`, { cause });
  timeout.name = "TimeoutError";
  return timeout;
}

/** Nothing was said of packed answers; some proxies pack them all the same. */
function unpacked(bytes: Buffer, encoding: string | undefined): Buffer {
  const limit = { maxOutputLength: MAX_BODY_BYTES };
  if (encoding === "gzip" || encoding === "x-gzip") return gunzipSync(bytes, limit);
  if (encoding === "deflate") return inflateSync(bytes, limit);
  return encoding === "br" ? brotliDecompressSync(bytes, limit) : bytes;
}

function tooLarge(origin: string): IlabError {
  return new IlabError({
    code: "ENDPOINT_ANSWER_INVALID",
    message: `${origin} answered more than ${MAX_BODY_BYTES} bytes`,
  });
}
