/** A list item that is too long for one piece -> parts: sentences, rows of tables, and code, which keeps its lines, indentation and fences. */
import { type CutOptions, type CutPart, fittingLines, gather, sentencesOf } from "./cut-text.ts";

export async function cutListItem(item: string, options: CutOptions): Promise<CutPart[]> {
  const parts: CutPart[] = [];
  for (const segment of segmentsOf(item.split("\n"))) {
    let texts: string[];
    if (segment.kind === "code") texts = await cutCode(segment, options);
    else if (segment.kind === "row") texts = await fittingLines([segment.line], options);
    else {
      const sentences = await sentencesOf(segment.line, options);
      for (const [index, text] of sentences.entries()) parts.push({ text, joint: index === 0 ? "\n" : " " });
      continue;
    }
    for (const text of texts) parts.push({ text, joint: "\n" });
  }
  return parts;
}

type Segment =
  | { kind: "line" | "row"; line: string }
  /** `lead`: the opening line up to its fence; the marker of the item may stand there. */
  | { kind: "code"; lead: string; fence: string; language: string; lines: string[] };

function segmentsOf(lines: readonly string[]): Segment[] {
  const segments: Segment[] = [];
  let code: (Segment & { kind: "code" }) | undefined;
  for (const line of lines) {
    if (code !== undefined) {
      if (line.trim().startsWith(code.fence) && /^\s*(`+|~+)\s*$/.test(line)) code = undefined;
      else code.lines.push(line);
      continue;
    }
    const opening = /^(\s*(?:(?:-|\d+\.|[a-zA-Z]\.|[ivxlcIVXLC]+\.) )?)(`{3,}|~{3,})(.*)$/.exec(line);
    if (opening !== null) {
      code = { kind: "code", lead: opening[1]!, fence: opening[2]!, language: opening[3]!, lines: [] };
      segments.push(code);
    } else segments.push({ kind: /^\s*\|.*\|\s*$/.test(line) ? "row" : "line", line });
  }
  return segments.filter((segment) => segment.kind === "code" || segment.line.trim() !== "");
}

/** Every part is a whole block of code. */
async function cutCode(code: Segment & { kind: "code" }, options: CutOptions): Promise<string[]> {
  const { lead, fence, language, lines } = code;
  const indent = " ".repeat(lead.length);
  const wrap = (text: string) => `${indent}${fence}${language}\n${text}\n${indent}${fence}`;
  const pieces = await gather(lines, wrap, options);
  return pieces.map(({ text }, index) => (index === 0 ? lead + text.slice(lead.length) : text));
}
