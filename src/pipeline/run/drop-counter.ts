/** Counts dropped rows by block and reason, with an example of each. Rows come in any order; the account is the same in every run. */
import type { DropRecord, Row } from "../../artifacts.ts";

export interface DropCounter {
  add(block: string, row: Row, reason: string): void;
  /** By block, in the given order, then by reason. */
  records(): DropRecord[];
}

/** @param blocks their order. */
export function createDropCounter(blocks: readonly string[]): DropCounter {
  const found = new Map<string, DropRecord & { text: string }>();
  return {
    add(block, row, reason) {
      const key = JSON.stringify([block, reason]);
      const record = found.get(key);
      const text = JSON.stringify(row);
      if (record === undefined) {
        found.set(key, { block, reason, count: 1, example: row, text });
        return;
      }
      record.count += 1;
      // Whichever row comes first alphabetically is as good an example as any, and always the same.
      if (text < record.text) Object.assign(record, { example: row, text });
    },
    records: () =>
      [...found.values()]
        .sort((a, b) => blocks.indexOf(a.block) - blocks.indexOf(b.block) || (a.reason < b.reason ? -1 : 1))
        .map(({ text: _, ...record }) => record),
  };
}
