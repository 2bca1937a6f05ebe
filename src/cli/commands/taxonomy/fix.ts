/** `ilab taxonomy fix`: mends the form of leaves and says what it changed. */
import type { CommandContext, RegisterCommand } from "../../command.ts";
import { examples } from "../../examples.ts";

interface FixOptions {
  taxonomyPath?: string;
  taxonomyBase?: string;
  dryRun?: boolean;
}

export const register: RegisterCommand = (group, bind) => {
  group
    .command("fix")
    .description("Mend the form of new and changed leaves: blanks, indentation, missing quotes, an old version.")
    .option("--taxonomy-path <path>", "taxonomy directory or one qna.yaml")
    .option("--taxonomy-base <reference>", "git reference that changes are counted from; 'empty' takes the whole tree")
    .option("--dry-run", "show what would change and write nothing")
    .addHelpText(
      "after",
      examples("ilab taxonomy fix --dry-run", "ilab taxonomy fix --taxonomy-path knowledge/x/qna.yaml"),
    )
    .action(bind<FixOptions>(fix));
};

async function fix({ reporter, signal, paths }: CommandContext, options: FixOptions): Promise<void> {
  const { resolve } = await import("node:path");
  const { loadConfig } = await import("../../../config/load-config.ts");
  const { chooseBase } = await import("../../../taxonomy/choose-base.ts");
  const { fixLeaves } = await import("../../../taxonomy/fix/fix-leaves.ts");
  const config = (await loadConfig(paths)).generate;
  const path = resolve(options.taxonomyPath ?? config.taxonomy_path);
  const chosen = { asked: options.taxonomyBase, configured: config.taxonomy_base, signal };
  const { base, note } = await chooseBase(path, chosen);
  if (note !== undefined) reporter.print(note);
  const results = await fixLeaves(path, { base, isDryRun: options.dryRun, signal });
  const changed = results.filter(({ steps }) => steps.length > 0);
  for (const { file, steps, changes } of changed) {
    reporter.print(`${file}: ${steps.join(", ")}`);
    for (const { sign, line, text } of changes) reporter.print(`  ${String(line).padStart(4)} ${sign} ${text}`);
  }
  const left = results.filter(({ errorsLeft }) => errorsLeft > 0).length;
  const done = `${changed.length} of ${results.length} leaves ${options.dryRun ? "would be mended" : "mended"}`;
  reporter.print(
    left === 0 ? done : `${done}; ${left} with errors that only you can correct: see 'ilab taxonomy diff'`,
  );
  reporter.result({ isDryRun: options.dryRun ?? false, leaves: results });
}
