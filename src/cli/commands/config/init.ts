/** `ilab config init`: writes a commented configuration and makes the directories that the program uses. */
import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { CancelledError, UsageError } from "../../../util/errors.ts";
import { describeWriteError, writeFileAtomic } from "../../../util/fs.ts";
import type { CommandContext, RegisterCommand } from "../../command.ts";
import { examples } from "../../examples.ts";

interface InitOptions {
  interactive: boolean;
  profile?: string;
  modelPath?: string;
  taxonomyPath?: string;
  taxonomyBase?: string;
}

export const register: RegisterCommand = (group, bind) => {
  group
    .command("init")
    .description("Write a commented configuration file and make the directories for models and data.")
    .option("--interactive", "ask before an existing file is replaced (default)")
    .option("--non-interactive", "ask nothing; an existing file is replaced")
    .option("--profile <file>", "start from the values of this configuration file")
    .option("--model-path <model>", "model for teacher, student and chat")
    .option("--taxonomy-path <directory>", "where the taxonomy is")
    .option("--taxonomy-base <reference>", "git reference that taxonomy changes are counted from")
    .addHelpText("after", examples("ilab config init", "ilab config init --non-interactive --taxonomy-path ./taxonomy"))
    .action(
      bind<Omit<InitOptions, "interactive"> & { nonInteractive?: boolean }>((context, options) =>
        initConfig(context, { ...options, interactive: options.nonInteractive !== true }),
      ),
    );
};

async function initConfig({ reporter, paths, confirm }: CommandContext, options: InitOptions): Promise<void> {
  const { createConfigSchema } = await import("../../../config/config-schema.ts");
  const { readConfigFile } = await import("../../../config/read-config-file.ts");
  const { toCommentedYaml } = await import("../../../config/to-commented-yaml.ts");

  const file = paths.configFile;
  if (existsSync(file) && options.interactive && !(await confirm(`Replace the configuration ${file}?`)))
    throw new CancelledError(
      `${file} exists and was left as it is`,
      "Give --yes or --non-interactive to replace it, or --config PATH to write another file.",
    );

  const template = options.profile ?? process.env["ILAB_GLOBAL_CONFIG"];
  if (template !== undefined && template !== "" && !existsSync(template))
    throw new UsageError(`the profile ${template} does not exist`, "Give the path of a configuration file.");
  const { config, warnings } = template
    ? await readConfigFile(template, paths)
    : { config: createConfigSchema(paths).parse({}), warnings: [] };
  for (const warning of warnings) reporter.warn(warning);
  if (options.modelPath !== undefined) {
    config.chat.model = options.modelPath;
    config.generate.teacher.model_path = options.modelPath;
    config.train.model_path = options.modelPath;
    config.evaluate.base_model = options.modelPath;
  }
  if (options.taxonomyPath !== undefined) config.generate.taxonomy_path = options.taxonomyPath;
  if (options.taxonomyBase !== undefined) config.generate.taxonomy_base = options.taxonomyBase;

  for (const directory of [paths.models, paths.datasets, paths.checkpoints, paths.chatLogs, paths.internal])
    await mkdir(directory, { recursive: true }).catch((error: unknown) => {
      throw describeWriteError(directory, error);
    });
  await writeFileAtomic(file, toCommentedYaml(config, paths));
  reporter.print(`Wrote ${file}\nShow what is in force with 'ilab config show'.`);
  reporter.result({ file });
}
