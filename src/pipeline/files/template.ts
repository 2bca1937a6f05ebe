/**
 * Jinja templates of prompt files, with the meaning that Python's jinja2 gives them under StrictUndefined: a name without a value is an error, null
 * is written None, no white space is taken away. What a template asks for is known before anything is rendered.
 */
import { Environment, parse, tokenize } from "@huggingface/jinja";
import { jinjaGlobals, MAX_RANGE } from "../../formats/jinja-globals.ts";
import { IlabError } from "../../util/errors.ts";
import { didYouMean } from "./read-yaml-file.ts";
import { knownFilters } from "./template-filters.ts";
import { createInterpreter, wrapped } from "./template-interpreter.ts";
import { inspectTemplate } from "./template-names.ts";

/** A prompt with many examples stays under 50 thousand characters. */
const MAX_TEMPLATE_CHARACTERS = 1_000_000;

export interface PromptTemplate {
  /** Names that the template takes from outside, in order of appearance. */
  readonly names: string[];
  /** Throws `TEMPLATE_FAILED` when a name has no value, or the template does more than any honest one. */
  render(values: Record<string, unknown>): string;
}

/** `place` names file and key in errors. Throws `BAD_TEMPLATE`. */
export function readTemplate(text: string, place: string): PromptTemplate {
  if (text.length > MAX_TEMPLATE_CHARACTERS)
    throw templateError(place, `${text.length} characters; at most ${MAX_TEMPLATE_CHARACTERS} are read`);
  const raw: string[] = [];
  let program: ReturnType<typeof parse>;
  try {
    program = parse(tokenize(text.replace(RAW, (_, inner: string) => `{{ ${rawName(raw.push(inner) - 1)} }}`)));
  } catch (cause) {
    throw templateError(place, (cause as Error).message, cause);
  }
  const { names, reads, guarded, filters } = inspectTemplate(program);
  const unknown = filters.find((filter) => !knownFilters.has(filter));
  if (unknown !== undefined)
    throw templateError(place, `unknown filter '${unknown}'${didYouMean(unknown, [...knownFilters])}`);
  const rawValues = Object.fromEntries(raw.map((inner, index) => [rawName(index), inner]));
  return {
    names: names.filter((name) => !Object.hasOwn(rawValues, name)),
    render(given) {
      const values = raw.length === 0 ? given : { ...given, ...rawValues };
      const plain = renderPlain(program, values);
      if (plain !== undefined) return plain;
      const environment = new Environment();
      const known: Record<string, unknown> = { ...constants, ...values };
      for (const name of reads)
        if (Object.hasOwn(known, name)) environment.setVariable(name, wrapped(known[name], environment));
      try {
        return String(createInterpreter(environment, guarded).run(program).value);
      } catch (cause) {
        throw new IlabError({
          code: "TEMPLATE_FAILED",
          message: `${place}: ${(cause as Error).message}`,
          hint: "The row lacks what the prompt asks for, or the template does not work with it.",
          cause,
        });
      }
    },
  };
}

/** Most prompts are text with names of texts in it: put together directly, which is many times as fast. Undefined for all others. */
function renderPlain({ body }: ReturnType<typeof parse>, values: Record<string, unknown>): string | undefined {
  const parts: unknown[] = [];
  for (const { type, value } of body as { type: string; value?: unknown }[]) {
    if (type === "StringLiteral") parts.push(value);
    else {
      const cell = type === "Identifier" ? values[value as string] : undefined;
      if (typeof cell !== "string" && !Number.isSafeInteger(cell)) return undefined;
      parts.push(cell);
    }
  }
  // Joined at once: a text grown piece by piece would be copied again by everybody who reads it.
  return parts.join("");
}

/** The package does not know raw blocks: each becomes a value of its own. */
const RAW = /\{%-?\s*raw\s*-?%\}([\s\S]*?)\{%-?\s*endraw\s*-?%\}/g;
const rawName = (index: number) => `raw_text_${index}`;

const constants = jinjaGlobals((length) => new Error(`range() of ${length} numbers; at most ${MAX_RANGE}`));

function templateError(place: string, problem: string, cause?: unknown): IlabError {
  return new IlabError({
    code: "BAD_TEMPLATE",
    message: `${place}: not a valid template: ${problem}`,
    hint: "Templates are Jinja: {{ column }} and {% for x in xs %} … {% endfor %}.",
    exitCode: 2,
    cause,
  });
}
