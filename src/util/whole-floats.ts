/**
 * Numbers such as 2.0, which JavaScript does not tell from 2: an object or list notes which of its values were written so, and files keep them as the
 * Python program and pandas write them. The note is a symbol property: `{ ...row }` takes it along, `Object.entries` passes it by.
 */
import { randomUUID } from "node:crypto";

const WHOLE_FLOATS = Symbol("whole floats");

type Noted = { [WHOLE_FLOATS]?: readonly string[] };

export function isWholeFloat(holder: object, key: string): boolean {
  return (holder as Noted)[WHOLE_FLOATS]?.includes(key) === true;
}

/** Whether anything inside was noted. */
export function holdsWholeFloats(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  return WHOLE_FLOATS in value || Object.values(value).some(holdsWholeFloats);
}

/** Changes the holder. A value that is no whole number needs no note, and gets none. */
export function noteWholeFloat(holder: object, key: string): void {
  if (!Number.isInteger((holder as Record<string, unknown>)[key]) || isWholeFloat(holder, key)) return;
  (holder as Noted)[WHOLE_FLOATS] = [...((holder as Noted)[WHOLE_FLOATS] ?? []), key];
}

/** For objects that were put together from another's entries. Gives `made`. */
export function withWholeFloatsOf<T extends object>(source: object, made: T): T {
  const keys = (source as Noted)[WHOLE_FLOATS];
  if (keys !== undefined) for (const key of keys) if (Object.hasOwn(made, key)) noteWholeFloat(made, key);
  return made;
}

/** `2.0`, `1e3`, and texts, in which neither counts. */
const TOKENS = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?/g;
/** What no text begins with. */
const MARK = `float ${randomUUID()} `;

/** `JSON.parse` that notes whole floats, and reads Python's NaN and Infinity, which JSON has no word for, as null. Throws `SyntaxError`. */
export function parseNotedJson(text: string): unknown {
  try {
    return parseStrictly(text);
  } catch (error) {
    const known = text.replace(PYTHON_WORDS, (token) => (token.startsWith('"') ? token : "null"));
    if (known === text) throw error;
    return parseStrictly(known);
  }
}

const PYTHON_WORDS = /"(?:[^"\\]|\\.)*"|(?<![\w.])-?(?:NaN|Infinity)(?!\w)/g;

function parseStrictly(text: string): unknown {
  if (!/\d(?:\.0+[\s,\]}]|[eE])|\d\.0+$/.test(text)) return JSON.parse(text);
  // A text that is not JSON must fail as it stands.
  const plain: unknown = JSON.parse(text);
  if (typeof plain !== "object" || plain === null) return plain;
  const marked = text.replace(TOKENS, (token) =>
    token.startsWith('"') || !/[.eE]/.test(token) || !Number.isInteger(Number(token)) ? token : `"${MARK}${token}"`,
  );
  return JSON.parse(marked, function (this: object, key, value: unknown) {
    if (typeof value !== "string" || !value.startsWith(MARK)) return value;
    const number = Number(value.slice(MARK.length));
    (this as Record<string, unknown>)[key] = number;
    noteWholeFloat(this, key);
    return number;
  });
}

/** As Python's `repr`. */
export function wholeFloatText(value: number): string {
  return Math.abs(value) < 1e16 ? `${value}.0` : value.toExponential();
}
