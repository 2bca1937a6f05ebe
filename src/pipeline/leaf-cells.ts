/** The cells that say which leaf a row came from, for blocks that add rows of their own. */
import type { LeafNode, Row } from "../artifacts.ts";

export const leafColumns = ["leaf_node_type", "leaf_node_path", "domain"] as const;

export function leafCells(leaf: LeafNode): Row {
  return { leaf_node_type: leaf.kind, leaf_node_path: leaf.name, domain: leaf.domain ?? "" };
}
