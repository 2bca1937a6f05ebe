/** `ilab model list`: the models of the store. */
import { resolve } from "node:path";
import type { CommandContext, RegisterCommand } from "../../command.ts";
import { examples } from "../../examples.ts";
import { formatBytes } from "../../reporters/format.ts";
import { formatTable } from "../../reporters/format-table.ts";

export const register: RegisterCommand = (group, bind) => {
  group
    .command("list")
    .description("List the models of the store.")
    .option("--model-dirs <directory...>", "list these directories instead")
    .addHelpText("after", examples("ilab model list", "ilab model list --json"))
    .action(bind(list));
};

async function list({ reporter, paths }: CommandContext, { modelDirs }: { modelDirs?: string[] }): Promise<void> {
  const { listModels } = await import("../../../models/list-models.ts");
  const directories = modelDirs?.map((directory) => resolve(directory)) ?? [paths.models];
  const models = (await Promise.all(directories.map((directory) => listModels(directory)))).flat();
  reporter.result(models);
  if (models.length === 0) {
    reporter.print(`No models in ${directories.join(", ")}. Get one with 'ilab model download'.`);
    return;
  }
  reporter.print(
    formatTable(
      ["Model", "Size", "Architecture", "Last modified", "File"],
      models.map((model) => [
        model.name,
        formatBytes(model.sizeBytes),
        model.architecture ?? "unreadable",
        model.modifiedAt.slice(0, 16).replace("T", " "),
        model.path,
      ]),
    ),
  );
}
