/** `ilab model remove`: deletes a model of the store after asking. */
import { resolve } from "node:path";
import { CancelledError, UsageError } from "../../../util/errors.ts";
import type { CommandContext, RegisterCommand } from "../../command.ts";
import { examples } from "../../examples.ts";

interface RemoveOptions {
  model?: string;
  modelDir?: string;
  force?: boolean;
}

export const register: RegisterCommand = (group, bind) => {
  group
    .command("remove")
    .description("Delete a model of the store.")
    .argument("[model]", "name as 'ilab model list' shows it")
    .option("-m, --model <model>", "the same")
    .option("--model-dir <directory>", "store to delete from (also -md)")
    .option("-f, --force", "do not ask")
    .addHelpText("after", examples("ilab model remove smollm2-135m", "ilab model remove --model old.gguf --force"))
    .action(bind(remove));
};

async function remove(context: CommandContext, options: RemoveOptions, argument?: string): Promise<void> {
  const { reporter, paths, confirm } = context;
  const { findRemovableModel, removeModel } = await import("../../../models/remove-model.ts");
  const name = options.model ?? argument;
  if (name === undefined) throw new UsageError("no model was named", "Name one that 'ilab model list' shows.");
  const directory = options.modelDir === undefined ? paths.models : resolve(options.modelDir);
  const path = await findRemovableModel(name, { directory });
  if (!options.force && !(await confirm(`Delete ${path}?`)))
    throw new CancelledError(`${path} was not deleted`, "Give --force or --yes to delete without being asked.");
  await removeModel(name, { directory });
  reporter.print(`Deleted ${path}`);
  reporter.result({ removed: path });
}
