/** `ilab taxonomy diff`: checks the leaves that changed, and what can be said about their documents. */
import type { LeafNode } from "../../../artifacts.ts";
import { IlabError, UsageError } from "../../../util/errors.ts";
import type { CommandContext, RegisterCommand } from "../../command.ts";
import { examples } from "../../examples.ts";

interface DiffOptions {
  taxonomyPath?: string;
  taxonomyBase?: string;
  yamlRules?: string;
  format: string;
  documents?: boolean;
  strict?: boolean;
  quiet?: boolean;
}

export const register: RegisterCommand = (group, bind) => {
  group
    .command("diff")
    .description("List and check the new and changed leaves of a taxonomy.")
    .option("--taxonomy-path <path>", "taxonomy directory or one qna.yaml")
    .option("--taxonomy-base <reference>", "git reference that changes are counted from; 'empty' takes the whole tree")
    .option("--yaml-rules <file>", "rules of form, as a configuration of yamllint; every finding is an error")
    .option("--format <shape>", "shape of the findings: auto, text, standard, github, logging or json", "auto")
    .option("--documents", "also fetch the repositories of documents, and look for the contexts in them")
    .option("--strict", "take warnings for errors")
    .option("--quiet", "print nothing; the exit status is 1 when there are errors")
    .addHelpText(
      "after",
      examples("ilab taxonomy diff", "ilab taxonomy diff --taxonomy-path ./taxonomy --taxonomy-base empty --strict"),
    )
    .action(bind<DiffOptions>(diff));
};

async function diff(context: CommandContext, options: DiffOptions): Promise<void> {
  const { reporter, signal, paths } = context;
  const { relative, resolve } = await import("node:path");
  const { loadConfig } = await import("../../../config/load-config.ts");
  const { checkLeafDocuments } = await import("../../../taxonomy/check-leaf-documents.ts");
  const { chooseBase } = await import("../../../taxonomy/choose-base.ts");
  const { automaticFormat, formatIssue, issueFormats, printable } = await import("../../../taxonomy/format-issue.ts");
  const { readLintConfig } = await import("../../../taxonomy/lint/lint-config.ts");
  const { readTaxonomy } = await import("../../../taxonomy/read-taxonomy.ts");
  const config = (await loadConfig(paths)).generate;
  const format = issueFormats.find((name) => name === options.format);
  if (format === undefined && options.format !== "auto")
    throw new UsageError(`there is no format '${options.format}'`, `There are: auto, ${issueFormats.join(", ")}.`);
  const shape = format ?? automaticFormat(process.env);
  const isTalkative = !options.quiet && shape !== "json";
  const path = resolve(options.taxonomyPath ?? config.taxonomy_path);
  const chosen = { asked: options.taxonomyBase, configured: config.taxonomy_base, signal };
  const { base, note } = await chooseBase(path, chosen);
  if (note !== undefined && isTalkative) reporter.print(note);

  const lintConfig = options.yamlRules === undefined ? undefined : await readLintConfig(options.yamlRules);
  const { leaves, issues, files } = await readTaxonomy(path, { base, lintConfig, signal });
  if (isTalkative) for (const file of files) reporter.print(printable(relative(path, file) || file));
  for (const leaf of leaves)
    issues.push(...(await checkLeafDocuments(leaf, (one) => documentsOf(context, one, options.documents))));
  if (options.strict) for (const issue of issues) issue.severity = "error";

  if (!options.quiet) for (const issue of issues) reporter.print(formatIssue(issue, shape));
  const errorCount = issues.filter(({ severity }) => severity === "error").length;
  const what = base === "empty" ? ["leaf", "leaves"] : ["changed leaf", "changed leaves"];
  const summary = `${count(files.length, what[0]!, what[1]!)} in ${path}: ${count(errorCount, "error", "errors")}, ${count(issues.length - errorCount, "warning", "warnings")}`;
  if (errorCount > 0)
    throw new IlabError({
      code: "TAXONOMY_INVALID",
      message: options.quiet ? "" : summary,
      hint: "Correct the places named above and check again; 'ilab taxonomy fix' mends what is only a matter of form.",
      details: { issues },
    });
  if (isTalkative) reporter.print(summary);
  reporter.result({
    leaves: leaves.map(({ file, taxonomyPath, kind, seedExamples, heldOut }) => ({
      ...{ file, taxonomyPath, kind },
      ...{ seedExamples: seedExamples.length, heldOutQuestions: heldOut.length },
    })),
    issues,
  });
}

/** A folder beside the leaf is always at hand, a repository when it was fetched before or may be now. */
async function documentsOf({ paths, signal }: CommandContext, leaf: LeafNode, mayFetch = false) {
  const { join } = await import("node:path");
  const { readDocuments } = await import("../../../seeds/read-documents.ts");
  try {
    return await readDocuments(leaf, { cacheDirectory: join(paths.cache, "documents"), isOffline: !mayFetch, signal });
  } catch (error) {
    // What is unsafe was told with its place already.
    const isKnown =
      error instanceof IlabError && /^DOCUMENT_(?:NOT_CACHED|SOURCE_UNSAFE|PATTERN_UNSAFE)$/.test(error.code);
    if (isKnown) return undefined;
    throw error;
  }
}

function count(number: number, one: string, many: string): string {
  return `${number} ${number === 1 ? one : many}`;
}
