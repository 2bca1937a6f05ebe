/** Jinja templates of prompt files: read once, their free names known before anything is rendered. */
import { parse, Template, tokenize } from "@huggingface/jinja";
import { IlabError } from "../util/errors.ts";

export interface PromptTemplate {
  /** Names that the template takes from outside, in order of appearance. */
  readonly names: string[];
  render(values: Record<string, unknown>): string;
}

const builtIns = new Set([
  "range",
  "namespace",
  "true",
  "false",
  "none",
  "True",
  "False",
  "None",
  "loop",
  "raise_exception",
]);

/** `place` names file and key in errors. */
export function readTemplate(text: string, place: string): PromptTemplate {
  let names: string[];
  let template: Template;
  try {
    names = freeNames(parse(tokenize(text, { lstrip_blocks: true, trim_blocks: true })));
    template = new Template(text);
  } catch (cause) {
    throw new IlabError({
      code: "BAD_TEMPLATE",
      message: `${place}: not a valid template: ${(cause as Error).message}`,
      hint: "Templates are Jinja: {{ column }} and {% for x in xs %} … {% endfor %}.",
      exitCode: 2,
      cause,
    });
  }
  return { names, render: (values) => template.render(values) };
}

interface Node {
  type: string;
  [key: string]: unknown;
}

/** Identifiers that are read but neither set, looped over, nor built in. Names bound anywhere in the template count as bound. */
function freeNames(program: unknown): string[] {
  const read: string[] = [];
  const bound = new Set(builtIns);
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) value.forEach(visit);
    else if (value instanceof Map) for (const [key, entry] of value) visit([key, entry]);
    else if (isNode(value)) visitNode(value);
  };
  const bind = (target: unknown): void => {
    if (Array.isArray(target)) target.forEach(bind);
    else if (isNode(target) && target.type === "Identifier") bound.add(target["value"] as string);
    else if (isNode(target) && target.type === "TupleLiteral") bind(target["value"]);
  };
  const visitNode = (node: Node): void => {
    const { type } = node;
    if (type === "Identifier") {
      read.push(node["value"] as string);
      return;
    }
    if (type === "For") bind(node["loopvar"]);
    if (type === "Set") bind(node["assignee"]);
    if (type === "Macro") {
      bind(node["name"]);
      bind(node["args"]);
    }
    for (const [key, value] of Object.entries(node)) {
      // Names of members, filters, tests and keyword arguments are no variables.
      if (key === "type" || (key === "property" && node["computed"] !== true) || key === "key" || key === "operator")
        continue;
      if (
        (key === "filter" || key === "test") &&
        isNode(value) &&
        value.type === "Identifier" &&
        type !== "If" &&
        type !== "SelectExpression" &&
        type !== "Ternary"
      )
        continue;
      if (key === "filter" && isNode(value) && value.type === "CallExpression") {
        visit(value["args"]);
        continue;
      }
      visit(value);
    }
  };
  visit(program);
  return [...new Set(read)].filter((name) => !bound.has(name));
}

function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && typeof (value as Node).type === "string";
}
