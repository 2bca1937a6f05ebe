/** Reads a small text file that somebody else wrote: size, kind and encoding are checked before anything looks inside. */
import { lstatSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import { type Problem, problem } from "./problem.ts";

/** More than ten times the longest file that contribution rules allow; parsing time and memory grow with the size. */
export const MAX_YAML_BYTES = 512 * 1024;

export type ReadTextResult = { text: string } | { problem: Problem };

/** Without waiting for other work: thousands of small files are read three times as fast so. */
export function readText(file: string): ReadTextResult {
  const name = basename(file);
  let bytes: Buffer;
  try {
    const status = lstatSync(file, { throwIfNoEntry: false });
    if (status === undefined) return notFound(name);
    if (!status.isFile())
      return {
        problem: problem(
          "not-a-file",
          `${name} is ${status.isDirectory() ? "a directory" : status.isSymbolicLink() ? "a link" : "not a regular file"}`,
          "Put the file itself here: what stands elsewhere is not part of the taxonomy.",
        ),
      };
    if (status.size > MAX_YAML_BYTES)
      return {
        problem: problem(
          "file-too-large",
          `${name} has ${status.size} bytes; the limit is ${MAX_YAML_BYTES}`,
          "Long texts belong into a document; split many examples over several leaves.",
        ),
      };
    bytes = readFileSync(file);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return notFound(name);
    return { problem: problem("file-not-readable", `${name} cannot be read: ${message}`, "Check who may read it.") };
  }
  try {
    return { text: new TextDecoder("utf-8", { fatal: true }).decode(bytes) };
  } catch {
    return {
      problem: problem(
        "not-utf-8",
        `${name} is not encoded in UTF-8`,
        "Open the file in an editor and save it with the encoding UTF-8.",
        { line: firstLineThatIsNotUtf8(bytes), column: 1 },
      ),
    };
  }
}

function notFound(name: string): ReadTextResult {
  return { problem: problem("file-not-found", `${name} does not exist`, "Check the path.") };
}

function firstLineThatIsNotUtf8(bytes: Buffer): number {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let start = 0;
  for (let line = 1; ; line++) {
    const end = bytes.indexOf(0x0a, start);
    try {
      // The line break itself is never part of a longer UTF-8 sequence, so each line can be judged alone.
      decoder.decode(bytes.subarray(start, end < 0 ? bytes.length : end));
    } catch {
      return line;
    }
    if (end < 0) return 1;
    start = end + 1;
  }
}
