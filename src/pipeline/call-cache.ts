/**
 * Finished model calls, kept by content: the same model, parameters and prompt never cost twice, so an interrupted run repeats nothing.
 * One small file per call, written whole or not at all; an unreadable one is as good as absent.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { GenerateRequest, GenerateResult } from "../llm/language-model.ts";
import { writeFileAtomic } from "../util/fs.ts";
import { sha256 } from "../util/hash.ts";

export interface CallCache {
  get(request: GenerateRequest): Promise<GenerateResult | undefined>;
  put(request: GenerateRequest, result: GenerateResult): Promise<void>;
}

/** `modelId` must tell apart models that answer differently. */
export function openCallCache(directory: string, modelId: string): CallCache {
  const fileOf = (request: GenerateRequest) => {
    const { signal: _, ...parameters } = request;
    const key = sha256(JSON.stringify([1, modelId, Object.entries(parameters).sort(([a], [b]) => (a < b ? -1 : 1))]));
    return join(directory, key.slice(0, 2), `${key}.json`);
  };
  return {
    async get(request) {
      try {
        const value = JSON.parse(await readFile(fileOf(request), "utf8")) as GenerateResult;
        return typeof value.text === "string" ? value : undefined;
      } catch {
        return undefined;
      }
    },
    async put(request, result) {
      await writeFileAtomic(fileOf(request), JSON.stringify(result));
    },
  };
}
