/**
 * The tree of a document -> plain values. Dates and the like are symbols: nothing that JSON Schema takes for
 * text, number or mapping. What PyYAML refuses (unknown tags, dates that do not exist, lists as keys) is refused.
 */
import { type MappingNode, type Node, type ScalarNode, TAG_PREFIX } from "./node.ts";
import { timestamp } from "./resolve-tag.ts";
import { YamlError } from "./token.ts";

/** A leaf needs no aliases; a few are fine, a bomb is not. Counts every value as often as it is reached. */
const MAX_VALUES = 200_000;

export interface ConstructOptions {
  /** Every plain word is text. */
  isTextOnly?: boolean;
}

/** Throws `YamlError`. */
export function constructYaml(root: Node | undefined, { isTextOnly = false }: ConstructOptions = {}): unknown {
  if (root === undefined) return null;
  refuseBombs(root);
  const done = new Map<Node, unknown>();
  const build = (node: Node): unknown => {
    const known = done.get(node);
    if (known !== undefined) return known;
    const value = node.kind === "scalar" ? scalar(node, isTextOnly) : collection(node, build);
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
    if (known === 0)
      throw new YamlError(
        node.start,
        "an alias refers to the very list or mapping that it stands in",
        aliasHint,
        "too-many-aliases",
      );
    if (known !== undefined) return known;
    sizes.set(node, 0);
    let size = 1;
    if (node.kind === "sequence") for (const item of node.items) size += sizeOf(item);
    else for (const { key, value } of node.pairs) size += sizeOf(key) + sizeOf(value);
    if (size > MAX_VALUES)
      throw new YamlError(
        node.start,
        `aliases make more than ${MAX_VALUES} values of this`,
        aliasHint,
        "too-many-aliases",
      );
    sizes.set(node, size);
    return size;
  };
  sizeOf(root);
}

const aliasHint = "Write texts out instead of using & and *.";

function collection(node: Exclude<Node, ScalarNode>, build: (node: Node) => unknown): unknown {
  const name = shortTag(node.tag);
  if (node.kind === "sequence") {
    const items = node.items.map(build);
    if (name === "seq" || name === "omap" || name === "pairs") return items;
  } else {
    const value = mapping(node, build);
    if (name === "map") return value;
    if (name === "set") return Symbol.for("a set");
  }
  throw unknownTag(node);
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
      if (isDate(text)) return Symbol.for("a date");
      throw new YamlError(
        node.start,
        `'${text}' looks like a date, but there is no such date`,
        `Put it in quotes: "${text}".`,
      );
    case "binary":
      // Whatever is no digit of it is skipped.
      if (/^\p{ASCII}*$/u.test(text)) return Symbol.for("binary data");
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
  if (/^0[0-7]*$/.test(digits)) return sign * Number.parseInt(digits, 8);
  if (digits.includes(":")) return sign * sexagesimal(digits);
  return /^[0-9]+$/.test(digits) ? sign * Number(digits) : undefined;
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

function isDate(text: string): boolean {
  const match = timestamp.exec(text);
  if (match === null) return false;
  const [year, month, day, hour = 0, minute = 0, second = 0, offsetHours = 0] = match
    .slice(1, 8)
    .map((part) => Number(part ?? 0));
  if (year! < 1 || month! < 1 || month! > 12 || day! < 1 || day! > new Date(Date.UTC(2000, month!, 0)).getUTCDate())
    return false;
  const isLeap = year! % 4 === 0 && (year! % 100 !== 0 || year! % 400 === 0);
  if (month === 2 && day === 29 && !isLeap) return false;
  return hour < 24 && minute < 60 && second < 60 && offsetHours < 24;
}
