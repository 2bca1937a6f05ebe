/** A configuration as YAML in which every key is explained. */
import { stringify } from "yaml";
import type { IlabConfig } from "./config-schema.ts";
import { listConfigKeys } from "./config-tree.ts";
import type { IlabPaths } from "./paths.ts";

const WIDTH = 90;

export function toCommentedYaml(config: IlabConfig, paths: IlabPaths): string {
  const lines: string[] = [];
  for (const key of listConfigKeys(paths)) {
    const indent = "  ".repeat(key.path.length - 1);
    const name = key.path.at(-1)!;
    if (key.path.length === 1 && lines.length > 0) lines.push("");
    for (const line of wrap(key.description, WIDTH - indent.length - 2)) lines.push(`${indent}# ${line}`);
    if (key.type === undefined) {
      lines.push(`${indent}${name}:`);
      continue;
    }
    const value = key.path.reduce<unknown>((inner, part) => (inner as Record<string, unknown>)[part], config);
    lines.push(`${indent}# Default: ${scalar(key.default)}`, `${indent}${name}: ${scalar(value)}`);
  }
  return `${lines.join("\n")}\n`;
}

function scalar(value: unknown): string {
  return stringify(value, { lineWidth: 0 }).trimEnd();
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}
