/** The one llama.cpp runtime of the process (through node-llama-cpp): loaded on first use, silent, never building or downloading. */
import type { Llama } from "node-llama-cpp";
import { IlabError } from "../util/errors.ts";
import { physicalCores } from "../util/physical-cores.ts";

export interface LlamaRuntime {
  llama: Llama;
  /** Runs `action` and returns what llama.cpp logged as errors meanwhile: its functions throw without saying why. */
  withErrorLog<T>(action: () => Promise<T>): Promise<{ result: T } | { error: unknown; log: string }>;
}

let runtime: Promise<LlamaRuntime> | undefined;

export function llamaRuntime(): Promise<LlamaRuntime> {
  runtime ??= load().catch((error: unknown) => {
    runtime = undefined;
    throw error;
  });
  return runtime;
}

async function load(): Promise<LlamaRuntime> {
  const { getLlama, LlamaLogLevel } = await import("node-llama-cpp");
  const logs = new Set<string[]>();
  let llama: Llama;
  try {
    llama = await getLlama({
      gpu: "auto",
      build: "never",
      skipDownload: true,
      progressLogs: false,
      logLevel: LlamaLogLevel.error,
      logger: (_level, message) => {
        for (const log of logs) log.push(message.trim());
      },
    });
  } catch (cause) {
    throw new IlabError({
      code: "LLAMA_UNAVAILABLE",
      message: `llama.cpp could not be started on ${process.platform}-${process.arch}: ${(cause as Error).message}`,
      hint: "Install again with `npm ci` on this machine (the native libraries are optional packages), or use --endpoint-url with a model server.",
      cause,
    });
  }
  // node-llama-cpp takes at least 4 threads; more threads than cores make llama.cpp spin at its barriers, a hundred times slower.
  llama.maxThreads = physicalCores();
  return {
    llama,
    async withErrorLog(action) {
      const log: string[] = [];
      logs.add(log);
      try {
        return { result: await action() };
      } catch (error) {
        // Log lines come from native threads and arrive a little later than the error.
        await new Promise((resolve) => setTimeout(resolve, 50));
        return { error, log: log.join("\n") };
      } finally {
        logs.delete(log);
      }
    },
  };
}
