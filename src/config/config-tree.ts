/** The schema as a list of keys with type, default and description: what the commented YAML and docs/config.md are written from. */
import { z } from "zod";
import { createConfigSchema } from "./config-schema.ts";
import type { IlabPaths } from "./paths.ts";

export interface ConfigKey {
  /** `generate.teacher.model_path` */
  path: string[];
  description: string;
  /** Sections have neither. */
  type?: string;
  default?: unknown;
}

interface SchemaNode {
  description?: string;
  type?: string;
  enum?: unknown[];
  anyOf?: SchemaNode[];
  default?: unknown;
  properties?: Record<string, SchemaNode>;
}

/** Sections before the keys inside them, in the order of the schema. */
export function listConfigKeys(paths: IlabPaths): ConfigKey[] {
  const root = z.toJSONSchema(createConfigSchema(paths), { io: "input" }) as SchemaNode;
  return keysBelow(root, []);
}

function keysBelow(node: SchemaNode, path: string[]): ConfigKey[] {
  return Object.entries(node.properties ?? {}).flatMap(([name, child]) => {
    const here = [...path, name];
    const description = child.description ?? "";
    if (child.properties) return [{ path: here, description }, ...keysBelow(child, here)];
    return [{ path: here, description, type: typeName(child), default: child.default }];
  });
}

function typeName(node: SchemaNode): string {
  if (node.enum) return node.enum.join(" | ");
  if (node.anyOf) return node.anyOf.map(typeName).join(" | ");
  return node.type ?? "any";
}
