/** `ilab taxonomy new`: writes a valid leaf from a few questions, or wholly from flags. */
import type { NewLeaf } from "../../../taxonomy/write-new-leaf.ts";
import { UsageError } from "../../../util/errors.ts";
import type { CommandContext, RegisterCommand } from "../../command.ts";
import { examples } from "../../examples.ts";

export interface NewOptions {
  taxonomyPath?: string;
  createdBy?: string;
  taskDescription?: string;
  domain?: string;
  documentOutline?: string;
  repo?: string;
  commit?: string;
  folder?: string;
  pattern?: string[];
  examples?: string;
  title?: string;
  link?: string;
  licence: string;
  creators?: string;
}

export const register: RegisterCommand = (group, bind) => {
  group
    .command("new")
    .argument("[leaf]", "path of the leaf in the taxonomy, such as knowledge/geography/merrowby")
    .description("Write a new leaf; what is not given is asked for.")
    .option("--taxonomy-path <path>", "taxonomy directory")
    .option("--created-by <name>", "who wrote the examples")
    .option("--task-description <text>", "what the model shall be able to do (skills)")
    .option("--domain <text>", "the subject (knowledge)")
    .option("--document-outline <text>", "what the documents are about, in a line (knowledge)")
    .option("--repo <address>", "git repository of the documents (knowledge)")
    .option("--commit <id>", "commit of that repository")
    .option("--folder <name>", "folder of the documents beside the qna.yaml, instead of a repository")
    .option("--pattern <pattern...>", "file name patterns of the documents; default *.md")
    .option("--examples <file>", "seed examples as they stand in a qna.yaml: a YAML or JSON list")
    .option("--title <text>", "title of the work that the text is from; default: the leaf's path")
    .option("--link <address>", "where that work is")
    .option("--licence <name>", "licence of that work", "Apache-2.0")
    .option("--creators <names>", "who made that work; default: you")
    .addHelpText(
      "after",
      examples(
        "ilab taxonomy new",
        "ilab taxonomy new compositional_skills/arts/haiku --created-by me --task-description 'Write a haiku' --examples haiku.yaml",
      ),
    )
    .action(bind<NewOptions>(create));
};

async function create(context: CommandContext, options: NewOptions, path?: string): Promise<void> {
  const { reporter, json, signal } = context;
  const { resolve } = await import("node:path");
  const { loadConfig } = await import("../../../config/load-config.ts");
  const { readSeedExamples } = await import("../../../taxonomy/read-seed-examples.ts");
  const { leafParts, refusalOf, writeNewLeaf } = await import("../../../taxonomy/write-new-leaf.ts");
  const root = resolve(options.taxonomyPath ?? (await loadConfig(context.paths)).generate.taxonomy_path);
  if (path !== undefined) leafParts(path);
  const seedExamples = options.examples === undefined ? undefined : readSeedExamples(options.examples);
  const canAsk = !json && process.stdin.isTTY && process.stderr.isTTY;
  const { askLeaf, keepExamples } = await import("./ask-leaf.ts");
  const refusal = (place: string) => refusalOf(root, place);
  const asked = canAsk ? await askLeaf(path, options, { seedExamples, signal, refusal }) : {};
  const leaf = { ...fromFlags(path, options, seedExamples), ...asked };
  const missing = Object.entries({
    "the path of the leaf": leaf.path,
    "--created-by": leaf.createdBy,
    "--examples": leaf.seedExamples,
  })
    .filter(([, value]) => value === undefined)
    .map(([name]) => name);
  if (missing.length > 0)
    throw new UsageError(
      `not given: ${missing.join(", ")}`,
      "Give them, or run the command in a terminal, where it asks.",
    );
  const { file, attributionFile } = await writeNewLeaf(root, leaf as NewLeaf).catch(async (error: unknown) => {
    if (asked.seedExamples === undefined) throw error;
    reporter.warn(`your examples are in ${await keepExamples(asked.seedExamples)}; --examples takes that file`);
    throw error;
  });
  reporter.print(`wrote ${file}\nwrote ${attributionFile}\nCheck it with: ilab taxonomy diff --taxonomy-path ${file}`);
  reporter.result({ file, attributionFile });
}

function fromFlags(path: string | undefined, options: NewOptions, seedExamples?: unknown[]): Partial<NewLeaf> {
  const { createdBy, taskDescription, domain, documentOutline, repo, commit = "", folder } = options;
  const patterns = options.pattern ?? ["*.md"];
  const fromRepository = repo === undefined ? undefined : { repo, commit, patterns };
  const document = folder === undefined ? fromRepository : { folder, patterns };
  const { title = path ?? "", link = repo ?? "qna.yaml", licence, creators = createdBy ?? "" } = options;
  const attribution = { title, link, licence, creators };
  return { path, createdBy, taskDescription, domain, documentOutline, document, seedExamples, attribution };
}
