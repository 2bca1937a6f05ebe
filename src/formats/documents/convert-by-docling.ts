/**
 * A file -> Markdown by a docling-serve server (REST API v1): given as a task, waited for, fetched. It recognises the text of scans and reads
 * formats that are not read on this machine.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { CancelledError, IlabError, throwIfAborted } from "../../util/errors.ts";

export interface DoclingOptions {
  /** `http://localhost:5001`, with or without `/v1`. */
  url: string;
  apiKey?: string;
  signal?: AbortSignal;
  /** Between two questions whether it is done; the server itself waits some seconds before it answers. */
  pollMs?: number;
  /** For the whole conversion. A scan of a thousand pages takes an hour. */
  timeoutMs?: number;
}

/** Formats that only the server reads. */
export const doclingEndings: readonly string[] =
  ".pptx .xlsx .csv .adoc .asciidoc .odt .png .jpg .jpeg .tif .tiff .bmp .webp .epub .tex .eml".split(" ");

const taskSchema = z.object({ task_id: z.string().min(1), task_status: z.string() });
const resultSchema = z.object({
  document: z.object({ md_content: z.string().nullish() }).nullish(),
  status: z.string(),
  errors: z.array(z.object({ error_message: z.string() }).loose()).nullish(),
});

/** For one request; the server answers a question for the state of a task after at most `POLL_WAIT_SECONDS`. */
const REQUEST_TIMEOUT_MS = 120_000;
const POLL_WAIT_SECONDS = 5;
/** Markdown of a long book with its tables. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;
const DEFAULT_TIMEOUT_MS = 2 * 60 * 60 * 1000;

/** Throws `DOCLING_UNREACHABLE`, `DOCLING_FAILED`, `DOCLING_TIMEOUT`, `CANCELLED`; `DOCUMENT_NOT_CONVERTED` when this file cannot be converted. */
export async function convertByDocling(name: string, bytes: Buffer, options: DoclingOptions): Promise<string> {
  const { signal, pollMs = 500, timeoutMs = DEFAULT_TIMEOUT_MS } = options;
  const deadline = Date.now() + timeoutMs;
  const form = new FormData();
  form.append("files", new Blob([Uint8Array.from(bytes)]), name.split("/").at(-1));
  form.append("to_formats", "md");
  // Pictures would come as megabytes of base64.
  form.append("image_export_mode", "placeholder");
  form.append("abort_on_error", "false");
  const task = await ask(options, "/v1/convert/file/async", taskSchema, { method: "POST", body: form });
  for (let status = task.task_status; ["pending", "started"].includes(status.toLowerCase()); ) {
    if (Date.now() > deadline)
      throw new IlabError({
        code: "DOCLING_TIMEOUT",
        message: `${options.url} did not convert '${name}' within ${Math.round(timeoutMs / 1000)} s`,
        hint: "Split the document, or look into the server's log.",
      });
    throwIfAborted(signal);
    await sleep(pollMs, undefined, { signal }).catch(() => {});
    const path = `/v1/status/poll/${encodeURIComponent(task.task_id)}?wait=${POLL_WAIT_SECONDS}`;
    status = (await ask(options, path, taskSchema)).task_status;
  }
  const result = await ask(options, `/v1/result/${encodeURIComponent(task.task_id)}`, resultSchema);
  const markdown = result.document?.md_content ?? "";
  const reasons = (result.errors ?? []).map(({ error_message }) => error_message).join("; ");
  if (result.status !== "success" && result.status !== "partial_success")
    throw notConverted(`docling-serve could not convert it: ${reasons || result.status}`);
  if (markdown.trim() === "") throw notConverted(`docling-serve found no text in it${reasons && `: ${reasons}`}`);
  // What the server writes where a picture was.
  return markdown.replace(/<!-- image -->/g, "");
}

async function ask<Schema extends z.ZodType>(
  { url, apiKey, signal }: DoclingOptions,
  path: string,
  schema: Schema,
  init: RequestInit = {},
): Promise<z.infer<Schema>> {
  const address = url.replace(/\/+$/, "").replace(/\/v1$/, "") + path;
  const timeout = AbortSignal.timeout(REQUEST_TIMEOUT_MS);
  let response: Response;
  let text: string;
  try {
    response = await fetch(address, {
      ...init,
      headers: { accept: "application/json", ...(apiKey === undefined ? {} : { "x-api-key": apiKey }) },
      signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
    });
    text = await readBounded(response);
  } catch (cause) {
    if (signal?.aborted) throw new CancelledError();
    if (cause instanceof IlabError) throw cause;
    const reason = (cause as { cause?: { code?: string } }).cause?.code ?? (cause as Error).message;
    throw new IlabError({
      code: "DOCLING_UNREACHABLE",
      message: `docling-serve at ${url} cannot be reached: ${reason}`,
      hint: "Start it, or correct generate.docling_url; without it, PDF and DOCX are read on this machine.",
      cause,
    });
  }
  if (!response.ok)
    throw failed(
      `${address.split("?")[0]} answered ${response.status}: ${text.replace(/\s+/g, " ").slice(0, 200)}`,
      response.status === 401 || response.status === 403
        ? "The server wants a key: set DOCLING_SERVE_API_KEY."
        : "Is it a docling-serve server of version 1 or newer?",
    );
  try {
    return schema.parse(JSON.parse(text));
  } catch (cause) {
    throw failed(
      `${address} answered something unexpected: ${text.slice(0, 120)}`,
      "Is it a docling-serve server?",
      cause,
    );
  }
}

async function readBounded(response: Response): Promise<string> {
  const pieces: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const piece of response.body ?? []) {
    sizeBytes += (piece as Uint8Array).byteLength;
    if (sizeBytes > MAX_ANSWER_BYTES)
      throw failed(`${response.url} answered more than ${MAX_ANSWER_BYTES} bytes`, "Split the document.");
    pieces.push(piece as Uint8Array);
  }
  return Buffer.concat(pieces).toString();
}

function failed(message: string, hint: string, cause?: unknown): IlabError {
  return new IlabError({ code: "DOCLING_FAILED", message: `docling-serve: ${message}`, hint, cause });
}

function notConverted(message: string): IlabError {
  return new IlabError({
    code: "DOCUMENT_NOT_CONVERTED",
    message,
    hint: "Open it and see whether it holds what you expect.",
  });
}
