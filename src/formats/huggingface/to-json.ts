/** JSON as Python reads it: `4` is an int there and `4.0` a float, and transformers checks which one it gets. */

/** A number that must be read as a float. */
export class PythonFloat {
  readonly value: number;

  constructor(value: number) {
    this.value = value;
  }

  toJSON(): string {
    return `${MARK}${Number.isInteger(this.value) ? this.value.toFixed(1) : this.value}`;
  }
}

/** No text of a configuration begins with a control character and this. */
const MARK = "\u0001float:";
const QUOTED_FLOAT = /"\\u0001float:([^"]+)"/g;

export function toPythonJson(value: unknown): string {
  return `${JSON.stringify(value, null, 2).replaceAll(QUOTED_FLOAT, "$1")}\n`;
}
