/** `ilab config show`: the configuration in force as commented YAML, or one value of it. */
import { closestName } from "../../../util/did-you-mean.ts";
import { UsageError } from "../../../util/errors.ts";
import type { CommandContext, RegisterCommand } from "../../command.ts";
import { examples } from "../../examples.ts";

interface ShowOptions {
  key?: string;
  withoutComments?: boolean;
}

export const register: RegisterCommand = (group, bind) => {
  group
    .command("show")
    .description("Show the configuration in force: the file's values, with defaults where it has none.")
    .option("-k, --key <name>", "show this key alone, such as chat.model")
    .option("--without-comments", "leave the explanations out (also -wc)")
    .addHelpText("after", examples("ilab config show", "ilab config show -k generate.teacher.model_path"))
    .action(bind(showConfig));
};

async function showConfig({ reporter, paths }: CommandContext, options: ShowOptions): Promise<void> {
  const { stringify } = await import("yaml");
  const { listConfigKeys } = await import("../../../config/config-tree.ts");
  const { loadConfig } = await import("../../../config/load-config.ts");
  const { toCommentedYaml } = await import("../../../config/to-commented-yaml.ts");

  const config = await loadConfig(paths);
  if (options.key === undefined) {
    const text = options.withoutComments ? stringify(config) : toCommentedYaml(config, paths);
    reporter.print(text.trimEnd());
    reporter.result(config);
    return;
  }
  const names = listConfigKeys(paths).map((key) => key.path.join("."));
  if (!names.includes(options.key)) {
    const nearest = closestName(options.key, names);
    throw new UsageError(
      `there is no configuration key '${options.key}'`,
      nearest === undefined ? "'ilab config show' lists all keys." : `Did you mean '${nearest}'?`,
    );
  }
  const value = options.key
    .split(".")
    .reduce<unknown>((inner, part) => (inner as Record<string, unknown>)[part], config);
  reporter.print(typeof value === "object" && value !== null ? stringify(value).trimEnd() : String(value));
  reporter.result(value);
}
