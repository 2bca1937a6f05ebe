/** Why a leaf gave no question and answer: which block took most, for what reason, and what would help. */
import type { GeneratedLeaf, LeafSeeds } from "../artifacts.ts";

/** What every sentence gives by itself, without a teacher; it does not count as yield. */
const withoutTeacher = ["sentence", "about", "echo", "keywords"];

export function hasPairs({ generated }: GeneratedLeaf): boolean {
  return generated.some((row) => !withoutTeacher.includes(String(row["dataset_type"])));
}

export function describeEmptyLeaf({ leaf, preprocessed, drops }: GeneratedLeaf, { chunks }: LeafSeeds): string {
  const start = `${leaf.taxonomyPath}: no question and answer came out`;
  if (leaf.kind === "knowledge" && chunks.length === 0) return `${start}, because its documents hold no text.`;
  const worst = [...drops].sort((a, b) => b.count - a.count)[0];
  if (worst === undefined) return `${start} of ${preprocessed.length} rows: the teacher wrote none.`;
  const total = drops.reduce((sum, { count }) => sum + count, 0);
  const { question, response, completion } = worst.example;
  const shown = question === undefined ? completion : `${question} ${response ?? ""}`;
  const example = shown === undefined || shown === null ? "" : ` (such as: ${String(shown).trim().slice(0, 160)})`;
  return `${start}: block '${worst.block}' dropped ${worst.count} of ${total} rows, because ${worst.reason}${example}.`;
}
