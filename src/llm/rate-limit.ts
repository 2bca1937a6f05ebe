/** A server's wishes about how often it is asked: `Retry-After`, and the `x-ratelimit-*` headers of OpenAI's API. */
import type { IncomingHttpHeaders } from "node:http";

/** No server is waited for longer than this between two attempts, whatever it asks. */
const MAX_WAIT_MS = 120_000;

/** One for all requests to a server: who may not ask, waits with all others. */
export interface RateLimit {
  /** Milliseconds until the next request may be sent. */
  waitMs(): number;
  /** Reads the headers of an answer; `isRefused` when it was a 429 or 503. Gives the wait that the server asked for. */
  learn(headers: IncomingHttpHeaders, isRefused: boolean): number | undefined;
}

export function createRateLimit(now: () => number = Date.now): RateLimit {
  let pausedUntil = 0;
  return {
    waitMs: () => Math.max(0, pausedUntil - now()),
    learn(headers, isRefused) {
      const wait = isRefused
        ? (retryAfterMs(one(headers["retry-after"]), now()) ?? exhaustedMs(headers))
        : exhaustedMs(headers);
      if (wait === undefined) return undefined;
      const bounded = Math.min(wait, MAX_WAIT_MS);
      pausedUntil = Math.max(pausedUntil, now() + bounded);
      return bounded;
    },
  };
}

/** Until the budget of requests or tokens that is used up comes back. */
function exhaustedMs(headers: IncomingHttpHeaders): number | undefined {
  for (const kind of ["requests", "tokens"]) {
    if (one(headers[`x-ratelimit-remaining-${kind}`])?.trim() !== "0") continue;
    const wait = durationMs(one(headers[`x-ratelimit-reset-${kind}`]));
    if (wait !== undefined) return wait;
  }
  return undefined;
}

/** `Retry-After` in seconds or as a date. */
export function retryAfterMs(header: string | undefined, now = Date.now()): number | undefined {
  if (header === undefined) return undefined;
  if (/^\s*\d+(\.\d+)?\s*$/.test(header)) return Number(header) * 1000;
  const date = Date.parse(header);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

const UNIT_MS: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** `1s`, `6m0s`, `20ms`, or seconds. */
function durationMs(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d+(\.\d+)?$/.test(text.trim())) return Number(text) * 1000;
  const parts = [...text.trim().matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)];
  if (parts.length === 0) return undefined;
  return parts.reduce((sum, [, amount, unit]) => sum + Number(amount) * UNIT_MS[unit!]!, 0);
}

function one(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header[0] : header;
}
