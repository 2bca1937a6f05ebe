/** The command tree as a whole: what holds for every command. */
import type { Command } from "commander";
import { expect, test } from "vitest";
import type { Bind } from "./command.ts";
import { type GlobalOptions, readGlobalOptions } from "./global-options.ts";
import { buildProgram } from "./program.ts";
import { expandTwoLetterFlags } from "./two-letter-flags.ts";

let written = "";
const output = {
  writeOut(text: string) {
    written += text;
  },
  writeErr() {},
};
let globals: GlobalOptions;
const recordGlobals: Bind =
  () =>
  async (...commanderArguments) => {
    globals = readGlobalOptions(commanderArguments.at(-1) as Command);
  };

function leaves(command: Command, path: string[] = []): [path: string, command: Command][] {
  return command.commands.flatMap((child): [string, Command][] =>
    child.commands.length > 0 ? leaves(child, [...path, child.name()]) : [[[...path, child.name()].join(" "), child]],
  );
}

const all = leaves(buildProgram(recordGlobals, output));

test.each(all)("ilab %s has a description, an example that names it, and hyphenated flags", (path, command) => {
  written = "";
  command.outputHelp();
  const example = new RegExp(`Examples?:\\n( {2}.*\\n)*? {2}ilab .*${command.name()}`);
  expect(written, path).toMatch(example);
  expect(command.description()).toMatch(/^[A-Z].*\.$/);
  for (const option of command.options) expect(option.long).toMatch(/^--[a-z0-9]+(-[a-z0-9]+)*$/);
});

test.each([
  ["before", ["--json", "-y", "--config", "a.yaml", "system", "info", "-v"]],
  ["after", ["system", "info", "-v", "--json", "-y", "--config", "a.yaml"]],
  ["between", ["system", "--json", "-v", "--config", "a.yaml", "info", "-y"]],
])("global options are understood %s the command", async (_, words) => {
  await buildProgram(recordGlobals, output).parseAsync(words, { from: "user" });
  expect(globals).toMatchObject({ json: true, yes: true, verbose: true, config: "a.yaml" });
});

test("a value that looks like a global option stays a value", async () => {
  const words = ["config", "show", "--key=--json"];
  await buildProgram(recordGlobals, output).parseAsync(words, { from: "user" });
  expect(globals).not.toHaveProperty("json");
  expect(globals).toMatchObject({ key: "--json" });
});

test("two-letter flags become their long form, except after --", () => {
  expect(expandTwoLetterFlags(["chat", "-qq", "why?", "-wc", "--", "-qq"])).toEqual([
    "chat",
    "--quick-question",
    "why?",
    "--without-comments",
    "--",
    "-qq",
  ]);
});
