/** What every document is read into, whatever its format: headings, paragraphs, lists, tables and code in reading order. */

export type DocumentBlock =
  /** Level 0 is a document's title where its format has one beside headings; 1 to 9 are headings, the smaller the higher. */
  | { kind: "heading"; level: number; text: string }
  /** Plain text without markup; a line break stands where the author set one. */
  | { kind: "paragraph"; text: string }
  /** Each item with its marker and what is indented below it. */
  | { kind: "list"; items: string[] }
  /** Rectangular; cells without line breaks. Names of columns may be empty. */
  | { kind: "table"; header: string[]; rows: string[][] }
  | { kind: "code"; text: string; language: string };

/** As Markdown, whose tables and code any reader, person or model, understands. Headings are not text. */
export function blockText(block: DocumentBlock): string {
  switch (block.kind) {
    case "list":
      return block.items.join("\n");
    case "table":
      return [...tableHead(block.header), ...block.rows.map(tableRow)].join("\n");
    case "code":
      return fencedCode(block.text, block.language);
    default:
      return block.text;
  }
}

/** The first two lines of a table. */
export function tableHead(header: readonly string[]): string[] {
  return [tableRow(header), `| ${header.map(() => "---").join(" | ")} |`];
}

export function tableRow(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
}

/** The fence is longer than any inside. */
export function fencedCode(text: string, language: string): string {
  const fences = text.match(/^ {0,3}`{3,}/gm) ?? [];
  const longest = fences.reduce((length, inner) => Math.max(length, inner.trim().length), 2);
  const fence = "`".repeat(longest + 1);
  return `${fence}${language}\n${text}\n${fence}`;
}

/** One item of a list: the blocks below the first line are indented as far as its text. */
export function listItem(marker: string, blocks: readonly DocumentBlock[]): string {
  const indent = " ".repeat(marker.length + 1);
  const lines = blocks.map(blockText).join("\n").split("\n");
  return lines.map((line, index) => (index === 0 ? `${marker} ${line}` : line === "" ? "" : indent + line)).join("\n");
}

/** Rows of one length, as long as the longest; the first is the header unless another is given. */
export function tableBlock(rows: string[][], header?: string[]): DocumentBlock {
  // A table may have more rows than a call may have arguments.
  const width = rows.reduce((widest, row) => Math.max(widest, row.length), header?.length ?? 0);
  const padded = [...(header === undefined ? [] : [header]), ...rows].map((row) =>
    Array.from({ length: width }, (_, column) => row[column] ?? ""),
  );
  return { kind: "table", header: padded[0]!, rows: padded.slice(1) };
}
