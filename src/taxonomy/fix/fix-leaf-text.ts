/**
 * Mends what is only a matter of form in a `qna.yaml`: line ends, blanks, indentation, missing quotes, an old version. Comments stay, and a step
 * that would change what the file says is not taken.
 */
import { isDeepStrictEqual } from "node:util";
import { checkSchema } from "../check-schema.ts";
import type { TaxonomyFolder } from "../leaf-path.ts";
import { leafVersion } from "../leaf-version.ts";
import { type PositionedValue, parseYaml } from "../parse-yaml.ts";
import type { Node } from "../yaml/node.ts";
import { TAG_PREFIX } from "../yaml/node.ts";
import { fixSpacing } from "./fix-spacing.ts";
import { reindent } from "./reindent.ts";

export interface FixedText {
  text: string;
  /** What was done, in the order in which it was. */
  steps: string[];
}

interface Step {
  name: string;
  apply(text: string, folder: TaxonomyFolder): string;
  /** What the file says may differ afterwards by no more than this makes equal. */
  normalise?(value: unknown): unknown;
}

export function fixLeafText(source: string, folder: TaxonomyFolder): FixedText {
  let text = source;
  const steps: string[] = [];
  for (const { name, apply, normalise = (value: unknown) => value } of plan) {
    const next = apply(text, folder);
    if (next === text) continue;
    const before = parseYaml(text).yaml;
    const after = parseYaml(next).yaml;
    // A text that could not be read at all has nothing to lose.
    const isSafe =
      before === undefined ||
      (after !== undefined && isDeepStrictEqual(normalise(before.value), normalise(after.value)));
    if (!isSafe) continue;
    text = next;
    steps.push(name);
  }
  return { text, steps };
}

/** Blanks at the ends of lines and blank lines are not what anybody wants to say. */
function withoutBlanks(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value ?? null, (_, one) => (typeof one === "string" ? one.replace(/\s+/g, " ").trim() : one)),
  );
}

const readable =
  (change: (yaml: PositionedValue, folder: TaxonomyFolder) => string) => (text: string, folder: TaxonomyFolder) => {
    const { yaml } = parseYaml(text);
    return yaml === undefined ? text : change(yaml, folder);
  };

const plan: readonly Step[] = [
  { name: "line ends", apply: (text) => text.replace(/\r\n?/g, "\n") },
  { name: "tabs at the beginning of lines", apply: withoutTabs },
  { name: "blanks at the ends of lines", apply: (text) => text.replace(/[ \t]+$/gm, ""), normalise: withoutBlanks },
  {
    name: "blank lines",
    apply: (text) =>
      text
        .replace(/^\n+/, "")
        .replace(/\n{4,}/g, "\n\n\n")
        .replace(/\n{2,}$/, "\n"),
    normalise: withoutBlanks,
  },
  // A text behind `|` at the very end gains or loses its last line break, which no trainer sees.
  {
    name: "end of the last line",
    apply: (text) => (/[^\n]$/.test(text) ? `${text}\n` : text),
    normalise: withoutBlanks,
  },
  {
    name: "quotes around words that YAML reads as something else",
    apply: readable(withQuotes),
    normalise: () => undefined,
  },
  { name: "version", apply: readable(withVersion), normalise: () => undefined },
  { name: "blanks around signs", apply: readable(fixSpacing) },
  { name: "indentation", apply: readable(reindent) },
];

/** Where a tab makes the text unreadable, two blanks for each. */
function withoutTabs(text: string): string {
  let result = text;
  for (let tries = text.split("\n").length; tries > 0; tries--) {
    const [found] = parseYaml(result).problems;
    if (found?.code !== "tab-indentation") return result;
    const lines = result.split("\n");
    const line = lines[found.line - 1]!;
    lines[found.line - 1] = line.replace(/^[ \t]+/, (blanks) => blanks.replaceAll("\t", "  "));
    result = lines.join("\n");
  }
  return result;
}

/** Numbers, dates, `yes` and `no` where text is wanted. */
function withQuotes(yaml: PositionedValue, folder: TaxonomyFolder): string {
  const wanted = new Set(
    checkSchema(`v3/${folder}`, yaml)
      .filter(({ code, path }) => code === "wrong-type" && path !== "version")
      .map(({ line, column }) => `${line}:${column}`),
  );
  let { text } = yaml.lines;
  const words = scalarsOf(yaml.root).filter(({ start, tag }) => {
    const { line, column } = yaml.lines.positionAt(start);
    const isTyped = ["bool", "int", "float", "timestamp"].some((kind) => tag === TAG_PREFIX + kind);
    return isTyped && wanted.has(`${line}:${column}`);
  });
  for (const { start, end } of words.toSorted((a, b) => b.start - a.start))
    text = `${text.slice(0, start)}"${text.slice(start, end)}"${text.slice(end)}`;
  return text;
}

function scalarsOf(node: Node | undefined, seen = new Set<Node>()): Node[] {
  if (node === undefined || seen.has(node)) return [];
  seen.add(node);
  if (node.kind === "scalar") return [node];
  const children = node.kind === "sequence" ? node.items : node.pairs.map(({ value }) => value);
  return children.flatMap((child) => scalarsOf(child, seen));
}

/** `version: 3`, where the file then is what version 3 wants. */
function withVersion(yaml: PositionedValue, folder: TaxonomyFolder): string {
  const { text } = yaml.lines;
  const { root } = yaml;
  if (root?.kind !== "mapping" || leafVersion(yaml.value as Record<string, unknown>) === undefined) return text;
  const value = root.pairs.find(({ key }) => key.kind === "scalar" && key.text === "version")?.value;
  const isFine = value !== undefined && text.slice(value.start, value.end) === "3";
  if (isFine) return text;
  const changed =
    value === undefined
      ? `${text.slice(0, root.start)}version: 3\n${text.slice(root.start)}`
      : `${text.slice(0, value.start)}${value.start === value.end ? " " : ""}3${text.slice(value.end)}`;
  const after = parseYaml(changed).yaml;
  return after !== undefined && checkSchema(`v3/${folder}`, after).length === 0 ? changed : text;
}
