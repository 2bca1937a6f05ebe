/**
 * Values that JSON has no type for, such as dates: symbols, so that JSON Schema takes them for nothing that it knows. Two are the same where their kind
 * and content are.
 */

export type OtherKind = "a date" | "binary data" | "a set" | "a list or mapping that stands in itself";

/** An empty content is what Python takes for nothing. */
export function otherValue(kind: OtherKind, content: string): symbol {
  return Symbol.for(`${kind}\n${content}`);
}

export function kindOf(value: symbol): string {
  return value.description!.split("\n", 1)[0]!;
}

export function isEmptyOther(value: symbol): boolean {
  return value.description!.endsWith("\n");
}
