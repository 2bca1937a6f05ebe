/** Starts peers.py in the environment that bench/peers/setup.sh makes, and asks it one thing after another. */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { packageRoot } from "../../src/util/assets.ts";

export interface Peers extends AsyncDisposable {
  /** @param action a function of peers.py. */
  ask: <Result>(action: string, request: Record<string, unknown>) => Promise<Result>;
}

export async function openPeers(): Promise<Peers> {
  const python = join(packageRoot, ".peers", "venv", "bin", "python");
  if (!existsSync(python)) throw new Error(`${python} is not there; run bench/peers/setup.sh`);
  const child = spawn(python, [join(packageRoot, "test", "peers", "peers.py")], { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async (): Promise<unknown> => {
    const { value, done } = await lines.next();
    if (done) throw new Error("peers.py ended");
    return JSON.parse(value as string);
  };
  await next();
  return {
    async ask<Result>(action: string, request: Record<string, unknown>) {
      child.stdin.write(`${JSON.stringify({ action, ...request })}\n`);
      const { result, error } = (await next()) as { result: Result; error?: string };
      if (error !== undefined) throw new Error(`${action}: ${error}`);
      return result;
    },
    async [Symbol.asyncDispose]() {
      child.stdin.end();
      await new Promise((resolve) => child.once("close", resolve));
    },
  };
}
