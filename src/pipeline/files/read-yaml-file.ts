/** Reads a YAML file of a pipeline against a schema; errors name file, line and place, and the nearest known key. */
import { readFile, stat } from "node:fs/promises";
import { isNode, LineCounter, parseDocument } from "yaml";
import type { z } from "zod";
import { closestName } from "../../util/did-you-mean.ts";
import { IlabError } from "../../util/errors.ts";

/** Pipelines and prompts are written by hand; a larger file is a mistake or an attack. */
const largestYamlBytes = 1_000_000;

type Path = readonly PropertyKey[];

export interface YamlFile {
  value: unknown;
  /** 1-based line of what stands at a path, or of the nearest thing around it. */
  lineOf(path: Path): number;
}

export async function readYamlFile<T>(file: string, schema: z.ZodType<T>): Promise<T> {
  const { value, lineOf } = await parseYamlFile(file);
  return checkAgainst((path) => `${file}:${lineOf(path)}`, value, schema);
}

/** Throws `BAD_PIPELINE` when the file cannot be read or is no YAML. */
export async function parseYamlFile(file: string): Promise<YamlFile> {
  let text: string;
  try {
    const { size } = await stat(file);
    if (size > largestYamlBytes) throw pipelineError(`${file}: ${size} bytes; at most ${largestYamlBytes} are read`);
    text = await readFile(file, "utf8");
  } catch (cause) {
    if (cause instanceof IlabError) throw cause;
    throw pipelineError(`${file}: cannot be read: ${(cause as Error).message}`, "Check the path.", cause);
  }
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { prettyErrors: false, lineCounter });
  const problem = document.errors[0];
  if (problem) {
    const { line } = lineCounter.linePos(problem.pos[0]);
    throw pipelineError(`${file}:${line}: ${problem.message}`, "Correct the YAML; indent with blanks.");
  }
  return {
    value: document.toJS({ maxAliasCount: 50 }),
    lineOf(path) {
      for (let length = path.length; length > 0; length--) {
        const node = document.getIn(path.slice(0, length), true);
        if (isNode(node) && node.range) return lineCounter.linePos(node.range[0]).line;
      }
      return 1;
    },
  };
}

/** `place` of a path, for the beginning of its message. Throws `BAD_PIPELINE` with every finding. */
export function checkAgainst<T>(place: (path: Path) => string, value: unknown, schema: z.ZodType<T>): T {
  const checked = schema.safeParse(value);
  if (checked.success) return checked.data;
  const lines = checked.error.issues.map((issue) => {
    const path = issue.path
      .map((part) => (typeof part === "number" ? `[${part}]` : `.${String(part)}`))
      .join("")
      .replace(/^\./, "");
    const known = knownKeys(schema);
    const unknown =
      issue.code === "unrecognized_keys"
        ? issue.keys.map((key) => `unknown key '${key}'${didYouMean(key, known)}`).join(", ")
        : undefined;
    const where = place(issue.code === "unrecognized_keys" ? [...issue.path, issue.keys[0]!] : issue.path);
    return `${where}: ${path === "" ? "" : `${path}: `}${unknown ?? issue.message}`;
  });
  throw pipelineError(lines.join("\n"));
}

/** Keys of all objects inside a schema: one of them was meant, whatever the level. */
function knownKeys(schema: unknown): string[] {
  const { shape, element, def } = schema as {
    shape?: Record<string, unknown>;
    element?: unknown;
    def?: { innerType?: unknown };
  };
  if (shape) return [...Object.keys(shape), ...Object.values(shape).flatMap(knownKeys)];
  if (element) return knownKeys(element);
  return def?.innerType ? knownKeys(def.innerType) : [];
}

export function pipelineError(
  message: string,
  hint = "docs/pipeline.md describes the format.",
  cause?: unknown,
): IlabError {
  return new IlabError({ code: "BAD_PIPELINE", message, hint, exitCode: 2, cause });
}

/** " (did you mean 'X'?)", or nothing when no known name is near. */
export function didYouMean(name: string, known: readonly string[]): string {
  const closest = closestName(name, known);
  return closest === undefined ? "" : ` (did you mean '${closest}'?)`;
}
