/**
 * The template package's interpreter, held to what jinja2 does under StrictUndefined, and bounded: pipelines are shared between people.
 * Leans on three methods of the package's class; template.test.ts holds the results against Python's.
 */
import { type Environment, Interpreter } from "@huggingface/jinja";
import { pythonText } from "../text/python-text.ts";
import { Float, ownFilters } from "./template-filters.ts";
import { numberOf, percentFormatted, textMethods } from "./template-methods.ts";

/** Expressions evaluated in one rendering; a long prompt takes some hundreds. */
const MAX_STEPS = 100_000;
/** More text than any context window of today holds. */
const MAX_CHARACTERS = 8 * 1024 * 1024;

interface RuntimeValue {
  type: string;
  value: unknown;
}
interface SyntaxNode {
  type: string;
  [key: string]: unknown;
}

/** What the package's interpreter is; its own declarations do not resolve under Node's module rules. */
type InterpreterClass = new (
  environment: Environment,
) => {
  run(program: unknown): RuntimeValue;
  evaluate(node: SyntaxNode | undefined, environment: Environment): RuntimeValue;
  evaluateBlock(nodes: SyntaxNode[], environment: Environment): RuntimeValue;
  applyFilter(operand: RuntimeValue, filter: SyntaxNode, environment: Environment): RuntimeValue;
  evaluateArguments(nodes: SyntaxNode[], environment: Environment): [RuntimeValue[], Map<string, RuntimeValue>];
};

/** Statements, whose own value is no output. */
const silent = new Set(["Set", "Macro", "Comment", "Break", "Continue"]);

class StrictInterpreter extends (Interpreter as unknown as InterpreterClass) {
  private steps = 0;
  private readonly guarded: WeakSet<object>;

  constructor(environment: Environment, guarded: WeakSet<object>) {
    super(environment);
    this.guarded = guarded;
  }

  override evaluate(node: SyntaxNode | undefined, environment: Environment): RuntimeValue {
    this.steps += 1;
    if (this.steps > MAX_STEPS) throw new Error(`the template was stopped after ${MAX_STEPS} steps`);
    // The package evaluates what is left out, such as the end of a slice, to a value without a meaning.
    if (node === undefined) return super.evaluate(node, environment);
    const result = this.combined(node, environment) ?? super.evaluate(node, environment);
    const { type, value } = result;
    if (type === "UndefinedValue" && (node.type === "Identifier" || node.type === "MemberExpression"))
      if (!this.guarded.has(node)) throw new Error(`'${describe(node)}' has no value`);
    if ((typeof value === "string" || Array.isArray(value)) && value.length > MAX_CHARACTERS)
      throw new Error(`the template made more than ${MAX_CHARACTERS} characters`);
    return result;
  }

  override evaluateBlock(nodes: SyntaxNode[], environment: Environment): RuntimeValue {
    let text = "";
    for (const node of nodes) {
      const value = this.evaluate(node, environment);
      if (!silent.has(node.type)) text += written(value);
    }
    return this.literal("StringLiteral", text, environment);
  }

  override applyFilter(operand: RuntimeValue, filter: SyntaxNode, environment: Environment): RuntimeValue {
    const isCall = filter.type === "CallExpression";
    const name = String(((isCall ? filter["callee"] : filter) as SyntaxNode)["value"]);
    const own = Object.hasOwn(ownFilters, name) ? ownFilters[name] : undefined;
    if (own === undefined) return super.applyFilter(operand, filter, environment);
    const [values, named] = isCall
      ? this.evaluateArguments(filter["args"] as SyntaxNode[], environment)
      : [[], new Map<string, RuntimeValue>()];
    const options = Object.fromEntries([...named].map(([key, value]) => [key, plain(value)]));
    const result = own(plain(operand), values.map(plain), options);
    if (result instanceof Float) return this.literal("FloatLiteral", result.value, environment);
    return wrapped(result, environment);
  }

  /** What the package does for texts and numbers alone, or not at all: `a ~ b`, `a == b` of lists, `a < b` of texts, `'%s' % a`, methods of texts. */
  private combined(node: SyntaxNode, environment: Environment): RuntimeValue | undefined {
    if (node.type === "CallExpression") return this.textMethod(node, environment);
    if (node.type !== "BinaryExpression") return undefined;
    const operator = (node["operator"] as { value: string }).value;
    if (!["~", "==", "!=", "<", ">", "<=", ">=", "%"].includes(operator)) return undefined;
    const left = this.evaluate(node["left"] as SyntaxNode, environment);
    const right = this.evaluate(node["right"] as SyntaxNode, environment);
    if (operator === "~") return this.literal("StringLiteral", `${written(left)}${written(right)}`, environment);
    const [a, b] = [plain(left), plain(right)];
    if (operator === "==" || operator === "!=")
      return wrapped((JSON.stringify(a) === JSON.stringify(b)) === (operator === "=="), environment);
    if (operator === "%") {
      if (typeof a === "string") return wrapped(percentFormatted(a, b), environment);
      // As in Python, the result has the sign of the divisor.
      const rest = ((numberOf(a) % numberOf(b)) + numberOf(b)) % numberOf(b);
      if (Number.isNaN(rest)) throw new Error("modulo by zero");
      const isFloat = left.type === "FloatValue" || right.type === "FloatValue";
      return this.literal(isFloat ? "FloatLiteral" : "IntegerLiteral", rest, environment);
    }
    const areTexts = typeof a === "string" && typeof b === "string";
    const order = areTexts ? (a < b ? -1 : a > b ? 1 : 0) : numberOf(a) - numberOf(b);
    const holds = { "<": order < 0, ">": order > 0, "<=": order <= 0, ">=": order >= 0 }[operator]!;
    return wrapped(holds, environment);
  }

  private textMethod(node: SyntaxNode, environment: Environment): RuntimeValue | undefined {
    const callee = node["callee"] as SyntaxNode;
    if (callee.type !== "MemberExpression" || callee["computed"] === true) return undefined;
    const name = String((callee["property"] as SyntaxNode)["value"]);
    if (!Object.hasOwn(textMethods, name)) return undefined;
    const holder = this.evaluate(callee["object"] as SyntaxNode, environment);
    if (holder.type !== "StringValue") return undefined;
    const [values, named] = this.evaluateArguments(node["args"] as SyntaxNode[], environment);
    const options = Object.fromEntries([...named].map(([key, value]) => [key, plain(value)]));
    return wrapped(textMethods[name]!(holder.value as string, values.map(plain), options), environment);
  }

  private literal(type: string, value: unknown, environment: Environment): RuntimeValue {
    return super.evaluate({ type, value }, environment);
  }
}

/** @param guarded nodes whose value may be missing. */
export function createInterpreter(
  environment: Environment,
  guarded: WeakSet<object>,
): { run(program: unknown): RuntimeValue } {
  return new StrictInterpreter(environment, guarded);
}

/** A plain value as the package holds it; its environments know how. */
export function wrapped(value: unknown, environment: Environment): RuntimeValue {
  return new (environment.constructor as new () => Environment)().set("value", value) as RuntimeValue;
}

function written(value: RuntimeValue): string {
  if (value.type === "StringValue") return value.value as string;
  return value.type === "FloatValue" || value.type === "IntegerValue" ? String(value) : pythonText(plain(value));
}

function plain({ type, value }: RuntimeValue): unknown {
  if (type === "NullValue") return null;
  if (type === "ArrayValue" || type === "TupleValue") return (value as RuntimeValue[]).map(plain);
  if (value instanceof Map) return Object.fromEntries([...value].map(([key, entry]) => [key, plain(entry)]));
  return value;
}

function describe(node: SyntaxNode): string {
  if (node.type === "Identifier") return String(node["value"]);
  const { object, property, computed } = node as unknown as Record<"object" | "property" | "computed", SyntaxNode>;
  return computed ? `${describe(object)}[…]` : `${describe(object)}.${describe(property)}`;
}
