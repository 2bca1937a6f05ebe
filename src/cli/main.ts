#!/usr/bin/env node
/**
 * The program's door: parses the command line, runs one command, turns whatever is thrown into a message and an exit status.
 * This is the only place that catches. Nothing heavy is imported here: `ilab --help` answers in the time that Node needs to start.
 */
import type { CommanderError } from "commander";
import { createBind } from "./create-bind.ts";
import { printError } from "./print-error.ts";
import { buildProgram } from "./program.ts";
import { expandTwoLetterFlags } from "./two-letter-flags.ts";
import { toUsageError } from "./usage-error.ts";

/** How long native threads and sockets may linger after the work is over. */
const LINGER_MS = 2000;

async function main(): Promise<void> {
  const controller = new AbortController();
  let interrupts = 0;
  const stop = () => {
    interrupts += 1;
    // Whoever presses Ctrl-C again does not want to wait for an orderly end.
    if (interrupts > 1) process.exit(130);
    controller.abort();
  };
  process.on("SIGINT", stop);
  process.on("SIGTERM", stop);
  // The reader of our output went away (`ilab ... | head`): nothing is left to say, and that is no failure.
  for (const stream of [process.stdout, process.stderr])
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "EPIPE") throw error;
    });

  const words = expandTwoLetterFlags(process.argv.slice(2));
  const { stdout, stderr } = process;
  const bind = createBind({ stdout, stderr, signal: controller.signal });
  let heldBack = "";
  const program = buildProgram(bind, {
    writeOut: (text) => stdout.write(text),
    // Commander's own error texts are replaced by ours; help for a group without a verb arrives here as well.
    writeErr: (text) => {
      heldBack += text;
    },
  });
  try {
    await program.parseAsync(words, { from: "user" });
    process.exitCode = 0;
  } catch (error) {
    if (isCommanderError(error)) {
      if (error.code === "commander.help") stdout.write(heldBack);
      if (["commander.help", "commander.helpDisplayed", "commander.version"].includes(error.code)) return;
    }
    process.exitCode = printError(isCommanderError(error) ? toUsageError(error, program, words) : error, {
      stdout,
      stderr,
      json: words.includes("--json"),
      verbose: words.includes("--verbose") || words.includes("-v"),
      isCancelled: controller.signal.aborted,
    });
  }
}

function isCommanderError(error: unknown): error is CommanderError {
  return error instanceof Error && "code" in error && String(error.code).startsWith("commander.");
}

await main();
/*
 * Normally the process now ends by itself. Native threads of a model that was cancelled in mid-computation, or a socket that a
 * server keeps open, can hold it for minutes; the work is over and its status is known, so after a short grace it is ended. The
 * timer does not keep the process alive, and it starts only when all output has been handed over to a slow reader.
 */
process.stdout.write("", () => process.stderr.write("", () => setTimeout(() => process.exit(), LINGER_MS).unref()));
