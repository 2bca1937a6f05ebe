/**
 * The options that every command understands, before or after its name. They are declared on each level of the command tree
 * (hidden below the root), so that a value such as `-qq "-v?"` is never mistaken for one of them.
 */
import { type Command, Option } from "commander";
import { ilabVersion } from "../util/assets.ts";

export interface GlobalOptions {
  config?: string;
  verbose?: boolean;
  json?: boolean;
  yes?: boolean;
}

const declarations: [flags: string, description: string][] = [
  ["--config <path>", "configuration file to use; DEFAULT means the built-in values"],
  ["-v, --verbose", "say more; show the stack of unexpected errors"],
  ["--json", "print one JSON value on standard output"],
  ["-y, --yes", "answer every question with yes"],
];

/** Options that the command itself already declares under the same name are left to it. */
export function addGlobalOptions(command: Command, isHidden: boolean): void {
  for (const [flags, description] of declarations) {
    const option = new Option(flags, description).hideHelp(isHidden);
    const isTaken = command.options.some(
      (other) => other.long === option.long || (option.short !== undefined && other.short === option.short),
    );
    if (!isTaken) command.addOption(option);
  }
  if (isHidden) {
    command.version(ilabVersion, "--version");
    command.options.find((option) => option.long === "--version")!.hideHelp();
  }
}

/** Values given anywhere on the line; the one nearest to the command's own name wins. */
export function readGlobalOptions(command: Command): GlobalOptions {
  const levels: Command[] = [];
  for (let level: Command | null = command; level !== null; level = level.parent) levels.unshift(level);
  return Object.assign({}, ...levels.map((level) => level.opts())) as GlobalOptions;
}
