/** Which files below a root the patterns of a leaf mean: sorted, each once, none of them outside the root. */
import { readdir, realpath, stat } from "node:fs/promises";
import { isAbsolute, join, relative, sep } from "node:path";
import { IlabError, throwIfAborted } from "../util/errors.ts";
import { matchesPattern, patternProblem } from "../util/glob.ts";

/** More files than any collection of documents; walking more only costs time. */
const MAX_FILES = 100_000;

/** Paths relative to `root`, with `/` between their parts. Links to files are followed where they stay inside. */
export async function listDocuments(
  root: string,
  patterns: readonly string[],
  signal?: AbortSignal,
): Promise<string[]> {
  for (const pattern of patterns) {
    const why = patternProblem(pattern);
    if (why !== undefined)
      throw new IlabError({
        code: "DOCUMENT_PATTERN_UNSAFE",
        message: `the pattern '${pattern}' ${why}`,
        hint: "Write it relative to the root of the documents, such as '*.md'.",
      });
  }
  const files: string[] = [];
  await walk(root, "", files, signal);
  const matched = files.filter((file) => patterns.some((pattern) => matchesPattern(pattern, file))).sort();
  const realRoot = await realpath(root);
  const documents: string[] = [];
  const seen = new Set<string>();
  for (const file of matched) {
    const target = await realpath(join(root, file)).catch(() => undefined);
    // A link that leads nowhere is left in the list: reading it tells by name what is missing.
    if (target !== undefined) {
      if (seen.has(target) || (await stat(target)).isDirectory()) continue;
      seen.add(target);
      const way = relative(realRoot, target);
      if (way.split(sep)[0] === ".." || isAbsolute(way))
        throw new IlabError({
          code: "DOCUMENT_OUTSIDE",
          message: `the document '${file}' is a link to a place outside of ${root}`,
          hint: "Put the file itself there.",
        });
    }
    documents.push(file);
  }
  return documents;
}

/** Every file and link below `directory`; directories behind links and git's own are not entered. */
async function walk(root: string, directory: string, files: string[], signal?: AbortSignal): Promise<void> {
  throwIfAborted(signal);
  for (const entry of await readdir(join(root, directory), { withFileTypes: true })) {
    const path = directory === "" ? entry.name : `${directory}/${entry.name}`;
    if (entry.isDirectory()) {
      if (entry.name !== ".git") await walk(root, path, files, signal);
    } else if (entry.isFile() || entry.isSymbolicLink()) files.push(path);
    if (files.length > MAX_FILES)
      throw new IlabError({
        code: "DOCUMENT_TOO_MANY_FILES",
        message: `more than ${MAX_FILES} files lie below ${root}`,
        hint: "Keep the documents in a folder or repository of their own.",
      });
  }
}
