/**
 * Whether a leaf's document source is safe to use: nothing in it may leave its root or become an option of a program. Upstream accepts
 * anything for a repository, so those are warnings here; whoever fetches documents refuses them.
 */
import { realpathSync, statSync } from "node:fs";
import { dirname, isAbsolute, join, relative, sep } from "node:path";
import type { DocumentSource } from "../../artifacts.ts";
import { commitProblem, repositoryProblem } from "../../util/git.ts";
import { patternProblem } from "../../util/glob.ts";
import type { PositionedValue } from "../parse-yaml.ts";
import { type Problem, problem, type YamlPath } from "../problem.ts";

export function checkDocument(file: string, source: DocumentSource, yaml: PositionedValue): Problem[] {
  const problems: Problem[] = [];
  const severity = "folder" in source ? "error" : "warning";
  const report = (path: YamlPath, code: string, message: string, hint: string) =>
    problems.push({ ...problem(code, message, hint, yaml.locate(path), path), severity });
  for (const [index, pattern] of source.patterns.entries()) {
    const why = patternProblem(pattern);
    if (why !== undefined)
      report(
        ["document", "patterns", index],
        "unsafe-pattern",
        `the pattern '${pattern}' ${why}`,
        'Write it relative to the root of the documents, such as "*.md" or "guide/**/*.md".',
      );
  }
  if ("folder" in source) {
    const why = folderProblem(dirname(file), source.folder);
    if (why !== undefined) report(["document", "folder"], why.code, why.message, why.hint);
    return problems;
  }
  const repository = repositoryProblem(source.repo);
  if (repository !== undefined)
    report(
      ["document", "repo"],
      "unsafe-repository",
      `the repository '${source.repo}' ${repository}`,
      "Give an https or ssh address, or a path.",
    );
  const commit = commitProblem(source.commit);
  if (commit !== undefined)
    report(
      ["document", "commit"],
      "unsafe-commit",
      `the commit '${source.commit}' ${commit}`,
      "Give the full commit id, which 'git rev-parse HEAD' prints.",
    );
  return problems;
}

function folderProblem(
  leafDirectory: string,
  folder: string,
): { code: string; message: string; hint: string } | undefined {
  const outside = {
    code: "folder-outside",
    message: `the folder '${folder}' is not inside the leaf's directory`,
    hint: "Put the documents into a folder beside the qna.yaml and give its name alone.",
  };
  if (patternProblem(folder) !== undefined) return outside;
  try {
    const [root, target] = [leafDirectory, join(leafDirectory, folder)].map((path) => realpathSync.native(path));
    const way = relative(root!, target!);
    if (way === ".." || way.startsWith(`..${sep}`) || isAbsolute(way)) return outside;
    if (statSync(target!).isDirectory()) return undefined;
    return {
      code: "folder-not-found",
      message: `'${folder}' is a file, not a folder`,
      hint: "Name the folder in 'folder' and the file in 'patterns'.",
    };
  } catch {
    return {
      code: "folder-not-found",
      message: `the folder '${folder}' does not exist beside the qna.yaml`,
      hint: `Create ${join(leafDirectory, folder)} and put the documents there, or correct the name.`,
    };
  }
}
