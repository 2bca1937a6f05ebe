/** Methods of Python's texts that the template package lacks, and the two ways in which Python puts values into a text. */
import { pythonText } from "../text/python-text.ts";

type Method = (text: string, args: unknown[], named: Record<string, unknown>) => unknown;

export const textMethods: Record<string, Method> = {
  join: (text, [items]) => itemsOf(items).map(pythonText).join(text),
  find: (text, [part]) => text.indexOf(String(part)),
  count: (text, [part]) => text.split(String(part)).length - 1,
  splitlines: (text) => (text === "" ? [] : text.replace(/\r?\n$/, "").split(/\r?\n/)),
  isdigit: (text) => /^\p{Nd}+$/u.test(text),
  isalpha: (text) => /^\p{L}+$/u.test(text),
  zfill: (text, [width]) => zeroFilled(text, Number(width)),
  ljust: (text, [width, fill = " "]) => text.padEnd(Number(width), String(fill)),
  rjust: (text, [width, fill = " "]) => text.padStart(Number(width), String(fill)),
  format: formatted,
};

/** Behind the sign. */
function zeroFilled(text: string, width: number): string {
  return text.replace(/^[-+]?/, (sign) => sign + "0".repeat(Math.max(0, width - text.length)));
}

export function itemsOf(value: unknown): unknown[] {
  if (Array.isArray(value)) return value;
  if (typeof value === "string") return [...value];
  throw new Error(`${pythonText(value)} is no list`);
}

/** `'%s is %.1f' % (name, size)`; of a tuple, every value must find its place. */
export function percentFormatted(text: string, value: unknown): string {
  const values = Array.isArray(value) ? [...value] : [value];
  const made = text.replace(
    /%([-0+ ]*)(\d*)(?:\.(\d+))?([sdifrxg%])/g,
    (_, flags: string, width: string, digits, kind) => {
      if (kind === "%") return "%";
      if (values.length === 0) throw new Error("not enough values for the format");
      const plain = numberOrText(values.shift(), kind, digits);
      const signed = flags.includes("+") && kind !== "s" && !plain.startsWith("-") ? `+${plain}` : plain;
      if (flags.includes("-")) return signed.padEnd(Number(width));
      return flags.includes("0") && kind !== "s" ? zeroFilled(signed, Number(width)) : signed.padStart(Number(width));
    },
  );
  if (values.length > 0) throw new Error("not all values found a place in the format");
  return made;
}

/** `'{} is {size:.1f}'.format(name, size=2)`. */
function formatted(text: string, args: unknown[], named: Record<string, unknown>): string {
  let next = 0;
  return text.replace(/\{\{|\}\}|\{(\w*)(?::([^{}]*))?\}/g, (whole, name: string | undefined, spec = "") => {
    if (whole === "{{" || whole === "}}") return whole[0]!;
    const value = name === "" ? args[next++] : /^\d+$/.test(name!) ? args[Number(name)] : named[name!];
    if (value === undefined) throw new Error(`format() has no value for '${whole}'`);
    const match = /^(?:(.)?([<>^]))?(0?)(\d*)(,?)(?:\.(\d+))?([sdf%]?)$/su.exec(spec);
    if (match === null) throw new Error(`format '${spec}' is not understood`);
    const [, fill, align, zero, width, comma, digits, kind] = match;
    const isNumber = typeof value === "number";
    let plain =
      kind === "%"
        ? `${(Number(value) * 100).toFixed(Number(digits ?? 6))}%`
        : numberOrText(value, kind || (digits !== undefined && isNumber ? "f" : "s"), digits);
    if (comma === ",") plain = plain.replace(/\d(?=(?:\d{3})+(?:\D|$))/g, "$&,");
    const room = Math.max(0, Number(width) - plain.length);
    const sign = fill ?? (zero === "0" ? "0" : " ");
    const side = align ?? (isNumber ? ">" : "<");
    const left = side === "<" ? 0 : side === ">" ? room : Math.floor(room / 2);
    return sign.repeat(left) + plain + sign.repeat(room - left);
  });
}

function numberOrText(value: unknown, kind: string, digits: string | undefined): string {
  if (kind === "d" || kind === "i") return String(Math.trunc(numberOf(value)));
  if (kind === "f") return numberOf(value).toFixed(Number(digits ?? 6));
  if (kind === "x") return Math.trunc(numberOf(value)).toString(16);
  if (kind === "g") return String(Number(numberOf(value).toPrecision(Number(digits ?? 6))));
  const text = kind === "r" ? pythonText([value]).slice(1, -1) : pythonText(value);
  return digits === undefined ? text : text.slice(0, Number(digits));
}

export function numberOf(value: unknown): number {
  if (typeof value !== "number" && typeof value !== "boolean") throw new Error(`${pythonText(value)} is no number`);
  return Number(value);
}
