/** Checks a parsed file against one of our JSON Schemas (assets/schemas) and says every difference in plain words, with its place. */
import { readFileSync } from "node:fs";
import { Ajv2020, type ErrorObject, type ValidateFunction } from "ajv/dist/2020.js";
import { assetPath } from "../util/assets.ts";
import { closestName } from "../util/did-you-mean.ts";
import type { TaxonomyFolder } from "./leaf-path.ts";
import type { PositionedValue } from "./parse-yaml.ts";
import { formatYamlPath, type Problem, problem, type YamlPath } from "./problem.ts";
import { kindOf } from "./yaml/other-value.ts";

/** A leaf's schema by version and folder, or that of the questions that are never trained on. */
export type SchemaName = `v${1 | 2 | 3}/${TaxonomyFolder}` | "held_out";

/** Comparing entries with each other takes time in the square of their number; nobody writes more into one file by hand. */
const MAX_LIST_LENGTH = 2000;

/** Further unknown names that a message tells; whoever reads it knows by then what is wrong. */
const MAX_NAMED = 10;

let ajv: Ajv2020 | undefined;

function validatorOf(name: SchemaName): ValidateFunction {
  // Whether a text is empty does not depend on how its characters are counted, and one may be named by aliases thousands of times.
  ajv ??= new Ajv2020({ allErrors: true, strict: false, verbose: true, unicode: false, logger: false });
  const id = `${name}.json`;
  const known = ajv.getSchema(id);
  if (known !== undefined) return known;
  return ajv.compile(JSON.parse(readFileSync(assetPath("schemas", ...id.split("/")), "utf8")) as object);
}

/** Knowledge of the first two versions: its schema says no more than that it is not read. */
export function isDeprecated(name: SchemaName): boolean {
  return (validatorOf(name).schema as { deprecated?: boolean }).deprecated === true;
}

export function checkSchema(name: SchemaName, yaml: PositionedValue): Problem[] {
  const longList = findLongList(yaml.value);
  if (longList !== undefined)
    return [
      problem(
        "too-many-items",
        `${nameOf(longList)} has more than ${MAX_LIST_LENGTH} entries`,
        "Split the entries over several leaves.",
        yaml.locate(longList),
        longList,
      ),
    ];
  const validate = validatorOf(name);
  if (validate(yaml.value)) return [];
  const unknown = new Set<string>();
  return (validate.errors ?? []).flatMap((error) => {
    // All unknown fields of one mapping are one finding, as upstream counts them.
    if (error.keyword === "additionalProperties") {
      if (unknown.has(error.instancePath)) return [];
      unknown.add(error.instancePath);
    }
    return describe(error, yaml) ?? [];
  });
}

function findLongList(value: unknown, path: YamlPath = []): YamlPath | undefined {
  if (Array.isArray(value) && value.length > MAX_LIST_LENGTH) return path;
  if (typeof value !== "object" || value === null) return undefined;
  for (const [key, child] of Object.entries(value)) {
    const found = findLongList(child, [...path, Array.isArray(value) ? Number(key) : key]);
    if (found !== undefined) return found;
  }
  return undefined;
}

function describe(error: ErrorObject, yaml: PositionedValue): Problem | undefined {
  const path = pathOf(error.instancePath, yaml.value);
  const params = error.params as Record<string, unknown>;
  const at = (code: string, message: string, hint: string, where = path, part: "value" | "key" = "value") =>
    problem(code, message, hint, yaml.locate(where, part), where);
  switch (error.keyword) {
    case "required": {
      const field = String(params["missingProperty"]);
      const what = (error.parentSchema?.["properties"] as Record<string, { description?: string }> | undefined)?.[field]
        ?.description;
      return at(
        "missing-field",
        `'${field}' is missing${path.length > 0 ? ` in ${nameOf(path)}` : ""}`,
        `Add '${field}:' here.${what === undefined ? "" : ` ${what}`}`,
      );
    }
    case "additionalProperties": {
      const known = Object.keys((error.parentSchema?.["properties"] as object) ?? {});
      const [field, ...others] = Object.keys(error.data as object).filter((name) => !known.includes(name));
      const found = unknownField(yaml, [...path, field!], known);
      if (others.length === 0) return found;
      const named = others.slice(0, MAX_NAMED);
      const places = named.map((name) => `'${name}' (line ${yaml.locate([...path, name], "key").line})`);
      if (others.length > MAX_NAMED) places.push(`${others.length - MAX_NAMED} more`);
      return { ...found, message: `${found.message}; nor is ${places.join(", ")}` };
    }
    case "type":
      return wrongType(String(params["type"]), error.data, yaml, path);
    case "minLength":
    case "pattern":
      return at("empty-text", `${nameOf(path)} is empty`, "Write the text, or remove the entry.");
    case "minItems": {
      const { length } = error.data as unknown[];
      const wanted = Number(params["limit"]);
      return at(
        "too-few-items",
        `${nameOf(path)} has ${length} ${length === 1 ? "entry" : "entries"}; at least ${wanted} are needed`,
        `Add ${wanted - length} more.`,
      );
    }
    case "uniqueItems": {
      const [first, second] = [Number(params["j"]), Number(params["i"])];
      return at(
        "duplicate-item",
        `entries ${first + 1} and ${second + 1} of ${nameOf(path)} are the same`,
        "Remove one of them, or say something different.",
        [...path, second],
      );
    }
    case "const":
      return at(
        "wrong-version",
        `${nameOf(path)} must be ${JSON.stringify(params["allowedValue"])}`,
        `Write '${path.at(-1)}: ${JSON.stringify(params["allowedValue"])}'.`,
      );
    case "if":
      return undefined;
    default:
      return at("invalid-value", `${nameOf(path)} ${error.message ?? "is not valid"}`, "Correct the value.");
  }
}

/** A key that no schema knows, with the known one that was probably meant. */
export function unknownField(yaml: PositionedValue, path: YamlPath, known: readonly string[]): Problem {
  const field = String(path.at(-1));
  const nearest = closestName(field, known);
  const parent = path.slice(0, -1);
  return problem(
    "unknown-field",
    `'${field}' is not a field of ${parent.length === 0 ? "this file" : nameOf(parent)}`,
    nearest === undefined ? `Remove it. Known fields: ${known.join(", ")}.` : `Did you mean '${nearest}'?`,
    yaml.locate(path, "key"),
    path,
  );
}

const typeWords: Record<string, string> = {
  string: "text",
  array: "a list",
  object: "a mapping (lines of the form 'name: value')",
  integer: "a whole number",
};

function wrongType(wanted: string, data: unknown, yaml: PositionedValue, path: YamlPath): Problem {
  const source = yaml.sourceOf(path);
  const position = yaml.locate(path);
  if (data === null)
    return problem("missing-value", `${nameOf(path)} has no value`, `Write ${typeWords[wanted]} here.`, position, path);
  const found = typeof data === "number" && source === String(data) ? "a number" : wordsFor(data);
  const message = `${nameOf(path)} must be ${typeWords[wanted] ?? wanted}, but is ${found}`;
  if (wanted !== "string" || typeof data === "object")
    return problem("wrong-type", message, hintForStructure(wanted), position, path);
  return problem(
    "wrong-type",
    message,
    `YAML reads ${source} as ${found}. Put it in quotes: "${source}".`,
    position,
    path,
  );
}

function wordsFor(data: unknown): string {
  if (Array.isArray(data)) return "a list";
  if (typeof data === "symbol") return kindOf(data);
  if (typeof data === "boolean") return `the truth value ${data}`;
  if (typeof data === "number" || typeof data === "bigint") return `the number ${data}`;
  return typeof data === "string" ? "text" : "a mapping (lines of the form 'name: value')";
}

function hintForStructure(wanted: string): string {
  if (wanted === "array") return "Begin every entry with '- ' on a line of its own.";
  if (wanted === "object") return "Write 'name: value' lines, indented below it.";
  return "Write the text after the colon; put it in quotes when it contains ': ' or begins with a sign.";
}

function nameOf(path: YamlPath): string {
  return path.length === 0 ? "the file" : `'${formatYamlPath(path)}'`;
}

/** A JSON pointer as keys and indexes; digits are an index where the value is a list. */
function pathOf(pointer: string, root: unknown): YamlPath {
  let value = root;
  return pointer
    .split("/")
    .slice(1)
    .map((part) => {
      const key = part.replaceAll("~1", "/").replaceAll("~0", "~");
      const step = Array.isArray(value) ? Number(key) : key;
      value = (value as Record<string | number, unknown> | undefined)?.[step];
      return step;
    });
}
