/** Filters that the template package lacks or does not do as jinja2 does them, over plain values. */
import { pythonText } from "../text/python-text.ts";
import { itemsOf, percentFormatted } from "./template-methods.ts";

type Filter = (value: unknown, args: unknown[], named: Record<string, unknown>) => unknown;

/** A number that is written with a fraction, also when it is whole. */
export class Float {
  readonly value: number;
  constructor(value: number) {
    this.value = value;
  }
}

export const ownFilters: Record<string, Filter> = {
  default: (value, args, named) => {
    const [other = "", evenIfEmpty = named["boolean"]] = args;
    return value === undefined || (evenIfEmpty && isEmpty(value)) ? (named["default_value"] ?? other) : value;
  },
  string: (value) => pythonText(value),
  join: (value, args, named) => {
    const attribute = named["attribute"] ?? args[1];
    const items = itemsOf(value).map((item) =>
      attribute === undefined ? item : (item as Record<string, unknown>)[String(attribute)],
    );
    return items.map(pythonText).join(pythonText(named["d"] ?? args[0] ?? ""));
  },
  length: (value) => (isRecord(value) ? Object.keys(value).length : itemsOf(value).length),
  first: (value) => nonEmpty(itemsOf(value), "first")[0],
  last: (value) => nonEmpty(itemsOf(value), "last").at(-1),
  list: (value) => (isRecord(value) ? Object.keys(value) : itemsOf(value)),
  reverse: (value) => (typeof value === "string" ? [...value].reverse().join("") : [...itemsOf(value)].reverse()),
  trim: (value, args, named) => {
    const characters = named["chars"] ?? args[0];
    if (characters === undefined) return pythonText(value).trim();
    const set = new Set(String(characters));
    const letters = [...pythonText(value)];
    while (letters.length > 0 && set.has(letters[0]!)) letters.shift();
    while (letters.length > 0 && set.has(letters.at(-1)!)) letters.pop();
    return letters.join("");
  },
  truncate: (value, args, named) => {
    const length = Number(named["length"] ?? args[0] ?? 255);
    const killWords = named["killwords"] ?? args[1] ?? false;
    const end = String(named["end"] ?? args[2] ?? "...");
    const leeway = Number(named["leeway"] ?? args[3] ?? 5);
    const text = pythonText(value);
    if (text.length <= length + leeway) return text;
    const start = text.slice(0, length - end.length);
    return (killWords || !start.includes(" ") ? start : start.slice(0, start.lastIndexOf(" "))) + end;
  },
  wordcount: (value) => pythonText(value).match(/[\p{L}\p{N}_]+/gu)?.length ?? 0,
  round: (value, args, named) => {
    if (Number.isInteger(value)) return value;
    const scale = 10 ** Number(named["precision"] ?? args[0] ?? 0);
    const method = named["method"] ?? args[1] ?? "common";
    const scaled = Number(value) * scale;
    const rounded =
      method === "ceil" ? Math.ceil(scaled) : method === "floor" ? Math.floor(scaled) : halfToEven(scaled);
    return new Float(rounded / scale);
  },
  sum: (value) => itemsOf(value).reduce((sum: number, item) => sum + Number(item), 0),
  min: (value) => extreme(itemsOf(value), -1),
  max: (value) => extreme(itemsOf(value), 1),
  center: (value, args, named) => {
    const text = pythonText(value);
    const room = Math.max(0, Number(named["width"] ?? args[0] ?? 80) - text.length);
    const left = Math.floor(room / 2) + (room & Number(named["width"] ?? args[0] ?? 80) & 1);
    return " ".repeat(left) + text + " ".repeat(room - left);
  },
  map: (value, [filter, ...args], named) => {
    const { attribute, default: other } = named;
    if (attribute !== undefined) return itemsOf(value).map((item) => memberOf(item, attribute) ?? other ?? null);
    const apply = ownFilters[String(filter)] ?? simpleFilters[String(filter)];
    if (apply === undefined) throw new Error(`map() with the filter '${String(filter)}' is not supported`);
    return itemsOf(value).map((item) => apply(item, args, named));
  },
  select: (value, [test, ...args]) => itemsOf(value).filter((item) => passes(item, test, args)),
  reject: (value, [test, ...args]) => itemsOf(value).filter((item) => !passes(item, test, args)),
  selectattr: (value, [name, test, ...args]) =>
    itemsOf(value).filter((item) => passes(memberOf(item, name), test, args)),
  rejectattr: (value, [name, test, ...args]) =>
    itemsOf(value).filter((item) => !passes(memberOf(item, name), test, args)),
  batch: (value, [size, fill]) => {
    const items = itemsOf(value);
    const rows = Array.from({ length: Math.ceil(items.length / Number(size)) }, (_, row) =>
      items.slice(row * Number(size), (row + 1) * Number(size)),
    );
    while (fill !== undefined && rows.length > 0 && rows.at(-1)!.length < Number(size)) rows.at(-1)!.push(fill);
    return rows;
  },
  striptags: (value) =>
    pythonText(value)
      .replace(/<!--.*?-->|<[^>]*>/gs, "")
      .replace(/\s+/g, " ")
      .trim(),
  urlencode: (value) =>
    encodeURIComponent(pythonText(value))
      .replaceAll("%2F", "/")
      .replace(/[!'()*]/g, (sign) => {
        return `%${sign.charCodeAt(0).toString(16).toUpperCase()}`;
      }),
  escape: (value) =>
    pythonText(value).replace(
      /[&<>"']/g,
      (sign) => `&${{ "&": "amp", "<": "lt", ">": "gt", '"': "#34", "'": "#39" }[sign]};`,
    ),
  format: (value, args) => percentFormatted(pythonText(value), args),
};
/** Those of the package that `map` can be asked for. */
const simpleFilters: Record<string, Filter> = {
  upper: (value) => pythonText(value).toUpperCase(),
  lower: (value) => pythonText(value).toLowerCase(),
  int: (value) => Math.trunc(Number(value)) || 0,
  abs: (value) => Math.abs(Number(value)),
};
ownFilters["d"] = ownFilters["default"]!;
ownFilters["count"] = ownFilters["length"]!;
ownFilters["e"] = ownFilters["escape"]!;

/** Of the package itself. */
const packageFilters =
  "abs bool capitalize dictsort float get indent int items keys lower replace safe sort title tojson unique upper values";

export const knownFilters: ReadonlySet<string> = new Set([...Object.keys(ownFilters), ...packageFilters.split(" ")]);

/** Tests by name, as `select` and its like take them. */
const tests: Record<string, (item: unknown, args: unknown[]) => boolean> = {
  defined: (item) => item !== undefined,
  undefined: (item) => item === undefined,
  none: (item) => item === null,
  string: (item) => typeof item === "string",
  number: (item) => typeof item === "number",
  odd: (item) => Number(item) % 2 !== 0,
  even: (item) => Number(item) % 2 === 0,
  equalto: (item, [other]) => isSame(item, other),
  ne: (item, [other]) => !isSame(item, other),
  gt: (item, [other]) => item! > other!,
  ge: (item, [other]) => item! >= other!,
  lt: (item, [other]) => item! < other!,
  le: (item, [other]) => item! <= other!,
  in: (item, [list]) =>
    typeof list === "string" ? list.includes(String(item)) : itemsOf(list).some((one) => isSame(one, item)),
};
const otherNames: Record<string, string> = {
  ...{ "==": "equalto", eq: "equalto", "!=": "ne", ">": "gt", greaterthan: "gt", ">=": "ge", "<": "lt" },
  ...{ lessthan: "lt", "<=": "le" },
};

function passes(item: unknown, test: unknown, args: unknown[]): boolean {
  if (test === undefined) return !isEmpty(item);
  const name = String(test);
  const known = tests[otherNames[name] ?? name];
  if (known === undefined) throw new Error(`unknown test '${name}'`);
  return known(item, args);
}

function memberOf(item: unknown, path: unknown): unknown {
  return String(path)
    .split(".")
    .reduce((value: unknown, key) => (value as Record<string, unknown> | null | undefined)?.[key], item);
}

const isSame = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);

function nonEmpty(items: unknown[], filter: string): unknown[] {
  if (items.length === 0) throw new Error(`'${filter}' of an empty list`);
  return items;
}

function extreme(items: unknown[], sign: number): unknown {
  return nonEmpty(items, sign < 0 ? "min" : "max").reduce((best, item) =>
    sign * (item! > best! ? 1 : item! < best! ? -1 : 0) > 0 ? item : best,
  );
}

/** As Python's `round`. */
function halfToEven(value: number): number {
  const rounded = Math.round(value);
  return Math.abs(value % 1) === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isEmpty(value: unknown): boolean {
  return !value || (typeof value === "object" && Object.keys(value).length === 0);
}
