/** Reads rows from a teacher's answer: between tags, or by a pattern of one's own. Upstream's rules, with its defects mended. */
import { z } from "zod";
import { boundedMatches } from "../../util/bounded-matches.ts";
import { pythonPattern } from "../../util/python-pattern.ts";
import { pipelineError } from "../files/read-yaml-file.ts";

/** A pattern that takes longer for one answer backtracks without end. */
const PATTERN_TIMEOUT_MS = 500;

export const parserSchema = z.strictObject({
  parser_name: z.literal("custom", { error: `parser_name must be "custom"` }),
  /** Python's syntax; each group is a column. */
  parsing_pattern: z.string(),
  parser_cleanup_tags: z.array(z.string()).nullish(),
});

export interface AnswerReader {
  /** Values of the wanted columns, one entry per row found. */
  read(text: string): Record<string, string>[];
  /** Why nothing was found, in words that are the same for like answers. */
  objection(text: string): string;
}

export interface Tags {
  start_tags: readonly string[];
  end_tags: readonly string[];
}

/**
 * Text between each column's tags: both empty, the whole answer; only the end tag empty, up to the next start tag. As many rows as the column
 * with the fewest findings has. `place` names the file in errors.
 */
export function tagReader(tags: Tags, columns: readonly string[], place: string): AnswerReader {
  const { start_tags: starts, end_tags: ends } = tags;
  if (starts.length < columns.length || ends.length < columns.length)
    throw pipelineError(
      `${place}: start_tags (${starts.length}) and end_tags (${ends.length}) must have an entry for each of output_cols: ${columns.join(", ")}`,
      'Empty tags ("") take the whole answer; parser_kwargs with a parsing_pattern needs none.',
    );
  const find = (text: string) => columns.map((_, index) => between(text, starts[index]!, ends[index]!, starts));
  return {
    read: (text) => rowsOf(columns, find(text)),
    objection(text) {
      const index = find(text).findIndex((list) => list.length === 0);
      if (index < 0) return "all parts of the answer are empty";
      return text.includes(starts[index]!)
        ? `the answer has no ${ends[index]} behind its ${starts[index]}`
        : `the answer has no ${starts[index]}`;
    },
  };
}

function between(text: string, start: string, end: string, allStarts: readonly string[]): string[] {
  if (start === "" && end === "") return [text.trim()];
  const found: string[] = [];
  for (let from = 0; ; ) {
    const open = text.indexOf(start, from);
    if (open < 0) return found;
    const inner = open + start.length;
    const close = end === "" ? nextOf(text, inner, allStarts) : text.indexOf(end, inner);
    if (close < 0) return found;
    found.push(text.slice(inner, close).trim());
    from = Math.max(close + end.length, inner);
    if (end === "" && close >= text.length) return found;
  }
}

function nextOf(text: string, from: number, tags: readonly string[]): number {
  const places = tags.filter((tag) => tag !== "").map((tag) => text.indexOf(tag, from));
  return Math.min(text.length, ...places.filter((place) => place >= 0));
}

/** One row per match of the pattern; groups are the columns, without the clean-up tags. */
export function patternReader(
  { parsing_pattern, parser_cleanup_tags }: Omit<z.infer<typeof parserSchema>, "parser_name">,
  columns: readonly string[],
  place: string,
): AnswerReader {
  let pattern: RegExp;
  try {
    pattern = pythonPattern(parsing_pattern);
  } catch (cause) {
    throw pipelineError(`${place}: parsing_pattern: ${(cause as Error).message}`, undefined, cause);
  }
  const groups = new RegExp(`${pattern.source}|`, pattern.flags).exec("")!.length - 1;
  if (Math.max(1, groups) < columns.length)
    throw pipelineError(
      `${place}: parsing_pattern has ${groups} groups for ${columns.length} output_cols: ${columns.join(", ")}`,
      "Every column needs a group in round brackets.",
    );
  const tags = parser_cleanup_tags ?? [];
  const clean = (text: string) => tags.reduce((rest, tag) => rest.replaceAll(tag, ""), text.trim()).trim();
  /** The last answer that took too long, so that it need not take as long again to say so. */
  let endless: string | undefined;
  return {
    read(text) {
      const matches = boundedMatches(text, pattern, PATTERN_TIMEOUT_MS);
      if (matches === undefined) {
        endless = text;
        return [];
      }
      return rowsOf(
        columns,
        columns.map((_, index) => matches.map((match) => clean(match[groups > 0 ? index + 1 : 0] ?? ""))),
      );
    },
    objection: (text) =>
      text === endless
        ? `parsing_pattern took more than ${PATTERN_TIMEOUT_MS} ms for the answer`
        : "nothing in the answer fits parsing_pattern",
  };
}

/** Rows without a single value are none. */
function rowsOf(columns: readonly string[], lists: readonly string[][]): Record<string, string>[] {
  const count = Math.min(...lists.map((list) => list.length));
  return Array.from({ length: count }, (_, row) =>
    Object.fromEntries(columns.map((column, index) => [column, lists[index]![row]!])),
  ).filter((values) => Object.values(values).some((value) => value !== ""));
}
