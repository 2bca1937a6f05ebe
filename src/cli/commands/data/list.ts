/** `ilab data list`: the generation runs of a directory. */
import { existsSync } from "node:fs";
import { basename, resolve } from "node:path";
import { UsageError } from "../../../util/errors.ts";
import type { CommandContext, RegisterCommand } from "../../command.ts";
import { examples } from "../../examples.ts";
import { formatAge, formatBytes } from "../../reporters/format.ts";
import { formatTable } from "../../reporters/format-table.ts";

export const register: RegisterCommand = (group, bind) => {
  group
    .command("list")
    .description("List the runs that generated training data, newest first.")
    .option("--dataset-dirs <directory...>", "list the runs of these directories instead")
    .addHelpText("after", examples("ilab data list", "ilab data list --dataset-dirs ./runs --json"))
    .action(bind(list));
};

async function list({ reporter, paths }: CommandContext, options: { datasetDirs?: string[] }): Promise<void> {
  const { loadConfig } = await import("../../../config/load-config.ts");
  const { listDataRuns } = await import("../../../datasets/list-data-runs.ts");
  const directories = options.datasetDirs ?? [(await loadConfig(paths)).generate.output_dir];
  for (const directory of options.datasetDirs ?? [])
    if (!existsSync(directory)) throw new UsageError(`the directory ${directory} does not exist`);
  const runs = (await Promise.all(directories.map((directory) => listDataRuns(resolve(directory))))).flat();
  reporter.result(runs);
  if (runs.length === 0) {
    reporter.print(`No runs in ${directories.join(", ")}. Make one with 'ilab data generate'.`);
    return;
  }
  const now = Date.now();
  const rows = runs.flatMap((run) => {
    const first = [
      basename(run.directory),
      formatAge(now - Date.parse(run.startedAt)),
      teacherName(run.teacher),
      run.pipeline ?? "?",
      String(run.samples),
      formatBytes(run.sizeBytes),
    ];
    const leaves = run.leaves.map(({ name, generatedRows }) => [name, String(generatedRows)]);
    const lines = leaves.length === 0 ? [["", ""]] : leaves;
    return lines.map((leaf, index) => [...(index === 0 ? first : first.map(() => "")), ...leaf]);
  });
  reporter.print(formatTable(["Run", "Age", "Teacher", "Pipeline", "Samples", "Size", "Leaf", "Rows"], rows));
  const unfinished = runs.filter(({ hasManifest }) => !hasManifest);
  if (unfinished.length > 0)
    reporter.print(
      `\nWithout a manifest, so unfinished or made by another program: ${unfinished.map(({ directory }) => basename(directory)).join(", ")}`,
    );
}

/** A file's name, or the model's own behind its server's address (`http://…/v1#name`). */
function teacherName(teacher = "?"): string {
  return teacher.includes("#") ? teacher.slice(teacher.indexOf("#") + 1) : basename(teacher);
}
