/**
 * The one error family of the program. Libraries throw these, `cli/main.ts` alone catches and prints them.
 * `message` says what happened, with values and limits; `hint` says what to do about it.
 */

export interface IlabErrorOptions {
  /** Stable, upper-case, for scripts: `GGUF_TRUNCATED`. */
  code: string;
  message: string;
  /** What the user can do now; a command to run where there is one. */
  hint?: string;
  /** Process exit status: 1 = the work failed, 2 = it was asked for wrongly, 130 = cancelled. */
  exitCode?: number;
  /** What went wrong as data, for `--json`: a list of issues. */
  details?: unknown;
  cause?: unknown;
}

export class IlabError extends Error {
  readonly code: string;
  readonly hint: string | undefined;
  readonly exitCode: number;
  readonly details: unknown;

  constructor(options: IlabErrorOptions) {
    super(options.message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "IlabError";
    this.code = options.code;
    this.hint = options.hint;
    this.exitCode = options.exitCode ?? 1;
    this.details = options.details;
  }
}

/** A wrong option, path or value that the user gave: exit status 2. */
export class UsageError extends IlabError {
  constructor(message: string, hint?: string) {
    super({ code: "USAGE", message, hint, exitCode: 2 });
    this.name = "UsageError";
  }
}

/** The user or a parent process asked the work to stop. */
export class CancelledError extends IlabError {
  constructor(message = "cancelled", hint?: string) {
    super({ code: "CANCELLED", message, hint, exitCode: 130 });
    this.name = "CancelledError";
  }
}

/** Throws `CancelledError` when the signal has fired; called between steps of long work. */
export function throwIfAborted(signal: AbortSignal | undefined, hint?: string): void {
  if (signal?.aborted) throw new CancelledError("cancelled", hint);
}
