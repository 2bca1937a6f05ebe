/** What a parsed template takes from outside: the names it reads, the filters it uses, and where a missing value is allowed. */

export interface TemplateFacts {
  /** Read from outside and needed; names bound anywhere in the template count as bound. */
  names: string[];
  /** Everything that is read, needed or not. */
  reads: string[];
  filters: string[];
  /** Nodes whose value may be missing: under `is defined` and before `default`. */
  guarded: WeakSet<object>;
}

interface Node {
  type: string;
  [key: string]: unknown;
}

const builtIns = ["range", "namespace", "true", "false", "none", "True", "False", "None", "loop", "caller"];

export function inspectTemplate(program: unknown): TemplateFacts {
  const read: string[] = [];
  const filters: string[] = [];
  const notNeeded = new Set(builtIns);
  const guarded = new WeakSet<object>();

  const bind = (target: unknown): void => {
    if (Array.isArray(target)) target.forEach(bind);
    else if (isNode(target) && target.type === "Identifier") notNeeded.add(target["value"] as string);
    else if (isNode(target) && target.type === "TupleLiteral") bind(target["value"]);
    else if (isNode(target) && target.type === "KeywordArgumentExpression") bind(target["key"]);
  };
  const guard = (operand: unknown): void => {
    if (!isNode(operand)) return;
    guarded.add(operand);
    if (operand.type === "Identifier") notNeeded.add(operand["value"] as string);
  };
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) value.forEach(visit);
    else if (value instanceof Map) for (const [key, entry] of value) visit([key, entry]);
    else if (isNode(value)) visitNode(value);
  };
  const visitNode = (node: Node): void => {
    const { type } = node;
    if (type === "Identifier") return void read.push(node["value"] as string);
    if (type === "For") bind(node["loopvar"]);
    if (type === "Set") bind(node["assignee"]);
    if (type === "Macro") bind([node["name"], node["args"]]);
    // Names of filters, tests, members and keyword arguments are no variables.
    const skipped = new Set(["type", "operator", "key"]);
    if (type === "MemberExpression" && node["computed"] !== true) skipped.add("property");
    if (type === "FilterExpression" || type === "FilterStatement") {
      const filter = node["filter"] as Node;
      const name = nameOf(filter.type === "CallExpression" ? filter["callee"] : filter);
      filters.push(name);
      if (name === "default" || name === "d") guard(node["operand"]);
      if (filter.type === "CallExpression") visit(filter["args"]);
      skipped.add("filter");
    }
    if (type === "TestExpression") {
      if (["defined", "undefined"].includes(nameOf(node["test"]))) guard(node["operand"]);
      skipped.add("test");
    }
    for (const [key, value] of Object.entries(node)) if (!skipped.has(key)) visit(value);
  };
  visit(program);
  const reads = [...new Set(read)];
  return { names: reads.filter((name) => !notNeeded.has(name)), reads, filters, guarded };
}

function nameOf(node: unknown): string {
  return isNode(node) && typeof node["value"] === "string" ? node["value"] : "";
}

function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && typeof (value as Node).type === "string";
}
