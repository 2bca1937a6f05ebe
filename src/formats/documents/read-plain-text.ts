/** Plain text -> paragraphs, which empty lines set apart. Nothing in it is markup. */
import type { DocumentBlock } from "./document-block.ts";

export function readPlainText(text: string): DocumentBlock[] {
  return text
    .split(/(?:\r\n?|\n)[ \t\f]*(?:\r\n?|\n)|\f/)
    .map((paragraph) => paragraph.replace(/[ \t]*(?:\r\n?|\n)/g, "\n").trim())
    .filter((paragraph) => paragraph !== "")
    .map((paragraph) => ({ kind: "paragraph", text: paragraph }));
}
