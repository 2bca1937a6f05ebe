/**
 * The two ways in which the Python program writes a row of JSON lines, byte for byte: as Python's `json` does (generated rows, legacy sets) and
 * as pandas does (message sets). Reading needs no style: util/fs.ts.
 */

import { holdsWholeFloats, isWholeFloat, wholeFloatText } from "../util/whole-floats.ts";

export type JsonStyle = "python" | "pandas";

/** Raw in JSON, yet ends of lines for readers that split as Python's `splitlines` does. */
const lineEnds = /[\u0085\u2028\u2029]+/g;
const nonAscii = /[\u0080-\uffff]+/g;

/** Spaces behind commas and colons; other scripts as they are, but for what a reader could take for the end of a line. */
export function toPythonJson(value: unknown): string {
  return escaped(spaced(value), lineEnds);
}

/** As `toPythonJson`, in plain ASCII: how JSON text inside a column (`metadata`) is written. */
export function toAsciiJson(value: unknown): string {
  return escaped(spaced(value), /[\u007f-\uffff]+/g);
}

/** No spaces, plain ASCII, slashes escaped. */
export function toPandasJson(value: unknown): string {
  return escaped(compact(value), nonAscii).replaceAll("/", "\\/");
}

export function toStyledJsonLine(value: unknown, style: JsonStyle): string {
  return `${style === "python" ? toPythonJson(value) : toPandasJson(value)}\n`;
}

function spaced(value: unknown): string {
  return written(value, { comma: ", ", colon: ": ", inner: spaced });
}

function compact(value: unknown): string {
  // The engine's own is many times as fast.
  if (!holdsWholeFloats(value)) return JSON.stringify(value) ?? "null";
  return written(value, { comma: ",", colon: ":", inner: compact });
}

interface Spacing {
  comma: string;
  colon: string;
  inner(value: unknown): string;
}

function written(value: unknown, { comma, colon, inner }: Spacing): string {
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null";
  const item = (key: string, one: unknown) =>
    typeof one === "number" && isWholeFloat(value, key) ? wholeFloatText(one) : inner(one);
  if (Array.isArray(value)) return `[${value.map((one, index) => item(String(index), one)).join(comma)}]`;
  const entries = Object.entries(value).filter(([, one]) => one !== undefined);
  return `{${entries.map(([key, one]) => `${JSON.stringify(key)}${colon}${item(key, one)}`).join(comma)}}`;
}

/** Whole stretches at once: a call for every character would be slow where most characters need it. */
function escaped(json: string, stretches: RegExp): string {
  return json.replace(stretches, (stretch) => {
    let text = "";
    for (let i = 0; i < stretch.length; i++) text += `\\u${stretch.charCodeAt(i).toString(16).padStart(4, "0")}`;
    return text;
  });
}
