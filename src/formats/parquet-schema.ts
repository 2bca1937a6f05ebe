/** Parquet columns for rows of JSON, learned from all of them: texts, truth values, numbers, lists, objects; what has no one type is kept as JSON text. */
import type { SchemaElement } from "hyparquet";

import { isWholeFloat } from "../util/whole-floats.ts";

type JsonRow = Record<string, unknown>;

/** What a place in the rows was seen to hold. */
interface Shape {
  kinds: Set<"string" | "boolean" | "integer" | "number" | "list" | "object">;
  item?: Shape;
  fields?: Map<string, Shape>;
}

export interface ParquetSchema {
  columns: { name: string }[];
  schema: SchemaElement[];
  /** A row as the writer wants it. */
  encode(row: JsonRow): JsonRow;
}

export async function inferParquetSchema(rows: AsyncIterable<JsonRow>): Promise<ParquetSchema> {
  const root: Shape = { kinds: new Set() };
  for await (const row of rows) observe(root, row);
  const fields = [...(root.fields ?? new Map<string, Shape>([["empty", { kinds: new Set() }]]))];
  return {
    columns: fields.map(([name]) => ({ name })),
    schema: [
      { name: "root", num_children: fields.length },
      ...fields.flatMap(([name, shape]) => elements(name, shape)),
    ],
    encode: (row) => Object.fromEntries(fields.map(([name, shape]) => [name, encode(row[name], shape)])),
  };
}

function observe(shape: Shape, value: unknown, isFloat = false): void {
  if (value === null || value === undefined) return;
  if (Array.isArray(value)) {
    shape.kinds.add("list");
    shape.item ??= { kinds: new Set() };
    for (const [index, item] of value.entries()) observe(shape.item, item, isWholeFloat(value, String(index)));
  } else if (typeof value === "object") {
    shape.kinds.add("object");
    shape.fields ??= new Map();
    for (const [key, item] of Object.entries(value)) {
      if (!shape.fields.has(key)) shape.fields.set(key, { kinds: new Set() });
      observe(shape.fields.get(key)!, item, isWholeFloat(value, key));
    }
  } else if (typeof value === "number") shape.kinds.add(!isFloat && Object.is(value | 0, value) ? "integer" : "number");
  else shape.kinds.add(typeof value as "string" | "boolean");
}

/** The one kind of a place; undefined where values of several kinds stand. An object without fields has no form in Parquet. */
function kindOf({ kinds, fields }: Shape): string | undefined {
  if (kinds.size === 0) return "string";
  if (kinds.size === 2 && kinds.has("integer") && kinds.has("number")) return "number";
  if (kinds.size > 1 || (kinds.has("object") && fields!.size === 0)) return undefined;
  return [...kinds][0];
}

function elements(name: string, shape: Shape): SchemaElement[] {
  const optional = { name, repetition_type: "OPTIONAL" } as const;
  switch (kindOf(shape)) {
    case "string":
      return [{ ...optional, type: "BYTE_ARRAY", converted_type: "UTF8" }];
    case "boolean":
      return [{ ...optional, type: "BOOLEAN" }];
    case "integer":
      return [{ ...optional, type: "INT32" }];
    case "number":
      return [{ ...optional, type: "DOUBLE" }];
    case "list":
      return [
        { ...optional, converted_type: "LIST", num_children: 1 },
        { name: "list", repetition_type: "REPEATED", num_children: 1 },
        ...elements("element", shape.item!),
      ];
    case "object":
      return [
        { ...optional, num_children: shape.fields!.size },
        ...[...shape.fields!].flatMap(([field, inner]) => elements(field, inner)),
      ];
    default:
      return [{ ...optional, type: "BYTE_ARRAY", converted_type: "JSON" }];
  }
}

function encode(value: unknown, shape: Shape): unknown {
  const kind = kindOf(shape);
  if (value === undefined || value === null) return null;
  if (kind === "list") return (value as unknown[]).map((item) => encode(item, shape.item!));
  if (kind === "object")
    return Object.fromEntries([...shape.fields!].map(([key, inner]) => [key, encode((value as JsonRow)[key], inner)]));
  return value;
}
