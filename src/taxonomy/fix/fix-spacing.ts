/** The blanks around colons, commas and inside of brackets, as the rules of form want them. */
import type { PositionedValue } from "../parse-yaml.ts";
import { applyEdits, type Edit } from "./apply-edits.ts";

export function fixSpacing({ tokens, lines }: PositionedValue): string {
  const edits: Edit[] = [];
  for (let index = 1; index < tokens.length; index++) {
    const left = tokens[index - 1]!;
    const right = tokens[index]!;
    if (
      left.endLine !== right.line ||
      left.end > right.start ||
      right.kind.endsWith("-start") !== right.start < right.end
    ) {
      // Tokens without a width, as the beginning of a mapping, have nothing before them that counts.
      if (right.start === right.end) continue;
    }
    if (left.endLine !== right.line || lines.text.slice(left.end, right.start).trim() !== "") continue;
    const gap = right.start - left.end;
    let wanted = gap;
    if (right.kind === "value" && right.end > right.start) wanted = left.kind === "alias" ? Math.min(gap, 1) : 0;
    else if (right.kind === "flow-entry") wanted = 0;
    else if (left.kind === "flow-entry") wanted = 1;
    else if (left.kind === "flow-sequence-start" || left.kind === "flow-mapping-start") wanted = Math.min(gap, 1);
    else if (right.kind === "flow-sequence-end" || right.kind === "flow-mapping-end") wanted = Math.min(gap, 1);
    else if (left.kind === "value" || (left.kind === "key" && left.end > left.start)) wanted = Math.min(gap, 1);
    if (wanted !== gap) edits.push({ start: left.end, end: right.start, words: " ".repeat(wanted) });
  }
  return applyEdits(lines.text, edits);
}
