/** Runs the real, built program in a home of its own. `dist/` must be there: `npm test` builds it. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { packageRoot } from "../../src/util/assets.ts";

export interface IlabRun {
  exitCode: number;
  stdout: string;
  stderr: string;
}

export interface RunIlabOptions {
  /** Added to the environment; `undefined` takes a variable away. */
  env?: Record<string, string | undefined>;
  input?: string;
  cwd?: string;
  /** Home directory; a fresh one that is deleted afterwards when absent. */
  home?: string;
  /** Called with the running program, to send it signals. */
  onStart?: (child: ChildProcess) => void;
}

export async function runIlab(args: readonly string[], options: RunIlabOptions = {}): Promise<IlabRun> {
  const program = join(packageRoot, "dist", "cli", "main.js");
  if (!existsSync(program)) throw new Error(`${program} is not built; run 'npm test' or 'node scripts/ensure.mjs'`);
  const home = options.home ?? (await mkdtemp(join(tmpdir(), "ilab-home-")));
  try {
    return await new Promise((resolve, reject) => {
      const child = spawn(process.execPath, [program, ...args], {
        cwd: options.cwd ?? home,
        env: { ...cleanEnvironment(), HOME: home, ...options.env },
        stdio: ["pipe", "pipe", "pipe"],
      });
      let stdout = "";
      let stderr = "";
      child.stdout.on("data", (piece) => {
        stdout += piece;
      });
      child.stderr.on("data", (piece) => {
        stderr += piece;
      });
      child.stdin.on("error", () => {});
      child.on("error", reject);
      // -1: ended by a signal.
      child.on("close", (code) => resolve({ exitCode: code ?? -1, stdout, stderr }));
      child.stdin.end(options.input);
      options.onStart?.(child);
    });
  } finally {
    if (options.home === undefined) await rm(home, { recursive: true, force: true });
  }
}

/** The caller's environment without what would lead to the caller's own files, settings or colours. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(
    ([name]) => !/^(XDG_|ILAB_|HF_|NODE_OPTIONS$|VITEST|FORCE_COLOR$|NO_COLOR$)/.test(name),
  );
  return Object.fromEntries(kept);
}
