/** Turns what commander says about a wrong command line into our error, with the nearest names of the whole program. */
import type { Command, CommanderError } from "commander";
import { closestName } from "../util/did-you-mean.ts";
import { UsageError } from "../util/errors.ts";

export function toUsageError(error: CommanderError, program: Command, words: readonly string[]): UsageError {
  const message = error.message.replace(/^error: /, "").split("\n")[0]!;
  const wrong = /'(.*)'/.exec(message)?.[1] ?? "";
  const level = deepestCommand(program, words);
  let nearest: string | undefined;
  if (error.code === "commander.unknownCommand") nearest = nearestCommand(program, level, wrong);
  if (error.code === "commander.unknownOption") nearest = closestName(wrong, longOptions(program, level));
  const help = `Run '${fullName(level)} --help' to see what there is.`;
  return new UsageError(message, nearest === undefined ? help : `Did you mean '${nearest}'? ${help}`);
}

/** The command's own and the global ones. */
function longOptions(program: Command, level: Command): string[] {
  const help = level.createHelp();
  return [...help.visibleOptions(level), ...help.visibleOptions(program)].flatMap((option) => option.long ?? []);
}

/** Names below the level that was asked first, then every command by its own name: `ilab download` means `ilab model download`. */
function nearestCommand(program: Command, level: Command, word: string): string | undefined {
  const near = new Map(level.commands.map((command) => [command.name(), command]));
  const inLevel = closestName(word, near.keys());
  if (inLevel !== undefined) return fullName(near.get(inLevel)!);
  const all = new Map<string, Command>();
  for (const group of program.commands) for (const command of group.commands) all.set(command.name(), command);
  const anywhere = closestName(word, all.keys());
  return anywhere === undefined ? undefined : fullName(all.get(anywhere)!);
}

function deepestCommand(program: Command, words: readonly string[]): Command {
  let level = program;
  for (const word of words) {
    const next = level.commands.find((command) => command.name() === word);
    if (next !== undefined) level = next;
  }
  return level;
}

function fullName(command: Command): string {
  return command.parent === null ? command.name() : `${fullName(command.parent)} ${command.name()}`;
}
