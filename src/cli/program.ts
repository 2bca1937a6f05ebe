/** Builds the command tree from the command list; used by `main.ts`, the documentation generator and tests. */
import { type Argument, Command } from "commander";
import { ilabVersion } from "../util/assets.ts";
import type { Bind, RegisterCommand } from "./command.ts";
import { commandList, type GroupName, groupDescriptions } from "./command-list.ts";
import { addGlobalOptions } from "./global-options.ts";

export interface ProgramOutput {
  writeOut(text: string): void;
  writeErr(text: string): void;
  /** Columns for help texts. */
  helpWidth?: number;
}

export function buildProgram(bind: Bind, output: ProgramOutput): Command {
  const program = new Command("ilab")
    .description(
      "Grow a few examples into training data, tune a language model on your own machine, and see with numbers what it learned and what it forgot.",
    )
    .usage("[options] <command>")
    .version(ilabVersion, "--version", "print the version")
    .helpOption("-h, --help", "show this help")
    .helpCommand(false)
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({
      writeOut: output.writeOut,
      writeErr: output.writeErr,
      ...(output.helpWidth === undefined
        ? {}
        : {
            getOutHelpWidth: () => output.helpWidth!,
            getErrHelpWidth: () => output.helpWidth!,
            getOutHasColors: () => false,
          }),
    })
    .configureHelp({
      showGlobalOptions: true,
      subcommandTerm: (command) => [command.name(), ...command.registeredArguments.map(argumentTerm)].join(" "),
    });

  const groups = new Map<GroupName, Command>();
  for (const name of Object.keys(groupDescriptions) as GroupName[]) {
    if (commandList.some((entry) => entry.group === name))
      groups.set(
        name,
        program.command(name).description(groupDescriptions[name]).usage("<command>").helpCommand(false),
      );
  }
  const aliases: string[] = [];
  for (const entry of commandList) {
    const parent = entry.group === undefined ? program : groups.get(entry.group)!;
    entry.register(parent, bind);
    if (entry.isTopLevelAlias) aliases.push(registerAlias(program, parent, entry.register, bind));
  }
  addGlobalOptionsBelow(program, false);
  if (aliases.length > 0) program.addHelpText("after", `\nAliases:\n${aliases.map((line) => `  ${line}`).join("\n")}`);
  program.addHelpText("after", "\nExamples:\n  ilab demo\n  ilab model download\n  ilab model train --help");
  return program;
}

/** Registers the command once more at the top level, out of the list of the help text. */
function registerAlias(program: Command, group: Command, register: RegisterCommand, bind: Bind): string {
  const scratch = new Command().copyInheritedSettings(program);
  register(scratch, bind);
  const alias = scratch.commands[0]!;
  program.addCommand(alias, { hidden: true });
  return `${alias.name().padEnd(10)}ilab ${group.name()} ${alias.name()}`;
}

function addGlobalOptionsBelow(command: Command, isHidden: boolean): void {
  addGlobalOptions(command, isHidden);
  for (const child of command.commands) addGlobalOptionsBelow(child, true);
}

function argumentTerm(argument: Argument): string {
  const name = argument.name() + (argument.variadic ? "..." : "");
  return argument.required ? `<${name}>` : `[${name}]`;
}
