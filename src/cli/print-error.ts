/** Writes an error where people or scripts look for it, and tells which exit status belongs to it. */
import { CancelledError, IlabError } from "../util/errors.ts";
import type { OutputStream } from "./reporters/output.ts";

export interface PrintErrorOptions {
  stdout: OutputStream;
  stderr: OutputStream;
  json: boolean;
  verbose: boolean;
  /** The user asked to stop: an abort that comes out of a library means that, whatever its name. */
  isCancelled: boolean;
}

export function printError(thrown: unknown, options: PrintErrorOptions): number {
  const error = toIlabError(thrown, options.isCancelled);
  if (options.json) {
    const { code, message, hint, details } = error;
    options.stdout.write(`${JSON.stringify({ error: { code, message, hint, details } }, null, 2)}\n`);
    // An empty message: the command was asked for its exit status alone.
  } else if (error.message !== "") {
    options.stderr.write(`error: ${error.message}\n`);
    if (error.hint !== undefined) options.stderr.write(`hint: ${error.hint}\n`);
  }
  if (options.verbose) options.stderr.write(`${describeStack(thrown)}\n`);
  return error.exitCode;
}

function toIlabError(thrown: unknown, isCancelled: boolean): IlabError {
  if (thrown instanceof IlabError) return thrown;
  const name = thrown instanceof Error ? thrown.name : "";
  if (isCancelled && (name === "AbortError" || name === "TimeoutError")) return new CancelledError();
  return new IlabError({
    code: "UNEXPECTED",
    message: `unexpected: ${thrown instanceof Error ? thrown.message : String(thrown)}`,
    hint: "This is a defect of the program. Run the command again with --verbose and report what it prints.",
    cause: thrown,
  });
}

/** The stack and those of its causes. */
function describeStack(thrown: unknown): string {
  const lines: string[] = [];
  for (let error: unknown = thrown; error !== undefined && lines.length < 8; error = (error as Error).cause) {
    lines.push(error instanceof Error ? (error.stack ?? error.message) : String(error));
    if (!(error instanceof Error)) break;
  }
  return lines.join("\ncaused by: ");
}
