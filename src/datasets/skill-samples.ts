/** A skill leaf's generated rows with what trains on them: upstream's `node_datasets_…/<leaf>.jsonl`. */
import type { JsonValue, LeafNode, Row } from "../artifacts.ts";
import { sampleId } from "./sample-id.ts";
import { isPair, questionInContext, type UsableRows } from "./usable-rows.ts";

export function skillSamples(leaf: LeafNode, { rows: usable }: UsableRows, systemPrompt?: string): Row[] {
  const rows = new Map<string, Row>();
  for (const pair of usable.filter(isPair)) {
    const messages: JsonValue[] = [
      ...(systemPrompt === undefined ? [] : [{ content: systemPrompt, role: "system" }]),
      { content: questionInContext(pair), role: "user" },
      { content: pair.answer, role: "assistant" },
    ];
    const id = sampleId(leaf.taxonomyPath, messages);
    if (!rows.has(id)) rows.set(id, { ...pair.row, id, messages, unmask: false });
  }
  return [...rows.values()];
}
