/** Reads one configuration file: YAML, `~` and `$VAR` expanded, checked against the schema; mistakes are named with line and column. */
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { isMap, LineCounter, parseDocument } from "yaml";
import { closestName } from "../util/did-you-mean.ts";
import { IlabError } from "../util/errors.ts";
import { createConfigSchema, type IlabConfig } from "./config-schema.ts";
import { type IlabPaths, ilabPaths } from "./paths.ts";

/** A configuration is a page or two; anything bigger is another file. */
const MAX_CONFIG_BYTES = 1_000_000;

export interface ConfigFile {
  config: IlabConfig;
  /** One line per unknown key. */
  warnings: string[];
}

/** Throws `CONFIG_INVALID` (exit status 2). A key that is not there takes its default; an unknown one becomes a warning. */
export async function readConfigFile(file: string, paths: IlabPaths = ilabPaths()): Promise<ConfigFile> {
  const text = await readText(file);
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { lineCounter, uniqueKeys: true, prettyErrors: false });
  const place = (offset: number) => {
    const { line, col } = lineCounter.linePos(offset);
    return `${file}:${line}:${col}`;
  };
  const syntaxErrors = document.errors.map((error) => `${place(error.pos[0])}: ${error.message}`);
  if (syntaxErrors.length > 0) throw invalid(syntaxErrors);
  if (document.contents !== null && !isMap(document.contents))
    throw invalid([`${place(document.contents.range?.[0] ?? 0)}: expected a mapping of sections such as 'general:'`]);

  let raw: unknown;
  try {
    raw = expandStrings(document.toJS() ?? {});
  } catch (error) {
    throw invalid([`${file}: ${(error as Error).message}`]);
  }
  const placeOf = (path: PropertyKey[]) => {
    for (let length = path.length; length > 0; length--) {
      const node = document.getIn(path.slice(0, length), true) as { range?: [number, number, number] } | undefined;
      if (node?.range) return place(node.range[0]);
    }
    return file;
  };
  const schema = createConfigSchema(paths);
  const first = schema.safeParse(raw);
  if (first.success) return { config: first.data, warnings: [] };

  const warnings: string[] = [];
  const known = knownKeys(schema.parse({}));
  for (const issue of first.error.issues) {
    if (issue.code !== "unrecognized_keys") continue;
    for (const key of issue.keys) {
      const name = [...issue.path, key].join(".");
      const nearest = closestName(name, known);
      warnings.push(
        `${placeOf([...issue.path, key])}: unknown key '${name}' is ignored${nearest === undefined ? "" : `; did you mean '${nearest}'?`}`,
      );
      delete (valueAt(raw, issue.path) as Record<string, unknown>)[key];
    }
  }
  const second = schema.safeParse(raw);
  if (second.success) return { config: second.data, warnings };
  throw invalid(
    second.error.issues.map((issue) => `${placeOf(issue.path)}: ${issue.path.join(".")}: ${lowerFirst(issue.message)}`),
  );
}

async function readText(file: string): Promise<string> {
  let bytes: Buffer;
  try {
    bytes = await readFile(file);
  } catch (error) {
    throw invalid([`${file}: cannot be read: ${(error as Error).message}`]);
  }
  if (bytes.length > MAX_CONFIG_BYTES)
    throw invalid([`${file}: ${bytes.length} bytes are too many; the limit is ${MAX_CONFIG_BYTES}`]);
  return bytes.toString("utf8");
}

function invalid(problems: string[]): IlabError {
  return new IlabError({
    code: "CONFIG_INVALID",
    message: `the configuration is not valid\n  ${problems.join("\n  ")}`,
    hint: "Mend the file, write a new one with 'ilab config init', or use '--config DEFAULT' to go without it.",
    exitCode: 2,
  });
}

/** `~` at the start and `$NAME` or `${NAME}` anywhere; a variable that is not set stays as written. */
function expandStrings(value: unknown): unknown {
  if (typeof value === "string")
    return value
      .replace(/^~(?=\/|$)/, process.env["HOME"] ?? homedir())
      .replace(/\$(?:\{(\w+)\}|(\w+))/g, (whole, braced, bare) => process.env[braced ?? bare] ?? whole);
  if (Array.isArray(value)) return value.map(expandStrings);
  if (value !== null && typeof value === "object")
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, expandStrings(inner)]));
  return value;
}

function knownKeys(value: object, prefix = ""): string[] {
  return Object.entries(value).flatMap(([key, inner]) => [
    `${prefix}${key}`,
    ...(inner !== null && typeof inner === "object" ? knownKeys(inner, `${prefix}${key}.`) : []),
  ]);
}

function valueAt(root: unknown, path: PropertyKey[]): unknown {
  return path.reduce((value, key) => (value as Record<PropertyKey, unknown>)[key], root);
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
