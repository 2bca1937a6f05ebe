/** File helpers that never leave a half-written file under its final name. */
import { randomBytes } from "node:crypto";
import { createReadStream } from "node:fs";
import { type FileHandle, mkdir, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { createInterface } from "node:readline";
import { IlabError } from "./errors.ts";

/** Writes to a sibling `.part-…` file, flushes it, then renames: readers see the old content or the new, never a mixture. */
export async function writeFileAtomic(path: string, content: string | Uint8Array): Promise<void> {
  await writeAtomically(path, (file) => file.writeFile(content));
}

/** As `writeFileAtomic`, for content that is made piece by piece. */
export async function writeAtomically(path: string, write: (file: FileHandle) => Promise<void>): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const part = `${path}.part-${randomBytes(4).toString("hex")}`;
  try {
    const file = await open(part, "wx");
    try {
      await write(file);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(part, path);
  } catch (error) {
    await rm(part, { force: true });
    throw describeWriteError(path, error);
  }
}

/** Turns ENOSPC, EACCES and the like into an error that says what to do. */
export function describeWriteError(path: string, error: unknown): unknown {
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  if (code === "ENOSPC" || code === "EDQUOT")
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

/** Streams a JSON-lines file; a bad line is an error that names file and line. */
export async function* readJsonLines(path: string): AsyncGenerator<unknown> {
  const lines = createInterface({ input: createReadStream(path, "utf8"), crlfDelay: Number.POSITIVE_INFINITY });
  let number = 0;
  for await (const line of lines) {
    number += 1;
    if (line.trim() === "") continue;
    try {
      yield JSON.parse(line);
    } catch (cause) {
      throw new IlabError({
        code: "BAD_JSON_LINE",
        message: `${path}:${number}: not valid JSON: ${(cause as Error).message}`,
        hint: "Every line of the file must be one JSON object.",
        cause,
      });
    }
  }
}
