/** A taxonomy on disk -> its leaf nodes in a fixed order, with everything that is wrong with them. */
import { basename } from "node:path";
import type { Issue, LeafNode } from "../artifacts.ts";
import { throwIfAborted } from "../util/errors.ts";
import { type FindLeafFilesOptions, findLeafFiles } from "./find-leaf-files.ts";
import { LEAF_FILE } from "./leaf-path.ts";
import { problem } from "./problem.ts";
import { displayPath, validateLeaf } from "./validate-leaf.ts";

export interface Taxonomy {
  /** Leaves without errors, ordered by file. */
  leaves: LeafNode[];
  /** Ordered by file, then by place in it. */
  issues: Issue[];
  /** Every `qna.yaml` that was looked at, absolute and ordered: those with errors too. */
  files: string[];
}

/**
 * `path`: the taxonomy's root, one `qna.yaml`, or a directory that holds one. Throws `UsageError` for a path that is none of
 * these and `TAXONOMY_BASE_NOT_FOUND` for a base that git does not know; what is wrong inside files comes back as issues.
 */
export async function readTaxonomy(path: string, options: FindLeafFilesOptions = {}): Promise<Taxonomy> {
  const { root, files, misnamed } = await findLeafFiles(path, options);
  const leaves: LeafNode[] = [];
  const issues: Issue[] = misnamed.map((file) => ({
    file: displayPath(file),
    ...problem(
      "wrong-file-name",
      `'${basename(file)}' is not read: a leaf's file is named '${LEAF_FILE}'`,
      "Rename it.",
    ),
    severity: "warning",
  }));
  const names = new Map<string, LeafNode>();
  for (const file of files) {
    throwIfAborted(options.signal);
    const { leaf, issues: found } = await validateLeaf(file, { root });
    issues.push(...found);
    if (leaf === undefined) continue;
    const twin = names.get(leaf.name);
    if (twin === undefined) {
      names.set(leaf.name, leaf);
      leaves.push(leaf);
      continue;
    }
    issues.push({
      file: displayPath(file),
      ...problem(
        "same-leaf-name",
        `this leaf and ${displayPath(twin.file)} would both be named '${leaf.name}'`,
        "Rename one of the folders: '/' and '_' count as the same in a leaf's name.",
      ),
    });
  }
  return { leaves, issues, files };
}
