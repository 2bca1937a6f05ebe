/**
 * YAML text -> plain value in which every part can be found again by line and column. YAML 1.1, because taxonomies are read as
 * such elsewhere: an unquoted `yes`, `2024-01-01` or `1:30` is no text there, and must not silently be one here.
 */
import {
  type Document,
  isAlias,
  isCollection,
  isMap,
  isNode,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
  type Scalar,
  type Tags,
  visit,
} from "yaml";
import { fileStart, type Position, type Problem, problem, type YamlPath } from "./problem.ts";

/** A leaf needs no aliases; a few are fine, a bomb is not. Counted as the parser counts: references times their size. */
const MAX_ALIAS_COUNT = 100;
/** A leaf nests four levels deep. The parser calls itself for every level and can end the whole process. */
const MAX_NESTING = 1000;
/** After a few syntax errors the rest only follow from the first ones. */
const MAX_SYNTAX_PROBLEMS = 5;

export interface PositionedValue {
  value: unknown;
  /** Where the value (or, for `key`, its key) stands; the nearest thing around it when it is not there. */
  locate(path: YamlPath, part?: "value" | "key"): Position;
  /** The text that a value was read from, on one line; empty when it has none. */
  sourceOf(path: YamlPath): string;
}

export interface ParseYamlOptions {
  /** Every plain word is text (`1482`, `yes`): for files that hold nothing but text. Default: YAML 1.1 types. */
  isTextOnly?: boolean;
}

export type ParseYamlResult = { yaml: PositionedValue; problems: [] } | { yaml?: undefined; problems: Problem[] };

export function parseYaml(text: string, { isTextOnly = false }: ParseYamlOptions = {}): ParseYamlResult {
  if (isNestedTooDeeply(text))
    return { problems: [problem("nested-too-deeply", `more than ${MAX_NESTING} levels of nesting`, simplerHint)] };
  const lineCounter = new LineCounter();
  const positionAt = (offset: number): Position => {
    const { line, col } = lineCounter.linePos(offset);
    return line === 0 ? fileStart : { line, column: col };
  };
  let document: Document.Parsed;
  try {
    document = parseDocument(text, {
      lineCounter,
      version: "1.1",
      ...(isTextOnly ? { schema: "failsafe" } : { customTags: asPyYaml }),
      prettyErrors: false,
      // Found below instead: the parser's own search compares every key with every other.
      uniqueKeys: false,
    });
  } catch (error) {
    return { problems: [problem("yaml-syntax", `cannot be parsed: ${(error as Error).message}`, simplerHint)] };
  }
  const problems = syntaxProblems([...document.errors, ...document.warnings], text, positionAt);
  if (problems.length === 0)
    problems.push(...duplicateKeys(document, positionAt), ...unresolvedAliases(document, positionAt));
  if (problems.length > 0) return { problems };
  try {
    const value: unknown = document.toJS({ maxAliasCount: MAX_ALIAS_COUNT });
    return { yaml: { value, ...createLocator(document, text, positionAt) }, problems: [] };
  } catch (error) {
    return {
      problems: [problem("too-many-aliases", (error as Error).message, "Write texts out instead of using & and *.")],
    };
  }
}

const simplerHint = "Write plain entries of the form 'name: text' and '- name: text'.";

/**
 * The parser takes more words for something other than text than PyYAML, which taxonomies meet elsewhere: `y`, `1e3`, `08`,
 * `2024-1-1`. Its patterns are narrowed to PyYAML's; capturing groups stay as they are.
 */
function asPyYaml(tags: Tags): Tags {
  return tags.map((tag) => {
    if (typeof tag !== "object" || !("test" in tag) || !(tag.test instanceof RegExp)) return tag;
    const { source } = tag.test;
    const kind = `${tag.tag.replace("tag:yaml.org,2002:", "")} ${tag.format ?? ""}`.trim();
    if (kind === "bool") return { ...tag, test: new RegExp(source.replace(/[YN]\|[yn]\|/, "")) };
    if (kind === "int") return { ...tag, test: /^[-+]?(?:0|[1-9][0-9_]*)$/ };
    if (kind === "float EXP") return { ...tag, test: /^[-+]?[0-9][0-9_]*\.[0-9_]*[eE][-+][0-9]+$/ };
    if (kind === "timestamp") return { ...tag, test: new RegExp(`(?!^\\d{4}-(?:\\d-\\d{1,2}|\\d\\d-\\d)$)${source}`) };
    return tag;
  }) as Tags;
}

function isNestedTooDeeply(text: string): boolean {
  let depth = 0;
  for (const character of text) {
    if (character === "[" || character === "{") depth += 1;
    else if (character === "]" || character === "}") depth = Math.max(0, depth - 1);
    if (depth > MAX_NESTING) return true;
  }
  return new RegExp(`(?:[-?:][ \\t]+){${MAX_NESTING}}`).test(text);
}

/** The parser's findings in the words of somebody who does not know YAML's grammar. */
const syntaxWords: Record<string, { code: string; message: string; hint: string }> = {
  TAB_AS_INDENT: {
    code: "tab-indentation",
    message: "a tab is used for indentation",
    hint: "Replace tabs at the beginning of lines by spaces.",
  },
  MULTIPLE_DOCS: {
    code: "multiple-documents",
    message: "the file holds more than one YAML document",
    hint: "Remove the line '---' that begins the second one, or move that part to a file of its own.",
  },
  BLOCK_AS_IMPLICIT_KEY: {
    code: "yaml-syntax",
    message: "a second 'name: value' on the same line, or a line indented further than the one it belongs to",
    hint: 'Put text that contains ": " in quotes, and indent the lines of one entry equally.',
  },
  BAD_SCALAR_START: {
    code: "yaml-syntax",
    message: "plain text cannot begin with this character",
    hint: "Put the text in quotes.",
  },
  TAG_RESOLVE_FAILED: {
    code: "yaml-tag",
    message: "tags (words that begin with '!') are not supported",
    hint: "Remove the tag, or put the text in quotes.",
  },
  BAD_ALIAS: {
    code: "yaml-syntax",
    message: "plain text cannot begin with '*' or '&'",
    hint: 'Put the text in quotes, as in "*.md".',
  },
};

/** One finding a line; where tabs are the trouble, everything else only follows from them. */
function syntaxProblems(
  errors: readonly { code: string; message: string; pos: [number, number] }[],
  text: string,
  positionAt: (offset: number) => Position,
): Problem[] {
  const lines = errors.length > 0 ? text.split("\n") : [];
  const found = errors.map(({ code, message, pos }) => {
    const position = positionAt(pos[0]);
    // The parser may take a tab for a space inside a text and complain about what comes next.
    const isTab = code === "TAB_AS_INDENT" || /^ *\t/.test(lines[position.line - 1] ?? "");
    return isTab
      ? syntaxProblem("TAB_AS_INDENT", message, { line: position.line, column: 1 })
      : syntaxProblem(code, message, position);
  });
  const tabs = found.filter(({ code }) => code === "tab-indentation");
  const byLine = new Map<number, Problem>();
  for (const one of tabs.length > 0 ? tabs : found) if (!byLine.has(one.line)) byLine.set(one.line, one);
  return [...byLine.values()].slice(0, MAX_SYNTAX_PROBLEMS);
}

function syntaxProblem(parserCode: string, parserMessage: string, position: Position): Problem {
  const words = syntaxWords[parserCode];
  if (words !== undefined) return problem(words.code, words.message, words.hint, position);
  return problem(
    "yaml-syntax",
    `not valid YAML: ${parserMessage}`,
    "Check quotes and indentation on this line and the one before it.",
    position,
  );
}

function duplicateKeys(document: Document.Parsed, positionAt: (offset: number) => Position): Problem[] {
  const problems: Problem[] = [];
  visit(document, {
    Map(_, map) {
      const firstLines = new Map<string, number>();
      for (const { key } of map.items) {
        if (!isScalar(key)) continue;
        const name = keyName(key);
        const position = positionAt(key.range?.[0] ?? 0);
        const firstLine = firstLines.get(name);
        if (firstLine === undefined) firstLines.set(name, position.line);
        else if (problems.length < MAX_SYNTAX_PROBLEMS)
          problems.push(
            problem(
              "duplicate-key",
              `'${name}' was already given on line ${firstLine}`,
              "Keep one of the two; a list of entries needs '- ' before each.",
              position,
              [name],
            ),
          );
      }
    },
  });
  return problems;
}

/** The parser gives the merge key as a symbol. */
function keyName({ value }: Scalar): string {
  return typeof value === "symbol" ? "<<" : String(value);
}

/** `- *.md` without quotes is a reference to an anchor that nobody set. */
function unresolvedAliases(document: Document.Parsed, positionAt: (offset: number) => Position): Problem[] {
  const problems: Problem[] = [];
  const anchors = new Set<string>();
  visit(document, {
    Node(_, node) {
      if (!isAlias(node) && node.anchor) anchors.add(node.anchor);
    },
    Alias(_, node) {
      if (!anchors.has(node.source) && problems.length < MAX_SYNTAX_PROBLEMS)
        problems.push(
          problem(
            "unknown-alias",
            `'*${node.source}' refers to a place of the file that does not exist`,
            `Put text that begins with '*' in quotes: "*${node.source}".`,
            positionAt(node.range?.[0] ?? 0),
          ),
        );
    },
  });
  return problems;
}

function createLocator(document: Document.Parsed, text: string, positionAt: (offset: number) => Position) {
  const find = (path: YamlPath): { key?: Node; value?: Node; isExact: boolean } => {
    let found: { key?: Node; value?: Node } = { value: document.contents ?? undefined };
    for (const part of path) {
      const inside = childOf(found.value, part, document);
      if (inside === undefined) return { ...found, isExact: false };
      found = inside;
    }
    return { ...found, isExact: true };
  };
  return {
    locate(path: YamlPath, part: "value" | "key" = "value"): Position {
      const { key, value } = find(path);
      // A list or mapping is announced by its key; an entry without a value has only its key.
      const preferKey = part === "key" || isCollection(value) || (isScalar(value) && !value.source);
      const node = preferKey ? (key ?? value) : (value ?? key);
      return positionAt(node?.range?.[0] ?? 0);
    },
    sourceOf(path: YamlPath): string {
      const { value, isExact } = find(path);
      return isExact && value?.range ? text.slice(value.range[0], value.range[1]).trim().replace(/\s+/g, " ") : "";
    },
  };
}

function childOf(
  parent: Node | undefined,
  part: string | number,
  document: Document.Parsed,
): { key?: Node; value?: Node } | undefined {
  const node = isAlias(parent) ? parent.resolve(document) : parent;
  if (isSeq(node)) {
    const item = node.items[Number(part)];
    return isNode(item) ? { value: item } : undefined;
  }
  if (!isMap(node)) return undefined;
  const named = (name: string | number) =>
    node.items.find((pair: Pair) => isScalar(pair.key) && keyName(pair.key) === String(name));
  const pair = named(part);
  if (isPair(pair))
    return { key: isNode(pair.key) ? pair.key : undefined, value: isNode(pair.value) ? pair.value : undefined };
  const merged = named("<<")?.value;
  return isNode(merged) ? childOf(merged, part, document) : undefined;
}
