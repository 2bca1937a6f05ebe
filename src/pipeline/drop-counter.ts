/** Counts dropped rows by block and reason and keeps the first of each as an example. */
import type { DropRecord, Row } from "../artifacts.ts";

export interface DropCounter {
  add(block: string, row: Row, reason: string): void;
  /** In the order of first appearance. */
  records(): DropRecord[];
}

export function createDropCounter(): DropCounter {
  const found = new Map<string, DropRecord>();
  return {
    add(block, row, reason) {
      const key = JSON.stringify([block, reason]);
      const record = found.get(key);
      if (record) record.count += 1;
      else found.set(key, { block, reason, count: 1, example: row });
    },
    records: () => [...found.values()],
  };
}
