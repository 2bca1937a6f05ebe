/** Where a leaf stands in its taxonomy, and the name that follows from it. */
import { basename, dirname, relative, resolve, sep } from "node:path";

/** Upstream's taxonomy folders; everything beside them is no contribution. */
export const taxonomyFolders = ["knowledge", "compositional_skills"] as const;
export type TaxonomyFolder = (typeof taxonomyFolders)[number];

export const LEAF_FILE = "qna.yaml";
export const ATTRIBUTION_FILE = "attribution.txt";
export const HELD_OUT_FILE = "held_out.yaml";

export interface LeafPath {
  /** Folder that decides which schema holds: the last one on the way to the file, as upstream has it; undefined outside of any. */
  folder?: TaxonomyFolder;
  /** Parts from the taxonomy folder to the leaf's directory. */
  parts: string[];
}

/** The parts begin at the taxonomy's root where it is known, otherwise at the last taxonomy folder on the way to the file. */
export function leafPathOf(file: string, root?: string): LeafPath {
  const directory = dirname(resolve(file));
  const parts = (root === undefined ? directory : relative(resolve(root), directory)).split(sep);
  const start = root === undefined ? parts.findLastIndex(isTaxonomyFolder) : isTaxonomyFolder(parts[0]) ? 0 : -1;
  if (start < 0) return { parts: [basename(directory)] };
  return { folder: parts.findLast(isTaxonomyFolder), parts: parts.slice(start) };
}

export function isTaxonomyFolder(name: string | undefined): name is TaxonomyFolder {
  return (taxonomyFolders as readonly (string | undefined)[]).includes(name);
}
