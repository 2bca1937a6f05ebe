/** File helpers that never leave a half-written file under its final name. */
import { randomBytes } from "node:crypto";
import { constants, createReadStream } from "node:fs";
import { access, type FileHandle, mkdir, open, rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { IlabError } from "./errors.ts";
import { parseNotedJson } from "./whole-floats.ts";

/** Writes to a sibling `.part-…` file, flushes it, then renames: readers see the old content or the new, never a mixture. */
export async function writeFileAtomic(path: string, content: string | Uint8Array): Promise<void> {
  await writeAtomically(path, (file) => file.writeFile(content));
}

/** As `writeFileAtomic`, for content that is made piece by piece. */
export async function writeAtomically(path: string, write: (file: FileHandle) => Promise<void>): Promise<void> {
  const part = `${path}.part-${randomBytes(4).toString("hex")}`;
  try {
    await mkdir(dirname(path), { recursive: true });
    const file = await open(part, "wx");
    try {
      await write(file);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(part, path);
  } catch (error) {
    await rm(part, { force: true }).catch(() => {});
    throw describeWriteError(path, error);
  }
}

/** Makes the directory and sees whether the file could be written, before long work ends in a refusal. Throws `NOT_WRITABLE`. */
export async function requireWritableFile(path: string): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true });
    await access(dirname(path), constants.W_OK | constants.X_OK);
    if ((await stat(path).catch(() => undefined))?.isDirectory())
      throw Object.assign(new Error("is a directory"), { code: "EISDIR" });
  } catch (error) {
    throw describeWriteError(path, error);
  }
}

/** Turns ENOSPC, EACCES and the like into an error that says what to do. */
export function describeWriteError(path: string, error: unknown): unknown {
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  if (code === "ENOSPC" || code === "EDQUOT" || code === "EFBIG")
    return new IlabError({
      code: "DISK_FULL",
      message: `no space left while writing ${path}`,
      hint: "Free some space, or choose another place with the command's output option. What was finished before is kept.",
      cause: error,
    });
  if (code === "EACCES" || code === "EPERM" || code === "EROFS")
    return new IlabError({
      code: "NOT_WRITABLE",
      message: `cannot write ${path}: permission denied`,
      hint: "Choose a directory that you may write to.",
      cause: error,
    });
  if (code === "EISDIR")
    return new IlabError({
      code: "NOT_WRITABLE",
      message: `cannot write ${path}: a directory stands there`,
      hint: "Give the name of a file.",
      cause: error,
    });
  if (code === "ENOTDIR" || code === "EEXIST")
    return new IlabError({
      code: "NOT_WRITABLE",
      message: `cannot write ${path}: a file stands where a directory is needed`,
      hint: "Choose another place, or move that file away.",
      cause: error,
    });
  return error;
}

/** Rows as JSON lines; U+2028 and the like stay inside their line because only `\n` separates. */
export function toJsonLines(rows: Iterable<unknown>): string {
  let text = "";
  for (const row of rows) text += `${JSON.stringify(row)}\n`;
  return text;
}

/** A line longer than this is no row of data; it bounds the memory that one line may take. */
const MAX_LINE_BYTES = 64 * 1024 * 1024;

/** Streams a JSON-lines file; a bad line is an error that names file and line. */
export async function* readJsonLines(path: string): AsyncGenerator<unknown> {
  for await (const { value } of readNumberedJsonLines(path)) yield value;
}

/** As `readJsonLines`, each row with the number of its line; blank lines count. A byte order mark and CRLF are accepted. */
export async function* readNumberedJsonLines(path: string): AsyncGenerator<{ line: number; value: unknown }> {
  let line = 0;
  for await (const bytes of readLines(path)) {
    line += 1;
    const text = decodeLine(path, line, bytes);
    if (text.trim() === "") continue;
    try {
      yield { line, value: parseNotedJson(text) };
    } catch (cause) {
      throw new IlabError({
        code: "BAD_JSON_LINE",
        message: `${path}:${line}: not valid JSON: ${(cause as Error).message}`,
        hint: "Every line of the file must be one JSON object.",
        cause,
      });
    }
  }
}

/** The pieces between line feeds, as bytes: a character may lie across two reads. */
async function* readLines(path: string): AsyncGenerator<Buffer> {
  let pending: Buffer[] = [];
  let pendingBytes = 0;
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
    let start = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      yield Buffer.concat([...pending, chunk.subarray(start, end)]);
      pending = [];
      pendingBytes = 0;
      start = end + 1;
    }
    pending.push(chunk.subarray(start));
    pendingBytes += chunk.length - start;
    if (pendingBytes > MAX_LINE_BYTES)
      throw new IlabError({
        code: "LINE_TOO_LONG",
        message: `${path} has a line of more than ${MAX_LINE_BYTES / 1024 / 1024} MiB`,
        hint: "Is it a JSON-lines file, one object per line? Split a very long document into several rows.",
      });
  }
  if (pendingBytes > 0) yield Buffer.concat(pending);
}

function decodeLine(path: string, line: number, bytes: Buffer): string {
  try {
    // Skips a byte order mark.
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new IlabError({
      code: "NOT_UTF8",
      message: `${path}:${line}: the line is not UTF-8 text`,
      hint: "Save the file in the encoding UTF-8.",
      cause,
    });
  }
}
