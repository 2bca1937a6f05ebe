/** A finding about one file before the file's name is known: an `Issue` without `file`, with the usual parts filled in. */
import type { Issue } from "../artifacts.ts";

export type Problem = Omit<Issue, "file">;

export interface Position {
  line: number;
  column: number;
}

/** Keys and indexes from the top of the document. */
export type YamlPath = readonly (string | number)[];

/** Where the file as a whole is meant. */
export const fileStart: Position = { line: 1, column: 1 };

export function problem(
  code: string,
  message: string,
  hint: string,
  position: Position = fileStart,
  path: YamlPath = [],
): Problem {
  return { ...position, severity: "error", code, path: formatYamlPath(path), message, hint };
}

/** What a file may stay as it is with: our own checks, which upstream does not make. */
export function warning(...finding: Parameters<typeof problem>): Problem {
  return { ...problem(...finding), severity: "warning" };
}

/** `["seed_examples", 0, "question"]` -> `seed_examples[0].question` */
export function formatYamlPath(path: YamlPath): string {
  return path.reduce<string>(
    (text, part) => (typeof part === "number" ? `${text}[${part}]` : text === "" ? part : `${text}.${part}`),
    "",
  );
}
