/** A block that is too long for one piece -> what it may be cut into. */
import { type DocumentBlock, fencedCode, tableHead, tableRow } from "../formats/documents/document-block.ts";
import { cutListItem } from "./cut-list-item.ts";
import { type CutOptions, type CutPart, type CutPiece, gather, sentencesOf } from "./cut-text.ts";

/** Rows under the table's header, lines of code between fences: as many together as fit. */
export async function cutRigidBlock(
  block: DocumentBlock & { kind: "table" | "code" },
  options: CutOptions,
): Promise<CutPiece[]> {
  if (block.kind === "table") {
    const head = `${tableHead(block.header).join("\n")}\n`;
    // A head that would take half of the room is not repeated.
    const isRepeated = (await options.count(head)) <= options.budget / 2;
    const rows = isRepeated ? block.rows : [block.header, ...block.rows];
    return await gather(rows.map(tableRow), (text) => (isRepeated ? head : "") + text, options);
  }
  return await gather(block.text.split("\n"), (text) => fencedCode(text, block.language), options);
}

/** The parts of a long paragraph or list, none beyond the budget: sentences, items. */
export async function cutProse(
  block: DocumentBlock & { kind: "paragraph" | "list" },
  options: CutOptions,
): Promise<CutPart[]> {
  if (block.kind === "paragraph") return (await sentencesOf(block.text, options)).map((text) => ({ text, joint: " " }));
  const parts: CutPart[] = [];
  for (const item of block.items)
    if ((await options.count(item)) <= options.budget) parts.push({ text: item, joint: "\n" });
    else for (const part of await cutListItem(item, options)) parts.push(part);
  return parts;
}
