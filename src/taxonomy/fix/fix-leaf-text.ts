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
import { applyEdits } from "./apply-edits.ts";
import { fixSpacing } from "./fix-spacing.ts";
import { reindent } from "./reindent.ts";

export interface FixedText {
  text: string;
  /** What was done, in the order in which it was. */
  steps: string[];
}

interface Step {
  name: string;
  /** `yaml` is absent where the text cannot be read. */
  apply(text: string, yaml: PositionedValue | undefined, folder: TaxonomyFolder): string;
  /** How what the file says may differ afterwards; not at all where this is left out. */
  mayChange?: "blanks" | "values";
}

/** What cannot be read in the end either stays as it was. */
export function fixLeafText(source: string, folder: TaxonomyFolder): FixedText {
  let text = source;
  let { yaml } = parseYaml(text);
  const steps: string[] = [];
  const withoutBlanks = blankRemover();
  const isSame = (before: PositionedValue, after: PositionedValue, mayChange: Step["mayChange"]) => {
    const [one, other] = [before.value, after.value];
    if (mayChange === "values") return true;
    return mayChange === "blanks"
      ? isDeepStrictEqual(withoutBlanks(one), withoutBlanks(other))
      : isDeepStrictEqual(one, other);
  };
  for (const { name, apply, mayChange } of plan) {
    const next = apply(text, yaml, folder);
    if (next === text) continue;
    const { yaml: after } = parseYaml(next);
    // A text that could not be read at all has nothing to lose.
    if (yaml !== undefined && (after === undefined || !isSame(yaml, after, mayChange))) continue;
    text = next;
    yaml = after;
    steps.push(name);
  }
  return yaml === undefined ? { text: source, steps: [] } : { text, steps };
}

/** Blanks at the ends of lines and blank lines are not what anybody wants to say. */
function blankRemover(): (value: unknown) => unknown {
  // An alias may name one long text thousands of times.
  const known = new Map<string, string>();
  const remove = (value: unknown): unknown => {
    if (typeof value === "string") {
      const short = known.get(value) ?? value.replace(/[ \t\n]+/g, " ").replace(/^ | $/g, "");
      known.set(value, short);
      return short;
    }
    if (Array.isArray(value)) return value.map(remove);
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([name, one]) => [remove(name), remove(one)]));
  };
  return remove;
}

const readable =
  (change: (yaml: PositionedValue, folder: TaxonomyFolder) => string): Step["apply"] =>
  (text, yaml, folder) =>
    yaml === undefined ? text : change(yaml, folder);

const plan: readonly Step[] = [
  { name: "line ends", apply: (text) => text.replace(/\r\n?/g, "\n") },
  { name: "tabs at the beginning of lines", apply: withoutTabs },
  { name: "blanks at the ends of lines", apply: withoutTrailingBlanks, mayChange: "blanks" },
  {
    name: "blank lines",
    apply: (text) =>
      text
        .replace(/^\n+/, "")
        .replace(/\n{4,}/g, "\n\n\n")
        .replace(/\n{2,}$/, "\n"),
    mayChange: "blanks",
  },
  // A text behind `|` at the very end gains or loses its last line break, which no trainer sees.
  {
    name: "end of the last line",
    apply: (text) => (/[^\n]$/.test(text) ? `${text}\n` : text),
    mayChange: "blanks",
  },
  {
    name: "quotes around words that YAML reads as something else",
    apply: readable(withQuotes),
    mayChange: "values",
  },
  { name: "version", apply: readable(withVersion), mayChange: "values" },
  { name: "blanks around signs", apply: readable(fixSpacing) },
  { name: "indentation", apply: readable(reindent) },
];

/** A line ends with a line feed here; the other breaks of YAML stand inside of texts. */
function withoutTrailingBlanks(text: string): string {
  const lines = text.split("\n").map((line) => {
    let end = line.length;
    while (line[end - 1] === " " || line[end - 1] === "\t") end -= 1;
    return line.slice(0, end);
  });
  return lines.join("\n");
}

/** Every line that a tab makes unreadable costs one more reading of the text up to there. */
const MAX_READ_FOR_TABS = 20_000_000;

/** Where a tab makes the text unreadable, two blanks for each. */
function withoutTabs(text: string): string {
  let result = text;
  for (let left = MAX_READ_FOR_TABS; left > 0; left -= text.length) {
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
      .filter(({ code, path }) => code === "wrong-type" && path !== "" && path !== "version")
      .map(({ line, column }) => `${line}:${column}`),
  );
  const words = scalarsOf(yaml.root).filter(({ start, tag }) => {
    const { line, column } = yaml.lines.positionAt(start);
    const isTyped = ["bool", "int", "float", "timestamp"].some((kind) => tag === TAG_PREFIX + kind);
    return isTyped && wanted.has(`${line}:${column}`);
  });
  const { text } = yaml.lines;
  const edits = words.map(({ start, end }) => ({ start, end, words: `"${text.slice(start, end)}"` }));
  return applyEdits(
    text,
    edits.toSorted((a, b) => a.start - b.start),
  );
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
  const { root, value: content } = yaml;
  if (root?.kind !== "mapping" || typeof content !== "object") return text;
  if (leafVersion(content as Record<string, unknown>) === undefined) return text;
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
