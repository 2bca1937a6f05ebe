/** A taxonomy on disk -> its leaf nodes in a fixed order, with everything that is wrong with them. */
import { basename } from "node:path";
import { setImmediate } from "node:timers/promises";
import type { Issue, LeafNode } from "../artifacts.ts";
import { throwIfAborted } from "../util/errors.ts";
import { type FindLeafFilesOptions, findLeafFiles } from "./find-leaf-files.ts";
import { LEAF_FILE } from "./leaf-path.ts";
import type { LintConfig } from "./lint/lint-config.ts";
import { warning } from "./problem.ts";
import { displayPath } from "./to-issues.ts";
import { validateLeaf } from "./validate-leaf.ts";

export interface ReadTaxonomyOptions extends FindLeafFilesOptions {
  /** Rules of form, every one of which is an error. Default: what upstream checks leaves with. */
  lintConfig?: LintConfig;
}

export interface Taxonomy {
  /** Leaves without errors, ordered by file. No two have the same `name`. */
  leaves: LeafNode[];
  /** Ordered by file, then by place in it. */
  issues: Issue[];
  /** Every `qna.yaml` that was looked at, absolute and ordered: those with errors too. */
  files: string[];
}

/** After so many files whatever else waits has its turn, Ctrl-C above all. */
const FILES_AT_ONCE = 64;

/**
 * `path`: the taxonomy's root, one `qna.yaml`, or a directory that holds one. Throws `UsageError` for a path that is none of
 * these and `TAXONOMY_BASE_NOT_FOUND` for a base that git does not know; what is wrong inside files comes back as issues.
 */
export async function readTaxonomy(path: string, options: ReadTaxonomyOptions = {}): Promise<Taxonomy> {
  const { root, files, misnamed, unreachable } = await findLeafFiles(path, options);
  const issues: Issue[] = misnamed.map((file) => ({
    file: displayPath(file),
    ...warning(
      "wrong-file-name",
      `'${basename(file)}' is not read: a leaf's file is named '${LEAF_FILE}'`,
      "Rename it.",
    ),
  }));
  for (const folder of unreachable)
    issues.push({
      file: displayPath(folder),
      ...warning("name-not-utf-8", "the folder's name is not UTF-8: nothing in it is read", "Rename it."),
    });
  const leaves: LeafNode[] = [];
  const byName = new Map<string, LeafNode>();
  for (const [index, file] of files.entries()) {
    if (index % FILES_AT_ONCE === 0) await setImmediate();
    throwIfAborted(options.signal);
    const { leaf, issues: found } = validateLeaf(file, { root, lintConfig: options.lintConfig });
    issues.push(...found);
    if (leaf === undefined) continue;
    const named = withOwnName(leaf, byName, issues);
    byName.set(named.name, named);
    leaves.push(named);
  }
  return { leaves, issues, files };
}

/** A leaf's name is the name of its files, and `a/b_c` and `a_b/c` have the same. */
function withOwnName(leaf: LeafNode, byName: ReadonlyMap<string, LeafNode>, issues: Issue[]): LeafNode {
  const twin = byName.get(leaf.name);
  if (twin === undefined) return leaf;
  let number = 2;
  while (byName.has(`${leaf.name}_${number}`)) number += 1;
  const name = `${leaf.name}_${number}`;
  issues.push({
    file: displayPath(leaf.file),
    ...warning(
      "same-leaf-name",
      `this leaf and ${displayPath(twin.file)} would both be named '${leaf.name}'; this one is named '${name}'`,
      "Rename one of the folders: '/' and '_' count as the same in a leaf's name.",
    ),
  });
  return { ...leaf, name };
}
