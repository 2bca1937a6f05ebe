/**
 * One HTTP exchange over kept-open connections. `node:http` instead of `fetch`: a quarter of its cost per request, which counts when a server answers
 * thousands of small prompts, and it takes certificates.
 */
import { setMaxListeners } from "node:events";
import * as http from "node:http";
import * as https from "node:https";
import { urlToHttpOptions } from "node:url";

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
  headers: http.IncomingHttpHeaders;
  /** Must be read to its end or destroyed. */
  body: http.IncomingMessage;
}

export interface ExchangeRequest {
  method: "GET" | "POST";
  url: string;
  headers: Record<string, string>;
  body?: string;
  /** Until the headers of the answer, and again between any two pieces of it. */
  timeoutMs: number;
  signal?: AbortSignal;
}

/** Rejects with the connection's error; with an error named `TimeoutError` when nothing came in time; with the signal's reason. */
export interface Transport {
  send(request: ExchangeRequest): Promise<Exchange>;
}

export function createTransport(tls: TlsOptions = {}): Transport {
  const plainAgent = new http.Agent({ keepAlive: true });
  const tlsAgent = new https.Agent({
    keepAlive: true,
    rejectUnauthorized: tls.isInsecure !== true,
    ca: tls.authority,
    cert: tls.clientCertificate,
    key: tls.clientKey,
    passphrase: tls.clientPassword,
  });
  /** Addresses are few and asked thousands of times. */
  const targets = new Map<string, http.RequestOptions>();
  const targetOf = (url: string): http.RequestOptions => {
    let target = targets.get(url);
    if (target === undefined) {
      target = urlToHttpOptions(new URL(url));
      targets.set(url, target);
    }
    return target;
  };
  return {
    send: ({ method, url, headers, body, timeoutMs, signal }) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason);
        const isTls = url.startsWith("https:");
        const bytes = body === undefined ? undefined : Buffer.from(body);
        const options = { ...targetOf(url), method, agent: isTls ? tlsAgent : plainAgent, headers };
        const request = (isTls ? https : http).request(options);
        const fail = (error: unknown) => {
          signal?.removeEventListener("abort", abort);
          reject(error);
        };
        const abort = () => request.destroy(signal!.reason as Error);
        if (signal !== undefined) {
          // Many requests listen to one signal.
          setMaxListeners(0, signal);
          signal.addEventListener("abort", abort, { once: true });
        }
        request.setTimeout(timeoutMs, () => request.destroy(timeoutError(timeoutMs)));
        request.on("error", fail);
        request.on("response", (answer) => {
          // What goes wrong while the body is read reaches its reader, too.
          answer.on("close", () => signal?.removeEventListener("abort", abort));
          resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: answer });
        });
        if (bytes !== undefined) request.setHeader("content-length", bytes.length);
        request.end(bytes);
      }),
  };
}

function timeoutError(timeoutMs: number): Error {
  const error = new Error(`no answer within ${timeoutMs} ms`);
  error.name = "TimeoutError";
  return error;
}
