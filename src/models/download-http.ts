/**
 * One file over HTTP into a part file. A part that an earlier try left is continued with `Range` and `If-Range` (RFC 9110 §13.1.5)
 * as long as the server still has the same file; a connection that breaks is taken up again a few times.
 */
import { type FileHandle, open, readFile, rm, stat, writeFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { IlabError, throwIfAborted } from "../util/errors.ts";
import type { Work } from "../util/events.ts";
import { log } from "../util/log.ts";
import { DOWNLOAD_STEP, type FetchRequest, secondsSince } from "./model-source.ts";
import { throttle } from "./throttle.ts";

export interface HttpOptions {
  headers?: Record<string, string>;
  /** What to do about 401 and 403. */
  forbiddenHint?: string;
  /** Time to the response's headers: a host that cannot be reached is passed over after this. */
  connectTimeoutMs?: number;
  /** Longest silence in the middle of a transfer. */
  idleTimeoutMs?: number;
  retryDelayMs?: number;
}

const MAX_RETRIES = 4;

/** What the part belongs to; beside it as `PART.json`. */
interface PartState {
  url: string;
  /** Strong entity tag, or the date of last change. */
  validator: string;
}

/** Throws `HTTP_STATUS`, `HTTP_UNREACHABLE` or `HTTP_BROKEN`. The part stays where going on with it makes sense. */
export async function* downloadHttp(url: URL, request: FetchRequest, options: HttpOptions = {}): Work<void> {
  const startedAt = performance.now();
  let isStarted = false;
  for (let attempt = 0; ; attempt++) {
    const before = await sizeOf(request.partFile);
    try {
      for await (const event of transfer(url, request, options)) {
        if (event.type === "step-start" && isStarted) continue;
        isStarted ||= event.type === "step-start";
        yield event;
      }
      await rm(stateFile(request.partFile), { force: true });
      yield { type: "step-end", stage: "models", step: DOWNLOAD_STEP, seconds: secondsSince(startedAt) };
      return;
    } catch (error) {
      throwIfAborted(request.signal, "The part that is there is kept; the same command goes on with it.");
      if (!(error instanceof IlabError) || error.code !== "HTTP_BROKEN") throw error;
      // A try that brought something does not count against the limit.
      if ((await sizeOf(request.partFile)) > before) attempt = 0;
      if (attempt >= MAX_RETRIES) throw error;
      yield { type: "message", stage: "models", level: "warning", text: `${error.message}; trying again` };
      await sleep((options.retryDelayMs ?? 1000) * 2 ** attempt, undefined, { signal: request.signal }).catch(() => {});
    }
  }
}

async function* transfer(url: URL, request: FetchRequest, options: HttpOptions): Work<void> {
  const { partFile } = request;
  const state = await readState(partFile, url);
  const have = state === undefined ? 0 : await sizeOf(partFile);
  const watchdog = new AbortController();
  const signal = request.signal ? AbortSignal.any([request.signal, watchdog.signal]) : watchdog.signal;
  let timer = setTimeout(() => watchdog.abort(), options.connectTimeoutMs ?? 6000);
  try {
    const response = await connect(url, signal, watchdog.signal, {
      ...options.headers,
      // A compressed transfer would have no length to show or to resume at.
      "accept-encoding": "identity",
      ...(have > 0 ? { range: `bytes=${have}-`, "if-range": state!.validator } : {}),
    });
    log.debug("http response", { url: `${url.origin}${url.pathname}`, status: response.status, have });
    const start = startOf(response, have);
    if (start === undefined) {
      await response.body?.cancel();
      if (response.status === 416) {
        // Nothing is left to send when the part is already the whole file.
        if (response.headers.get("content-range") === `bytes */${have}`) return;
      }
      if (response.status === 416 || response.status === 206) {
        // The part is longer than the file is now, or the server sends what was not asked for: begin again.
        await rm(partFile, { force: true });
        throw broken(url, `it could not be continued at byte ${have}`);
      }
      throw statusError(url, response, options.forbiddenHint);
    }
    const length = Number(response.headers.get("content-length") ?? Number.NaN);
    const total = Number.isFinite(length) ? start + length : request.expectedBytes;
    yield { type: "step-start", stage: "models", step: DOWNLOAD_STEP, total, unit: "bytes" };
    const file = await open(partFile, start > 0 ? "r+" : "w");
    let done = start;
    try {
      // After the old part was cut off: its bytes must never stand beside the new file's validator.
      await writeState(partFile, url, response);
      const isDue = throttle();
      const pieces = response.body?.getReader();
      for (;;) {
        clearTimeout(timer);
        timer = setTimeout(() => watchdog.abort(), options.idleTimeoutMs ?? 30_000);
        const next = await readPiece(pieces, url, watchdog.signal);
        if (next === undefined) break;
        await writeAll(file, next, done);
        done += next.length;
        if (isDue()) yield { type: "step-progress", stage: "models", step: DOWNLOAD_STEP, done, total, unit: "bytes" };
      }
      await file.sync();
    } finally {
      await file.close();
    }
    if (Number.isFinite(length) && done !== start + length)
      throw broken(url, `the connection ended after ${done} of ${start + length} bytes`);
  } finally {
    clearTimeout(timer);
    watchdog.abort();
  }
}

async function connect(url: URL, signal: AbortSignal, watchdog: AbortSignal, headers: Record<string, string>) {
  try {
    return await fetch(url, { headers, signal });
  } catch (error) {
    const cause = (error as Error).cause as NodeJS.ErrnoException | undefined;
    const reason = watchdog.aborted ? "no answer in time" : (cause?.code ?? cause?.message ?? (error as Error).message);
    throw new IlabError({
      code: "HTTP_UNREACHABLE",
      message: `${url.host} cannot be reached (${reason})`,
      hint: "Check the network connection.",
      cause: error,
    });
  }
}

/** Byte that the body starts at: `have` when the server continues, 0 when it sends the whole file, undefined otherwise. */
function startOf(response: Response, have: number): number | undefined {
  if (response.status === 200) return 0;
  if (response.status !== 206) return undefined;
  const start = /^bytes (\d+)-/.exec(response.headers.get("content-range") ?? "")?.[1];
  return Number(start) === have ? have : undefined;
}

function statusError(url: URL, response: Response, forbiddenHint: string | undefined): IlabError {
  const isForbidden = response.status === 401 || response.status === 403;
  return new IlabError({
    code: "HTTP_STATUS",
    message: `${url.origin}${url.pathname} answered ${response.status}${response.statusText ? ` ${response.statusText}` : ""}`,
    hint: isForbidden && forbiddenHint !== undefined ? forbiddenHint : "Check the address.",
  });
}

async function readPiece(
  reader: ReadableStreamDefaultReader<Uint8Array> | undefined,
  url: URL,
  watchdog: AbortSignal,
): Promise<Uint8Array | undefined> {
  try {
    return (await reader?.read())?.value;
  } catch (error) {
    const cause = (error as Error).cause as NodeJS.ErrnoException | undefined;
    throw broken(url, watchdog.aborted ? "no data for too long" : (cause?.code ?? (error as Error).message), error);
  }
}

function broken(url: URL, reason: string, cause?: unknown): IlabError {
  return new IlabError({
    code: "HTTP_BROKEN",
    message: `the download from ${url.host} broke off (${reason})`,
    hint: "Run the same command again: it goes on where it stopped.",
    cause,
  });
}

async function writeAll(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let offset = 0; offset < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, offset, bytes.length - offset, position + offset);
    offset += bytesWritten;
  }
}

async function sizeOf(file: string): Promise<number> {
  return (await stat(file).catch(() => undefined))?.size ?? 0;
}

const stateFile = (partFile: string) => `${partFile}.json`;

async function readState(partFile: string, url: URL): Promise<PartState | undefined> {
  try {
    const state = JSON.parse(await readFile(stateFile(partFile), "utf8")) as PartState;
    return state.url === url.href && state.validator ? state : undefined;
  } catch {
    return undefined;
  }
}

async function writeState(partFile: string, url: URL, response: Response): Promise<void> {
  const etag = response.headers.get("etag");
  // A weak tag does not promise equal bytes, so it must not be used with If-Range.
  const validator = etag !== null && !etag.startsWith("W/") ? etag : response.headers.get("last-modified");
  if (validator === null) await rm(stateFile(partFile), { force: true });
  else await writeFile(stateFile(partFile), JSON.stringify({ url: url.href, validator } satisfies PartState));
}
