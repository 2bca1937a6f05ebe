/** Turns a command's action into commander's callback: reads the global options, checks the configuration, makes the context. */
import { existsSync } from "node:fs";
import { devNull } from "node:os";
import { resolve } from "node:path";
import type { Command } from "commander";
import { findConfigFile } from "../config/find-config-file.ts";
import { type IlabPaths, ilabPaths } from "../config/paths.ts";
import { UsageError } from "../util/errors.ts";
import { setLogLevel } from "../util/log.ts";
import { askYesOrNo } from "./ask-yes-or-no.ts";
import type { Bind, CommandContext } from "./command.ts";
import { type GlobalOptions, readGlobalOptions } from "./global-options.ts";
import { createReporter } from "./reporters/create-reporter.ts";
import type { OutputStream } from "./reporters/output.ts";

/** These must work when the configuration is missing or broken: they are how it is made and looked into. */
const commandsWithoutConfig = new Set(["config init", "system info"]);

export interface BindOptions {
  stdout: OutputStream;
  stderr: OutputStream;
  signal: AbortSignal;
}

export function createBind({ stdout, stderr, signal }: BindOptions): Bind {
  return (action) =>
    async (...commanderArguments) => {
      const command = commanderArguments.at(-1) as Command;
      const options = commanderArguments.at(-2) as Parameters<typeof action>[1];
      const positional = commanderArguments.slice(0, -2).flat() as string[];
      const globals = readGlobalOptions(command);
      const { json = false, verbose = false, yes = false } = globals;
      const reporter = createReporter({ stdout, stderr, json, verbose });
      if (verbose) setLogLevel("DEBUG");
      let succeeded = false;
      try {
        const paths = selectPaths(globals);
        if (!commandsWithoutConfig.has(`${command.parent?.name()} ${command.name()}`))
          await checkConfig(paths, globals, (text) => reporter.warn(text));
        const context: CommandContext = {
          reporter,
          signal,
          paths,
          json,
          confirm: async (question) => yes || (!json && (await askYesOrNo(question, signal))),
        };
        await action(context, options, ...positional);
        succeeded = true;
      } finally {
        reporter.close(succeeded);
      }
    };
}

function selectPaths({ config }: GlobalOptions): IlabPaths {
  const paths = ilabPaths();
  if (config === undefined) return paths;
  return { ...paths, configFile: config === "DEFAULT" ? devNull : resolve(config) };
}

/** A broken file stops every command with one clear message, also those that would have read it late or not at all. */
async function checkConfig(paths: IlabPaths, globals: GlobalOptions, warn: (text: string) => void): Promise<void> {
  if (globals.config !== undefined && !existsSync(paths.configFile))
    throw new UsageError(
      `the configuration file ${paths.configFile} does not exist`,
      `Create it with 'ilab config init --config ${globals.config}', or leave --config out.`,
    );
  const file = findConfigFile(paths.configFile);
  if (file === undefined) return;
  const { readConfigFile } = await import("../config/read-config-file.ts");
  const { config, warnings } = await readConfigFile(file, paths);
  for (const warning of warnings) warn(warning);
  if (!globals.verbose) setLogLevel(config.general.log_level);
}
