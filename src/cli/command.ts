/** What a command file exports and what it is given. A command parses flags, calls a stage, reports: at most 100 lines. */
import type { Command } from "commander";
import type { IlabPaths } from "../config/paths.ts";
import type { WorkEvent } from "../util/events.ts";

/** Shows what happens. Human text goes to stdout, progress to stderr; with `--json`, stdout carries exactly one JSON value. */
export interface Reporter {
  event(event: WorkEvent): void;
  /** A line (or lines) for a person; silent under `--json`. */
  print(text: string): void;
  /** A warning on stderr in every mode. */
  warn(text: string): void;
  /** The command's result, printed under `--json` only. Call once, at the end. */
  result(value: unknown): void;
}

export interface CommandContext {
  reporter: Reporter;
  /** Fires on Ctrl-C and SIGTERM. */
  signal: AbortSignal;
  paths: IlabPaths;
  json: boolean;
  /** Asks yes or no; true at once under `--yes`; false at once when nobody can be asked. */
  confirm(question: string): Promise<boolean>;
}

export type CommandAction<Options> = (context: CommandContext, options: Options, ...args: string[]) => Promise<void>;

/** Turns an action into commander's callback: builds the context, closes the reporter. */
export type Bind = <Options>(action: CommandAction<Options>) => (...commanderArguments: unknown[]) => Promise<void>;

/** Every `commands/<group>/<verb>.ts` exports one of these as `register`; heavy imports go inside the action. */
export type RegisterCommand = (group: Command, bind: Bind) => void;
