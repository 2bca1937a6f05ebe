/** Seed examples from a file of their own: a YAML or JSON list as it stands in a `qna.yaml`, or a file that holds one as `seed_examples`. */
import { UsageError } from "../util/errors.ts";
import { parseYaml } from "./parse-yaml.ts";
import { readText } from "./read-text.ts";

export function readSeedExamples(file: string): unknown[] {
  const read = readText(file);
  if ("problem" in read) throw new UsageError(read.problem.message, read.problem.hint ?? "");
  const { yaml, problems } = parseYaml(read.text);
  if (yaml === undefined) {
    const { line, column, message, hint = "" } = problems[0]!;
    throw new UsageError(`${file}:${line}:${column}: ${message}`, hint);
  }
  const { value } = yaml;
  const list = Array.isArray(value) ? value : (value as { seed_examples?: unknown } | null)?.seed_examples;
  if (Array.isArray(list)) return list;
  throw new UsageError(`${file} holds no list of seed examples`, "Begin every example with '- '.");
}
