/** Turns what commander says about a wrong command line into our error, with the nearest names of the whole program. */
import type { Command, CommanderError } from "commander";
import { closestName } from "../util/did-you-mean.ts";
import { UsageError } from "../util/errors.ts";

export function toUsageError(error: CommanderError, program: Command, words: readonly string[]): UsageError {
  const [first = "", ...rest] = error.message.replace(/^error: /, "").split("\n");
  const suggestion = rest.join(" ").replace(/^\(|\)$/g, "");
  const level = deepestCommand(program, words);
  const help = `Run '${fullName(level)} --help' to see what there is.`;
  if (error.code === "commander.unknownCommand") {
    const word = /'(.*)'/.exec(first)?.[1] ?? "";
    const nearest = nearestCommand(program, level, word);
    return new UsageError(first, nearest === undefined ? help : `Did you mean '${nearest}'? ${help}`);
  }
  return new UsageError(first, suggestion === "" ? help : `${suggestion} ${help}`);
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
