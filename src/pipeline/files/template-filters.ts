/** Filters that the template package lacks or does not do as jinja2 does them, over plain values. */
import { pythonText } from "../text/python-text.ts";

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
};
ownFilters["d"] = ownFilters["default"]!;
ownFilters["count"] = ownFilters["length"]!;

/** Of the package itself. */
const packageFilters =
  "abs bool capitalize dictsort float get indent int items keys lower map rejectattr replace safe selectattr sort title tojson unique upper values";

export const knownFilters: ReadonlySet<string> = new Set([...Object.keys(ownFilters), ...packageFilters.split(" ")]);

function itemsOf(value: unknown): unknown[] {
  if (Array.isArray(value)) return value;
  if (typeof value === "string") return [...value];
  throw new Error(`${pythonText(value)} is no list`);
}

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
