/** Child processes without a shell: arguments stay arguments whatever they contain. */
import { type ChildProcess, spawn } from "node:child_process";
import { CancelledError, IlabError } from "./errors.ts";

export interface RunOptions {
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  input?: string | Uint8Array;
  signal?: AbortSignal;
  /** Called with each piece of standard output as it arrives; the result carries all of it as well. */
  onStdout?: (text: string) => void;
  /** Called with each piece of standard error as it arrives. */
  onStderr?: (text: string) => void;
}

export interface RunResult {
  exitCode: number;
  stdout: string;
  stderr: string;
}

/**
 * A group of its own, so that an abort also ends what the program started: git's helpers hold its pipes open, and would keep us
 * waiting for a server that never answers.
 */
const ownsGroup = process.platform !== "win32";

function killTree(child: ChildProcess, signal: NodeJS.Signals): void {
  if (!ownsGroup || child.pid === undefined) {
    child.kill(signal);
    return;
  }
  try {
    process.kill(-child.pid, signal);
  } catch {
    // The whole group has ended already.
  }
}

/** Runs a program to its end. A status other than 0 is a result, not an error; a program that is not there is `PROGRAM_MISSING`. */
export async function runProgram(
  program: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<RunResult> {
  if (options.signal?.aborted) throw new CancelledError();
  return await new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd: options.cwd,
      env: options.env ?? process.env,
      stdio: ["pipe", "pipe", "pipe"],
      detached: ownsGroup,
    });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    let killTimer: NodeJS.Timeout | undefined;
    const abort = () => {
      killTree(child, "SIGTERM");
      killTimer = setTimeout(() => killTree(child, "SIGKILL"), 5000);
      killTimer.unref();
    };
    options.signal?.addEventListener("abort", abort, { once: true });
    child.stdout.on("data", (piece: Buffer) => {
      stdout.push(piece);
      options.onStdout?.(piece.toString());
    });
    child.stderr.on("data", (piece: Buffer) => {
      stderr.push(piece);
      options.onStderr?.(piece.toString());
    });
    child.stdin.on("error", () => {});
    child.on("error", (cause: NodeJS.ErrnoException) => {
      options.signal?.removeEventListener("abort", abort);
      reject(
        cause.code === "ENOENT"
          ? new IlabError({
              code: "PROGRAM_MISSING",
              message: `the program '${program}' was not found`,
              hint: `Install ${program} and make sure that it is on the PATH.`,
              cause,
            })
          : cause,
      );
    });
    child.on("close", (code) => {
      clearTimeout(killTimer);
      options.signal?.removeEventListener("abort", abort);
      if (options.signal?.aborted) reject(new CancelledError());
      else
        resolve({
          exitCode: code ?? 1,
          stdout: Buffer.concat(stdout).toString(),
          stderr: Buffer.concat(stderr).toString(),
        });
    });
    child.stdin.end(options.input);
  });
}
