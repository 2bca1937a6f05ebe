/** Reads a YAML file of a pipeline against a schema; errors name file, place, and the nearest known key. */
import { readFile, stat } from "node:fs/promises";
import { parseDocument } from "yaml";
import type { z } from "zod";
import { closestName } from "../util/did-you-mean.ts";
import { IlabError } from "../util/errors.ts";

/** Pipelines and prompts are written by hand; a larger file is a mistake or an attack. */
const largestYamlBytes = 1_000_000;

export async function readYamlFile<T>(file: string, schema: z.ZodType<T>): Promise<T> {
  let text: string;
  try {
    const { size } = await stat(file);
    if (size > largestYamlBytes) throw pipelineError(`${file}: ${size} bytes; at most ${largestYamlBytes} are read`);
    text = await readFile(file, "utf8");
  } catch (cause) {
    if (cause instanceof IlabError) throw cause;
    throw pipelineError(`${file}: cannot be read: ${(cause as Error).message}`, "Check the path.", cause);
  }
  const document = parseDocument(text, { prettyErrors: true });
  const problem = document.errors[0];
  if (problem)
    throw pipelineError(`${file}: ${problem.message.split("\n")[0]}`, "Correct the YAML; indent with blanks.");
  return checkAgainst(file, document.toJS({ maxAliasCount: 50 }), schema);
}

/** Throws `BAD_PIPELINE` with every finding. */
export function checkAgainst<T>(place: string, value: unknown, schema: z.ZodType<T>): T {
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
    return `${place}: ${path === "" ? "" : `${path}: `}${unknown ?? issue.message}`;
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
