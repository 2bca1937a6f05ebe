/**
 * Renders a conversation through a model's own chat template (Jinja, from `tokenizer.chat_template` in its GGUF), for training and
 * for inference alike, so that both see the same text. Templates come with downloaded models and are untrusted: their size, the work
 * they may do and what they may produce are bounded.
 */

import { Environment, Interpreter, parse, tokenize } from "@huggingface/jinja";
import { IlabError } from "../util/errors.ts";
import { jinjaGlobals } from "./jinja-globals.ts";

/** Real templates with tool use stay under 40 thousand characters. */
export const MAX_TEMPLATE_CHARACTERS = 256 * 1024;
/** More text than any context window of today holds; also bounds every intermediate string and list. */
export const MAX_RENDERED_CHARACTERS = 8 * 1024 * 1024;
/** Expressions evaluated in one rendering: about a hundred per message in real templates. */
export const MAX_RENDER_STEPS = 500_000;

/** A conversation's turn as templates see it; every role (`tool`, `document`) reaches the template unchanged. */
export interface TemplateMessage {
  role: string;
  content: string;
  /** What the assistant thought before its answer; templates know it as `reasoning_content` or as `thinking`. */
  reasoning?: string;
}

export interface RenderChatOptions {
  /** Ends the text where the assistant's answer begins. */
  addGenerationPrompt?: boolean;
  /** Text of the beginning-of-sequence token; empty when the model has none. */
  bosToken?: string;
  eosToken?: string;
  /** What `strftime_now` tells the template; now by default. */
  now?: Date;
}

type Parsed = ReturnType<typeof parse>;
const parsedTemplates = new Map<string, Parsed>();

/**
 * The conversation as one text, special tokens written out.
 * Throws `CHAT_TEMPLATE_INVALID` (does not parse), `CHAT_TEMPLATE_REFUSED` (the template raised an error about the messages)
 * and `CHAT_TEMPLATE_LIMIT` (too large, too long at work).
 */
export function renderChat(
  template: string,
  messages: readonly TemplateMessage[],
  options: RenderChatOptions = {},
): string {
  const program = parseTemplate(template);
  const environment = new Environment();
  for (const [name, value] of Object.entries(globals(options.now ?? new Date()))) environment.set(name, value);
  environment.set("messages", messages.map(asTemplateValue));
  // As the Python libraries call templates: known, and nothing.
  environment.set("tools", null);
  environment.set("documents", null);
  environment.set("add_generation_prompt", options.addGenerationPrompt ?? false);
  environment.set("bos_token", options.bosToken ?? "");
  environment.set("eos_token", options.eosToken ?? "");
  // Jinja knows this test under several names, the package under one.
  for (const name of ["==", "eq"]) environment.tests.set(name, environment.tests.get("equalto")!);
  try {
    return String(new BoundedInterpreter(environment).run(program).value);
  } catch (cause) {
    throw describeRenderError(cause);
  }
}

function asTemplateValue({ role, content, reasoning }: TemplateMessage): Record<string, string> {
  return reasoning === undefined
    ? { role, content }
    : { role, content, reasoning_content: reasoning, thinking: reasoning };
}

function parseTemplate(template: string): Parsed {
  if (template.length > MAX_TEMPLATE_CHARACTERS)
    throw limitError(
      `the model's chat template has ${template.length} characters; at most ${MAX_TEMPLATE_CHARACTERS} are read`,
    );
  const known = parsedTemplates.get(template);
  if (known) return known;
  try {
    const program = parse(tokenize(template, { lstrip_blocks: true, trim_blocks: true }));
    if (parsedTemplates.size >= 16) parsedTemplates.clear();
    parsedTemplates.set(template, program);
    return program;
  } catch (cause) {
    throw new IlabError({
      code: "CHAT_TEMPLATE_INVALID",
      message: `the model's chat template cannot be read: ${messageOf(cause)}`,
      hint: "The GGUF file carries a template that is not valid Jinja. Get the model from another source.",
      cause,
    });
  }
}

interface RuntimeValue {
  type: string;
  value: unknown;
}

/** What the package's interpreter is; its own declarations do not resolve under Node's module rules. */
type InterpreterClass = new (
  environment: Environment,
) => {
  run(program: Parsed): RuntimeValue;
  evaluate(statement: unknown, environment: Environment): RuntimeValue;
};

/** Counts evaluations, looks at the size of every intermediate value, and strips what it is told to. */
class BoundedInterpreter extends (Interpreter as unknown as InterpreterClass) {
  private steps = 0;

  override evaluate(statement: unknown, environment: Environment): RuntimeValue {
    this.steps += 1;
    if (this.steps > MAX_RENDER_STEPS)
      throw limitError(`the model's chat template was stopped after ${MAX_RENDER_STEPS} steps`);
    const result =
      this.stripCharacters(statement as StripCall | undefined, environment) ?? super.evaluate(statement, environment);
    const { value } = result;
    if ((typeof value === "string" || Array.isArray(value)) && value.length > MAX_RENDERED_CHARACTERS)
      throw limitError(`the model's chat template made more than ${MAX_RENDERED_CHARACTERS} characters`);
    return result;
  }

  /** Python's `text.strip("\n")`: the package takes all white space away whatever it is given, also what belongs to an answer. */
  private stripCharacters(statement: StripCall | undefined, environment: Environment): RuntimeValue | undefined {
    if (statement?.type !== "CallExpression") return;
    const { callee, args } = statement;
    if (args.length !== 1 || callee.type !== "MemberExpression" || callee.computed) return;
    const method = callee.property.value;
    if (method !== "strip" && method !== "lstrip" && method !== "rstrip") return;
    const text = this.evaluate(callee.object, environment);
    const characters = this.evaluate(args[0], environment);
    if (typeof text.value !== "string" || typeof characters.value !== "string") return;
    const isStripped = (character: string | undefined) =>
      character !== undefined && (characters.value as string).includes(character);
    let start = 0;
    let end = text.value.length;
    if (method !== "rstrip") while (start < end && isStripped(text.value[start])) start += 1;
    if (method !== "lstrip") while (end > start && isStripped(text.value[end - 1])) end -= 1;
    const StringValue = text.constructor as new (value: string) => RuntimeValue;
    return new StringValue(text.value.slice(start, end));
  }
}

/** The part of the package's syntax tree that `stripCharacters` looks at. */
interface StripCall {
  type: string;
  callee: { type: string; computed: boolean; object: unknown; property: { value?: unknown } };
  args: unknown[];
}

/** Thrown by `raise_exception`, which templates call when they do not accept the conversation. */
class TemplateRaised extends Error {}

function globals(now: Date): Record<string, unknown> {
  return {
    ...jinjaGlobals((length) => limitError(`the model's chat template asked for range() of ${length} numbers`)),
    raise_exception: (message: unknown) => {
      throw new TemplateRaised(String(message));
    },
    strftime_now: (format: string) => formatDate(now, String(format)),
  };
}

const monthNames = "January February March April May June July August September October November December".split(" ");

/** The `strftime` fields that chat templates use. */
function formatDate(now: Date, format: string): string {
  const two = (value: number) => String(value).padStart(2, "0");
  const fields: Record<string, string> = {
    Y: String(now.getFullYear()),
    m: two(now.getMonth() + 1),
    d: two(now.getDate()),
    B: monthNames[now.getMonth()]!,
    b: monthNames[now.getMonth()]!.slice(0, 3),
    H: two(now.getHours()),
    M: two(now.getMinutes()),
    S: two(now.getSeconds()),
  };
  return format.replace(/%([a-zA-Z])/g, (whole, letter: string) => fields[letter] ?? whole);
}

function limitError(message: string): IlabError {
  return new IlabError({
    code: "CHAT_TEMPLATE_LIMIT",
    message,
    hint: "No honest template needs that. Get the model from a source that you trust.",
  });
}

function describeRenderError(cause: unknown): unknown {
  if (cause instanceof IlabError) return cause;
  // The interpreter wraps the engine's own "call stack" and "string length" errors.
  if (cause instanceof RangeError || /call stack|string length/i.test(messageOf(cause)))
    return limitError(`the model's chat template was stopped: ${messageOf(cause)}`);
  if (cause instanceof TemplateRaised)
    return new IlabError({
      code: "CHAT_TEMPLATE_REFUSED",
      message: `the model's chat template refused the conversation: ${cause.message}`,
      hint: "Many templates want user and assistant in turn, and some take no system message.",
      cause,
    });
  return new IlabError({
    code: "CHAT_TEMPLATE_INVALID",
    message: `the model's chat template failed: ${messageOf(cause)}`,
    hint: "The GGUF file carries a template that does not work. Get the model from another source.",
    cause,
  });
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
