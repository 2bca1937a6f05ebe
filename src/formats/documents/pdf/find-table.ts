/** Consecutive lines whose words stand in columns -> the rows of a table. */
import type { PdfLine } from "./pdf-lines.ts";
import { joinWords, spansOf } from "./pdf-rows.ts";

/** A gap of more than this part of the font's size sets cells apart; justified text has smaller ones. */
const CELL_GAP = 1.3;

interface Column {
  from: number;
  to: number;
}

/** How many lines from `start` on are a table, and its rows; undefined when the line begins none. */
export function findTable(
  lines: readonly PdfLine[],
  start: number,
  leading: number,
): { lineCount: number; rows: string[][] } | undefined {
  const first = lines[start]!;
  if (cellsOf(first).length < 2) return undefined;
  let columns: Column[] = [];
  let end = start;
  let fullLines = 0;
  let accepted = start;
  for (; end < lines.length; end++) {
    const line = lines[end]!;
    const before = lines[end - 1];
    if (line.flow !== first.flow) break;
    if (end > start && line.y - before!.y > 2.6 * leading * line.size) break;
    const cells = cellsOf(line);
    if (cells.length < 2 && !isInside(cells[0]!, columns)) break;
    if (cells.length < 2 && line.y - before!.y > 1.1 * leading * line.size) break;
    const grown = mergeColumns([...columns, ...cells]);
    if (!cellsFit(cells, grown) || (columns.length >= 2 && grown.length < Math.max(2, columns.length - 1))) break;
    columns = grown;
    if (cells.length >= 2) {
      fullLines += 1;
      accepted = end;
    } else accepted = end;
  }
  const used = lines.slice(start, accepted + 1);
  if (fullLines < 2 || columns.length < 2 || !used.every((line) => cellsFit(cellsOf(line), columns))) return undefined;

  const rows: string[][] = [];
  for (const [index, line] of used.entries()) {
    const cells = columns.map(() => "");
    for (const cell of cellsOf(line)) cells[columnOf(cell, columns)] = joinWords(cell.words);
    const last = rows.at(-1);
    const isNear = index > 0 && line.y - used[index - 1]!.y <= 1.1 * leading * line.size;
    // A line without a first cell goes on with the row above.
    if (last !== undefined && isNear && cells[0] === "")
      for (const [column, cell] of cells.entries()) last[column] = `${last[column]} ${cell}`.trim();
    else rows.push(cells);
  }
  return rows.length < 2 ? undefined : { lineCount: used.length, rows };
}

function cellsOf(line: PdfLine) {
  return spansOf(line.words, CELL_GAP);
}

function mergeColumns(columns: readonly Column[]): Column[] {
  const merged: Column[] = [];
  for (const { from, to } of columns.toSorted((a, b) => a.from - b.from)) {
    const last = merged.at(-1);
    if (last !== undefined && from < last.to) last.to = Math.max(last.to, to);
    else merged.push({ from, to });
  }
  return merged;
}

function columnOf({ from, to }: Column, columns: readonly Column[]): number {
  return columns.findIndex((column) => from < column.to && to > column.from);
}

/** Every cell in a column of its own. */
function cellsFit(cells: readonly Column[], columns: readonly Column[]): boolean {
  return new Set(cells.map((cell) => columnOf(cell, columns))).size === cells.length;
}

function isInside(cell: Column, columns: readonly Column[]): boolean {
  return (
    columns.length >= 2 &&
    columns.some(({ from, to }, index) => {
      const next = columns[index + 1];
      return cell.from >= from - 2 && cell.from <= to && cell.to <= (next === undefined ? to + 20 : next.from);
    })
  );
}
