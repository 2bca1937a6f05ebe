/** `ilab taxonomy diff`: checks the leaves that changed, and that their documents can be read. */
import type { Issue, LeafNode } from "../../../artifacts.ts";
import { IlabError } from "../../../util/errors.ts";
import type { CommandContext, RegisterCommand } from "../../command.ts";
import { examples } from "../../examples.ts";

interface DiffOptions {
  taxonomyPath?: string;
  taxonomyBase?: string;
  quiet?: boolean;
}

export const register: RegisterCommand = (group, bind) => {
  group
    .command("diff")
    .description("List and check the new and changed leaves of a taxonomy.")
    .option("--taxonomy-path <path>", "taxonomy directory or one qna.yaml")
    .option("--taxonomy-base <reference>", "git reference that changes are counted from; 'empty' takes the whole tree")
    .option("--quiet", "print nothing; the exit status is 1 when there are errors")
    .addHelpText(
      "after",
      examples("ilab taxonomy diff", "ilab taxonomy diff --taxonomy-path ./taxonomy --taxonomy-base empty"),
    )
    .action(bind<DiffOptions>(diff));
};

async function diff(context: CommandContext, options: DiffOptions): Promise<void> {
  const { reporter, signal, paths } = context;
  const { relative, resolve } = await import("node:path");
  const { loadConfig } = await import("../../../config/load-config.ts");
  const { chooseBase } = await import("../../../taxonomy/choose-base.ts");
  const { formatIssue } = await import("../../../taxonomy/format-issue.ts");
  const { readTaxonomy } = await import("../../../taxonomy/read-taxonomy.ts");
  const config = (await loadConfig(paths)).generate;
  const print = (text: string) => {
    if (!options.quiet) reporter.print(text);
  };
  const path = resolve(options.taxonomyPath ?? config.taxonomy_path);
  const chosen = { asked: options.taxonomyBase, configured: config.taxonomy_base, signal };
  const { base, note } = await chooseBase(path, chosen);
  if (note !== undefined) print(note);

  const { leaves, issues, files } = await readTaxonomy(path, { base, signal });
  for (const file of files) print(relative(path, file) || file);
  for (const leaf of leaves) issues.push(...(await documentIssues(context, leaf)));

  const format = process.env["GITHUB_ACTIONS"] === "true" ? "github" : "text";
  for (const issue of issues) print(formatIssue(issue, format));
  const errorCount = issues.filter(({ severity }) => severity === "error").length;
  const summary = `${count(files.length, base === "empty" ? "leaf" : "changed leaf", base === "empty" ? "leaves" : "changed leaves")} in ${path}: ${count(errorCount, "error", "errors")}, ${count(issues.length - errorCount, "warning", "warnings")}`;
  if (errorCount > 0)
    throw new IlabError({
      code: "TAXONOMY_INVALID",
      message: options.quiet ? "" : summary,
      hint: "Correct the places named above and check again.",
      details: { issues },
    });
  print(summary);
  reporter.result({
    leaves: leaves.map(({ file, taxonomyPath, kind, seedExamples, heldOut }) => ({
      ...{ file, taxonomyPath, kind },
      ...{ seedExamples: seedExamples.length, heldOutQuestions: heldOut.length },
    })),
    issues,
  });
}

/** Documents that cannot be had, as a finding at the leaf's `document`. Other failures (disk, cancel) are not about the leaf. */
async function documentIssues({ paths, signal }: CommandContext, leaf: LeafNode): Promise<Issue[]> {
  const { join } = await import("node:path");
  const { readDocuments } = await import("../../../seeds/read-documents.ts");
  const { locateInLeaf } = await import("../../../taxonomy/locate-in-leaf.ts");
  const { displayPath } = await import("../../../taxonomy/to-issues.ts");
  try {
    await readDocuments(leaf, { cacheDirectory: join(paths.cache, "documents"), signal });
    return [];
  } catch (error) {
    if (!(error instanceof IlabError) || !error.code.startsWith("DOCUMENT_")) throw error;
    const position = await locateInLeaf(leaf.file, ["document"]);
    const code = error.code.toLowerCase().replaceAll("_", "-");
    const { message, hint } = error;
    return [{ file: displayPath(leaf.file), ...position, severity: "error", code, path: "document", message, hint }];
  }
}

function count(number: number, one: string, many: string): string {
  return `${number} ${number === 1 ? one : many}`;
}
