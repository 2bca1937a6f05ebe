/**
 * The model as blocks see it: at most `model.concurrency` requests in flight, in the order asked; answers from the call cache where
 * they are there; a failed request is tried again; a model that fails again and again ends the run instead of dropping every row.
 */
import { setTimeout as wait } from "node:timers/promises";
import type { GenerateRequest, GenerateResult, LanguageModel } from "../llm/language-model.ts";
import { CancelledError, IlabError, throwIfAborted } from "../util/errors.ts";
import type { CallCache } from "./call-cache.ts";

export interface Teacher {
  ask(request: Omit<GenerateRequest, "signal">): Promise<GenerateResult>;
  readonly calls: { asked: number; fromCache: number; failed: number };
}

export interface TeacherOptions {
  cache?: CallCache;
  signal?: AbortSignal;
  /** Attempts per request; default 3. */
  attempts?: number;
  /** Pause before the first repetition, doubled each time; default 500. */
  retryDelayMs?: number;
  /** Requests that may fail for good in a row before the run ends; default 5. */
  failuresInARow?: number;
  /** Called after each request that came to an end. */
  onCall?: () => void;
}

export function openTeacher(model: LanguageModel, options: TeacherOptions = {}): Teacher {
  const { cache, signal, attempts = 3, retryDelayMs = 500, failuresInARow = 5, onCall } = options;
  const calls = { asked: 0, fromCache: 0, failed: 0 };
  const waiting: (() => void)[] = [];
  let free = Math.max(1, model.concurrency);
  let failures = 0;
  let lastFailure: unknown;

  async function turn<T>(work: () => Promise<T>): Promise<T> {
    if (free > 0) free -= 1;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next) next();
      else free += 1;
    }
  }

  async function tryHard(request: GenerateRequest): Promise<GenerateResult> {
    for (let attempt = 1; ; attempt++) {
      throwIfAborted(signal);
      try {
        const result = await model.generate(request);
        failures = 0;
        return result;
      } catch (error) {
        if (signal?.aborted || error instanceof CancelledError) throw new CancelledError();
        if (attempt < attempts && !isFinal(error)) {
          await wait(retryDelayMs * 2 ** (attempt - 1), undefined, { signal }).catch(() => {});
          continue;
        }
        calls.failed += 1;
        failures += 1;
        lastFailure = error;
        throw error;
      }
    }
  }

  return {
    calls,
    ask: (input) =>
      turn(async () => {
        throwIfAborted(signal);
        if (failures >= failuresInARow)
          throw new TeacherLostError(
            `the teacher ${model.id} failed ${failures} requests in a row, the last one with: ${lastFailure instanceof Error ? lastFailure.message : String(lastFailure)}`,
            lastFailure,
          );
        const request: GenerateRequest = { ...input };
        calls.asked += 1;
        try {
          const kept = await cache?.get(request);
          if (kept) {
            calls.fromCache += 1;
            return kept;
          }
          const result = await tryHard({ ...request, signal });
          await cache?.put(request, result);
          return result;
        } finally {
          onCall?.();
        }
      }),
  };
}

/** The teacher cannot be reached any more; the run ends, finished calls are kept. */
export class TeacherLostError extends IlabError {
  constructor(message: string, cause?: unknown) {
    super({
      code: "TEACHER_LOST",
      message,
      hint: "Check that the model or its server works, then run the same command again: finished calls are kept.",
      cause,
    });
    this.name = "TeacherLostError";
  }
}

/** Errors that the next attempt would meet again. */
function isFinal(error: unknown): boolean {
  return error instanceof IlabError && error.exitCode === 2;
}
