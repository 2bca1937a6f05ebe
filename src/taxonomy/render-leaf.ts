/** The text of a `qna.yaml` of version 3. */
import { parseYaml } from "./parse-yaml.ts";
import type { NewLeaf } from "./write-new-leaf.ts";

export function renderLeaf(leaf: NewLeaf): string {
  const content = {
    version: 3,
    created_by: leaf.createdBy,
    ...(leaf.taskDescription === undefined ? {} : { task_description: leaf.taskDescription }),
    ...(leaf.domain === undefined ? {} : { domain: leaf.domain }),
    ...(leaf.documentOutline === undefined ? {} : { document_outline: leaf.documentOutline }),
    ...(leaf.document === undefined ? {} : { document: leaf.document }),
    seed_examples: leaf.seedExamples,
  };
  return `${lines(content, 0).join("\n")}\n`;
}

/** A mapping or list as lines; texts stay readable: plain where that means the same, behind `|-` where they have several lines. */
function lines(value: unknown, indent: number): string[] {
  const blanks = " ".repeat(indent);
  if (Array.isArray(value))
    return value.flatMap((item: unknown) => {
      if (typeof item !== "object" || item === null) return [`${blanks}- ${scalar(item, indent)}`];
      const [first, ...rest] = lines(item, indent + 2);
      return [`${blanks}- ${(first ?? "{}").trimStart()}`, ...rest];
    });
  return Object.entries(value as Record<string, unknown>).flatMap(([key, child]) => {
    const name = `${blanks}${scalar(key, indent)}:`;
    if (typeof child !== "object" || child === null) return [`${name} ${scalar(child, indent)}`];
    const inner = lines(child, indent + 2);
    return inner.length === 0 ? [`${name} ${Array.isArray(child) ? "[]" : "{}"}`] : [name, ...inner];
  });
}

function scalar(value: unknown, indent: number): string {
  if (typeof value !== "string") return JSON.stringify(value) ?? "null";
  const isReadAs = (form: string) => (parseYaml(`key: ${form}\n`).yaml?.value as { key?: unknown })?.key === value;
  if (!value.includes("\n") && isReadAs(value)) return value;
  const end = value.endsWith("\n") ? "|" : "|-";
  const deeper = " ".repeat(indent + 2);
  const text = value.replace(/\n$/, "").split("\n");
  const block = [end, ...text.map((line) => (line === "" ? "" : `${deeper}${line}`))].join("\n");
  const hasBlankEnds = text.some((line) => /\s$/.test(line));
  if (text.length > 1 && !hasBlankEnds && !/\n{3}/.test(value) && isReadAs(block)) return block;
  return JSON.stringify(value);
}
