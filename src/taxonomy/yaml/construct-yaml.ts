/**
 * The tree of a document -> plain values. Dates and the like are symbols: nothing that JSON Schema takes for
 * text, number or mapping. What PyYAML refuses (unknown tags, dates that do not exist, lists as keys) is refused.
 */
import { type MappingNode, type Node, type ScalarNode, type SequenceNode, TAG_PREFIX } from "./node.ts";
import { otherValue } from "./other-value.ts";
import { readBase64 } from "./read-base64.ts";
import { readTimestamp } from "./read-timestamp.ts";
import { YamlError } from "./token.ts";

/** A leaf needs no aliases; a few are fine, a bomb is not. Counts every value as often as it is reached. */
const MAX_VALUES = 200_000;

export interface ConstructOptions {
  /** Every plain word is text. */
  isTextOnly?: boolean;
}

type Collection = SequenceNode | MappingNode;

/** What an alias to something around it gives. No schema asks for lists inside of lists, so that it never matters what stands there. */
const ITSELF = otherValue("a list or mapping that stands in itself", "*");

/** Throws `YamlError`. */
export function constructYaml(root: Node | undefined, { isTextOnly = false }: ConstructOptions = {}): unknown {
  if (root === undefined) return null;
  refuseBombs(root);
  const done = new Map<Node, unknown>();
  const build = (node: Node): unknown => {
    const known = done.get(node);
    if (known !== undefined) return known;
    const text = scalarOf(node);
    if (text === undefined) done.set(node, ITSELF);
    const value = text === undefined ? collection(node as Collection, build) : scalar(text, isTextOnly);
    done.set(node, value);
    return value;
  };
  return build(root);
}

function refuseBombs(root: Node): void {
  const sizes = new Map<Node, number>();
  const sizeOf = (node: Node): number => {
    if (node.kind === "scalar") return 1;
    const known = sizes.get(node);
    if (known !== undefined) return known;
    sizes.set(node, 1);
    let size = 1;
    if (node.kind === "sequence") for (const item of node.items) size += sizeOf(item);
    else for (const { key, value } of node.pairs) size += sizeOf(key) + sizeOf(value);
    if (size > MAX_VALUES)
      throw new YamlError(
        node.start,
        `aliases make more than ${MAX_VALUES} values of this`,
        "Write texts out instead of using & and *.",
        "too-many-aliases",
      );
    sizes.set(node, size);
    return size;
  };
  sizeOf(root);
}

const scalarKinds = new Set(["str", "null", "bool", "int", "float", "binary"]);

/** A mapping that is called text has its text under `=`. */
function scalarOf(node: Node): ScalarNode | undefined {
  const seen = new Set<Node>();
  let found: Node | undefined = node;
  while (found?.kind === "mapping" && scalarKinds.has(shortTag(node.tag)) && !seen.has(found)) {
    seen.add(found);
    found = found.pairs.find(({ key }) => key.tag === `${TAG_PREFIX}value`)?.value;
  }
  return found?.kind === "scalar" ? { ...found, start: node.start, tag: node.tag } : undefined;
}

function collection(node: Collection, build: (node: Node) => unknown): unknown {
  const name = shortTag(node.tag);
  if (node.kind === "sequence") {
    if (name === "omap" || name === "pairs") return node.items.map((item) => pair(item, build));
    if (name === "seq") return node.items.map(build);
  } else {
    if (name === "map") return mapping(node, build);
    if (name === "set") {
      const names = Object.keys(mapping(node, build)).sort();
      return otherValue("a set", names.length === 0 ? "" : JSON.stringify(names));
    }
  }
  throw unknownTag(node);
}

function pair(node: Node, build: (node: Node) => unknown): [name: unknown, value: unknown] {
  if (node.kind !== "mapping" || node.pairs.length !== 1)
    throw new YamlError(
      node.start,
      "an entry of an ordered mapping must be a single 'name: value'",
      "Remove '!!omap' or '!!pairs'.",
      "yaml-tag",
    );
  const { key, value } = node.pairs[0]!;
  return [build(key), build(value)];
}

function mapping(node: MappingNode, build: (node: Node) => unknown): Record<string, unknown> {
  const value: Record<string, unknown> = {};
  for (const { key, value: child } of mergedPairs(node)) {
    if (key.kind !== "scalar")
      throw new YamlError(
        key.start,
        "a list or mapping cannot be the name of a value",
        "Put text that begins with '[' or '{' in quotes.",
      );
    // The sign for a default value is text where it is a name.
    const name = key.tag === `${TAG_PREFIX}value` ? key.text : build(key);
    const word = typeof name === "symbol" ? key.text : String(name);
    // No schema knows these names, and whoever compares objects calls what stands under them.
    value[word in Object.prototype ? `${word} ` : word] = build(child);
  }
  return value;
}

/** `<<` takes over the entries of other mappings; an entry of one's own, and of the earlier mapping, wins. */
export function mergedPairs(node: MappingNode, seen = new Set<MappingNode>()): MappingNode["pairs"] {
  if (!node.pairs.some(({ key }) => key.tag === `${TAG_PREFIX}merge`)) return node.pairs;
  const merged: MappingNode["pairs"] = [];
  const own: MappingNode["pairs"] = [];
  for (const pair of node.pairs) {
    if (pair.key.tag !== `${TAG_PREFIX}merge`) {
      own.push(pair);
      continue;
    }
    const { value } = pair;
    const sources = value.kind === "sequence" ? value.items.toReversed() : [value];
    for (const source of sources) {
      if (source.kind !== "mapping" || seen.has(source))
        throw new YamlError(
          pair.key.start,
          "'<<' takes over the entries of a mapping, and this is none",
          "Put '<<' in quotes if it is text.",
        );
      merged.push(...mergedPairs(source, new Set([...seen, node])));
    }
  }
  return [...merged, ...own];
}

function scalar(node: ScalarNode, isTextOnly: boolean): unknown {
  const { text } = node;
  const name = shortTag(node.tag);
  if (isTextOnly) return text;
  let moment: string | undefined;
  let digits: string | undefined;
  switch (name) {
    case "str":
      return text;
    case "null":
      return null;
    case "bool": {
      const word = text.toLowerCase();
      if (["yes", "true", "on"].includes(word)) return true;
      if (["no", "false", "off"].includes(word)) return false;
      break;
    }
    case "int": {
      const number = toInteger(text);
      if (number !== undefined) return number;
      break;
    }
    case "float": {
      const number = toFloat(text);
      if (number !== undefined) return number;
      break;
    }
    case "timestamp":
      moment = readTimestamp(text);
      if (moment !== undefined) return otherValue("a date", moment);
      throw new YamlError(
        node.start,
        `'${text}' looks like a date, but there is no such date`,
        `Put it in quotes: "${text}".`,
      );
    case "binary":
      digits = readBase64(text);
      if (digits !== undefined) return otherValue("binary data", digits);
      break;
    case "value":
      throw new YamlError(node.start, "a single '=' has a meaning of its own in YAML", 'Put it in quotes: "=".');
    case "merge":
      // As a value it is text without a type of its own.
      throw new YamlError(node.start, "'<<' has a meaning of its own in YAML", 'Put it in quotes: "<<".');
  }
  throw unknownTag(node);
}

function shortTag(tag: string): string {
  return tag.startsWith(TAG_PREFIX) ? tag.slice(TAG_PREFIX.length) : `!${tag}`;
}

function unknownTag({ start, tag }: Node): YamlError {
  return new YamlError(
    start,
    `'${tag.replace(TAG_PREFIX, "!!")}' is not a kind of value that can be read, or does not fit what follows`,
    "Remove the word that begins with '!', or put the text in quotes.",
    "yaml-tag",
  );
}

function toInteger(text: string): number | undefined {
  const plain = text.replaceAll("_", "");
  const sign = plain.startsWith("-") ? -1 : 1;
  const digits = plain.replace(/^[-+]/, "");
  if (/^0b[01]+$/.test(digits)) return sign * Number.parseInt(digits.slice(2), 2);
  if (/^0x[0-9a-fA-F]+$/.test(digits)) return sign * Number.parseInt(digits.slice(2), 16);
  if (/^0(?:[oO](?=[0-7]))?[0-7]*$/.test(digits)) return sign * Number.parseInt(digits.replace(/o/i, ""), 8);
  if (digits.includes(":")) return sign * sexagesimal(digits);
  return /^\s*[0-9]+\s*$/.test(digits) ? sign * Number(digits) : undefined;
}

function toFloat(text: string): number | undefined {
  const plain = text.replaceAll("_", "").toLowerCase();
  const sign = plain.startsWith("-") ? -1 : 1;
  const digits = plain.replace(/^[-+]/, "");
  if (digits === ".inf") return sign * Number.POSITIVE_INFINITY;
  if (digits === ".nan") return Number.NaN;
  if (digits.includes(":")) return sign * sexagesimal(digits);
  return /^(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[-+]?[0-9]+)?$/.test(digits) ? sign * Number(digits) : undefined;
}

/** `1:30` is ninety. */
function sexagesimal(digits: string): number {
  return digits.split(":").reduce((sum, part) => sum * 60 + Number(part), 0);
}
