/** Mends the form of every leaf that changed, on disk or only in thought. */
import { throwIfAborted } from "../../util/errors.ts";
import { writeFileAtomic } from "../../util/fs.ts";
import { checkLeafText } from "../check-leaf-text.ts";
import { type FindLeafFilesOptions, findLeafFiles } from "../find-leaf-files.ts";
import { leafPathOf } from "../leaf-path.ts";
import { readText } from "../read-text.ts";
import { displayPath } from "../to-issues.ts";
import { fixLeafText } from "./fix-leaf-text.ts";
import { type LineChange, lineDiff } from "./line-diff.ts";

export interface FixLeavesOptions extends FindLeafFilesOptions {
  /** Nothing is written. */
  isDryRun?: boolean;
}

export interface FixedLeaf {
  file: string;
  /** What was done; empty when nothing had to be. */
  steps: string[];
  changes: LineChange[];
  /** What is wrong with the file that is no matter of form. */
  errorsLeft: number;
}

/** Ordered by file. Files that cannot be read as text are left alone and count as having an error left. */
export async function fixLeaves(path: string, options: FixLeavesOptions = {}): Promise<FixedLeaf[]> {
  const { root, files } = await findLeafFiles(path, options);
  const results: FixedLeaf[] = [];
  for (const file of files) {
    throwIfAborted(options.signal);
    const read = readText(file);
    if ("problem" in read) {
      results.push({ file: displayPath(file), steps: [], changes: [], errorsLeft: 1 });
      continue;
    }
    const { folder = "compositional_skills" } = leafPathOf(file, root);
    const { text, steps } = fixLeafText(read.text, folder);
    if (text !== read.text && !options.isDryRun) await writeFileAtomic(file, text);
    const errorsLeft = checkLeafText(text, { folder }).problems.filter(({ severity }) => severity === "error").length;
    const changes = lineDiff(read.text, text);
    results.push({ file: displayPath(file), steps, changes, errorsLeft });
  }
  return results;
}
