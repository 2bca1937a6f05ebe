/**
 * All matches of a user's pattern, within a time limit: a pattern that backtracks badly would hold the whole program, since Node.js runs it in one piece.
 * Watching costs a fifth of a millisecond, so texts and patterns that cannot take long are not watched.
 */
import { createContext, Script } from "node:vm";

/** Below it, a pattern without repeated groups that meets no long run of blanks takes milliseconds. */
const HARMLESS_CHARACTERS = 20_000;
const LONG_BLANKS = /\s{100}/;
const REPEATED_GROUP = /\)[*+{]/;

let watched: { script: Script; context: { run: () => void } } | undefined;

/** @param pattern with the flag `g`. Undefined when the time ran out. */
export function boundedMatches(text: string, pattern: RegExp, timeoutMs: number): RegExpExecArray[] | undefined {
  const match = () => [...text.matchAll(pattern)];
  if (text.length < HARMLESS_CHARACTERS && !REPEATED_GROUP.test(pattern.source) && !LONG_BLANKS.test(text))
    return match();
  watched ??= { script: new Script("run()"), context: createContext({}) as { run: () => void } };
  let matches: RegExpExecArray[] = [];
  watched.context.run = () => {
    matches = match();
  };
  try {
    watched.script.runInContext(watched.context, { timeout: timeoutMs });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ERR_SCRIPT_EXECUTION_TIMEOUT") return undefined;
    throw error;
  }
  return matches;
}
