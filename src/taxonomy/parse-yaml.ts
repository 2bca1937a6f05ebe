/**
 * YAML text -> plain value in which every part can be found again by line and column. YAML 1.1, because taxonomies are read as
 * such elsewhere: an unquoted `yes`, `2024-01-01` or `1:30` is no text there, and must not silently be one here.
 */
import { type Position, type Problem, problem, type YamlPath } from "./problem.ts";
import { composeYaml } from "./yaml/compose-yaml.ts";
import { type ConstructOptions, constructYaml, mergedPairs } from "./yaml/construct-yaml.ts";
import type { MappingNode, Node } from "./yaml/node.ts";
import { type ScannedYaml, scanYaml } from "./yaml/scan-yaml.ts";
import { UNPRINTABLE } from "./yaml/text-cursor.ts";
import { TextLines } from "./yaml/text-lines.ts";
import { YamlError, type YamlFailure } from "./yaml/token.ts";

export interface PositionedValue {
  value: unknown;
  /** Where the value (or, for `key`, its key) stands; the nearest thing around it when it is not there. */
  locate(path: YamlPath, part?: "value" | "key"): Position;
  /** The text that a value was read from, on one line; empty when it has none. */
  sourceOf(path: YamlPath): string;
  /** What the value was read from; absent when the text holds nothing. */
  root?: Node;
  tokens: ScannedYaml["tokens"];
  comments: ScannedYaml["comments"];
  lines: TextLines;
}

export type ParseYamlResult = { yaml: PositionedValue; problems: [] } | { yaml?: undefined; problems: Problem[] };

/** The first thing that is no YAML ends the reading. A byte order mark was taken away by whoever read the file; another one is text. */
export function parseYaml(source: string, options: ConstructOptions = {}): ParseYamlResult {
  // Whatever a line ends with is a line feed to whoever reads a text file in Python.
  const text = source.includes("\r") ? source.replace(/\r\n?/g, "\n") : source;
  const lines = new TextLines(text);
  const fail = ({ offset, code, message, hint }: YamlFailure): ParseYamlResult => ({
    problems: [problem(code, message, hint, lines.positionAt(offset))],
  });
  const unprintable = findUnprintable(text);
  if (unprintable !== undefined) return fail(unprintable);
  const { tokens, comments, failure: scanFailure } = scanYaml(text);
  const { node, failure } = composeYaml(tokens, scanFailure);
  if (failure !== undefined) return fail(failure);
  try {
    const value = constructYaml(node, options);
    return { yaml: { value, root: node, tokens, comments, lines, ...createLocator(node, lines) }, problems: [] };
  } catch (error) {
    if (error instanceof YamlError) return fail(error.failure);
    throw error;
  }
}

function findUnprintable(text: string): YamlFailure | undefined {
  const offset = text.search(UNPRINTABLE);
  if (offset < 0) return undefined;
  const code = text.codePointAt(offset)!.toString(16).toUpperCase().padStart(4, "0");
  return {
    offset,
    code: "unprintable-character",
    message: `the character U+${code} is not allowed in YAML`,
    hint: "Remove it; it was probably copied along without being seen.",
  };
}

function createLocator(root: Node | undefined, lines: TextLines) {
  // A search from the top for every name would take time in the square of their number.
  const pairsByName = new Map<MappingNode, Map<string, { key: Node; value: Node }>>();
  const pairOf = (node: MappingNode, name: string) => {
    let pairs = pairsByName.get(node);
    if (pairs === undefined) {
      // Of two entries with one name the last one holds.
      pairs = new Map(mergedPairs(node).flatMap((pair) => (pair.key.kind === "scalar" ? [[pair.key.text, pair]] : [])));
      pairsByName.set(node, pairs);
    }
    return pairs.get(name);
  };
  const childOf = (parent: Node | undefined, part: string | number): { key?: Node; value: Node } | undefined => {
    if (parent?.kind === "mapping") return pairOf(parent, String(part));
    const item = parent?.kind === "sequence" ? parent.items[Number(part)] : undefined;
    return item === undefined ? undefined : { value: item };
  };
  const find = (path: YamlPath): { key?: Node; value?: Node; isExact: boolean } => {
    let found: { key?: Node; value?: Node } = { value: root };
    for (const part of path) {
      const inside = childOf(found.value, part);
      if (inside === undefined) return { ...found, isExact: false };
      found = inside;
    }
    return { ...found, isExact: true };
  };
  return {
    locate(path: YamlPath, part: "value" | "key" = "value"): Position {
      const { key, value } = find(path);
      // A list or mapping is announced by its key; an entry without a value has only its key.
      const preferKey = part === "key" || (value !== undefined && (value.kind !== "scalar" || value.isAbsent));
      const node = preferKey ? (key ?? value) : (value ?? key);
      return lines.positionAt(node?.start ?? 0);
    },
    sourceOf(path: YamlPath): string {
      const { value, isExact } = find(path);
      if (!isExact || value === undefined) return "";
      return lines.text.slice(value.start, value.end).trim().replace(/\s+/g, " ");
    },
  };
}
