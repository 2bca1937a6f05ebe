/**
 * The model as a run sees it: one bound on requests in flight for all leaves, equal requests asked once, answers from the call cache where they are
 * there. The model itself tries again after failures; one that keeps failing ends the run instead of dropping every row.
 */
import type { GenerateRequest, GenerateResult, LanguageModel, Prompt } from "../../llm/language-model.ts";
import { CancelledError, IlabError, throwIfAborted } from "../../util/errors.ts";
import type { Answers, AskRequest } from "../block.ts";
import { type CallCache, callKey, type KeptCall } from "./call-cache.ts";
import { createRequestQueue } from "./request-queue.ts";
import type { Usage } from "./usage.ts";

export interface Teacher {
  /** @param stage number of the pipeline's step: earlier ones go first. Counts into `usage`. */
  ask(request: AskRequest, stage: number, usage: Usage): Promise<Answers>;
  /** Resolves, or is undefined at once, when so few requests wait that more rows may start. */
  room(): Promise<void> | undefined;
  /** Throws `TEACHER_LOST` when requests failed and none was ever answered, now or before: the rows that are there are then no result. */
  requireAnswers(): void;
}

export interface TeacherOptions {
  cache?: CallCache;
  signal?: AbortSignal;
  /** Requests in flight; what the model says it can use by default. */
  concurrency?: number;
  /** Called after each request that came to an end, from the cache or not. */
  onCall?: () => void;
}

/** Requests that the server may fail for good in a row before it is asked whether it is there at all: each was tried several times. */
const FAILURES_IN_A_ROW = 5;
/** Waiting requests, in multiples of those in flight, beyond which no further row starts: bounds the memory that prompts take. */
const WAITING_PER_PLACE = 4;

export function openTeacher(model: LanguageModel, options: TeacherOptions = {}): Teacher {
  const { cache, signal, concurrency = Math.max(1, model.concurrency), onCall } = options;
  const queue = createRequestQueue(concurrency);
  const running = new Map<string, Promise<KeptCall>>();
  let failures = 0;
  let failed = 0;
  let isEverAnswered = false;
  let lost: TeacherLostError | undefined;
  let lastFailure: unknown;
  let probe: Promise<boolean> | undefined;
  /** The model answered a request for several with one: others are asked for one by one. */
  let isOneAtATime = false;

  /** Some prompts fail wherever they are asked; a server that answers a plain one is not lost. */
  function isAlive(prompt: Prompt): Promise<boolean> {
    const plain: Prompt = "text" in prompt ? { text: "Hello" } : { messages: [{ role: "user", content: "Hello" }] };
    probe ??= model
      .generate({ prompt: plain, maxTokens: 1, signal })
      .then(
        () => true,
        () => false,
      )
      .finally(() => {
        probe = undefined;
      });
    return probe;
  }

  async function generate(request: GenerateRequest, usage: Usage): Promise<GenerateResult> {
    throwIfAborted(signal);
    if (lost !== undefined) throw lost;
    try {
      const result = await model.generate({ ...request, signal });
      failures = 0;
      isEverAnswered = true;
      usage.requests += 1;
      usage.promptTokens += result.promptTokens;
      usage.completionTokens += result.completionTokens;
      return result;
    } catch (error) {
      if (signal?.aborted || error instanceof CancelledError) throw new CancelledError();
      usage.failed += 1;
      failed += 1;
      lastFailure = error;
      if (error instanceof IlabError && error.exitCode === 2)
        throw new TeacherLostError(model.id, "cannot be asked", error);
      if (!isOfTheServer(error)) throw error;
      failures += 1;
      const what = failures === 1 ? "cannot be asked" : `failed ${failures} requests in a row, the last one with`;
      if (failures < FAILURES_IN_A_ROW && !isLikelyForAll(error)) throw error;
      if (await isAlive(request.prompt)) failures = 0;
      else lost ??= new TeacherLostError(model.id, what, error);
      throw lost ?? error;
    }
  }

  async function call(key: string, request: GenerateRequest, stage: number, usage: Usage): Promise<KeptCall> {
    const result = await queue.run(stage, () => generate(request, usage));
    const { text, texts = [text], finishReason, promptTokens, completionTokens } = result;
    const isShort = texts.length < (request.n ?? 1);
    if (isShort) isOneAtATime = true;
    const kept = { texts, finishReason, promptTokens, completionTokens };
    // A model that gives some of the answers at once is asked for all of them one by one: what comes out must not depend on when that was found out.
    if (isShort && texts.length > 1) return { ...kept, texts: [] };
    cache?.put(isShort ? callKey(model.identity, { ...request, n: 1 }) : key, kept);
    return kept;
  }

  /** From the cache, from an equal request on its way, or asked. */
  async function once(request: GenerateRequest, stage: number, usage: Usage): Promise<KeptCall> {
    const key = callKey(model.identity, request);
    const kept = cache?.get(key);
    if (kept !== undefined) {
      isEverAnswered = true;
      usage.fromCache += 1;
      return kept;
    }
    const onItsWay = running.get(key);
    if (onItsWay !== undefined) {
      usage.shared += 1;
      return await onItsWay;
    }
    const asked = call(key, request, stage, usage);
    running.set(key, asked);
    try {
      const made = await asked;
      // Without a cache, what was asked in this run is remembered for its equals to come.
      if (cache !== undefined) running.delete(key);
      return made;
    } catch (error) {
      running.delete(key);
      throw error;
    }
  }

  /** Answers with neighbouring seeds, for models that give one at a time. */
  async function oneByOne(request: GenerateRequest, from: number, stage: number, usage: Usage): Promise<KeptCall[]> {
    const { n = 1, seed = 0 } = request;
    const calls = Array.from({ length: n - from }, (_, index) =>
      once({ ...request, n: 1, seed: seed + from + index }, stage, usage),
    );
    return await Promise.all(calls);
  }

  return {
    room: () => queue.room(concurrency * WAITING_PER_PLACE),
    async ask({ expectedTokens: _, ...asked }, stage, usage) {
      throwIfAborted(signal);
      // Greedy answers are all alike.
      const n = (asked.temperature ?? 0) === 0 ? 1 : (asked.n ?? 1);
      const request = { ...asked, n };
      try {
        const isKeptSingly =
          n > 1 && (isOneAtATime || (cache?.has(callKey(model.identity, { ...request, n: 1 })) ?? false));
        const first = await once(isKeptSingly ? { ...request, n: 1 } : request, stage, usage);
        const texts = first.texts.slice(0, n);
        const others = texts.length < n ? await oneByOne(request, texts.length, stage, usage) : [];
        const { finishReason } = texts.length > 0 ? first : others[0]!;
        texts.push(...others.map(({ texts: [text] }) => text!));
        return { text: texts[0]!, texts, finishReason, isImagined: false };
      } finally {
        onCall?.();
      }
    },
    requireAnswers() {
      if (lost !== undefined) throw lost;
      if (isEverAnswered || failed === 0) return;
      throw new TeacherLostError(model.id, `answered none of ${failed} requests, the last one with`, lastFailure);
    },
  };
}

/** The teacher cannot be reached any more; the run ends, finished calls are kept. */
export class TeacherLostError extends IlabError {
  /** @param what the teacher did or did not do; what it said follows. */
  constructor(id: string, what: string, cause: unknown) {
    const said = cause instanceof Error ? cause.message : String(cause);
    const hint = cause instanceof IlabError && cause.hint !== undefined ? `${cause.hint} ` : "";
    super({
      code: "TEACHER_LOST",
      message: `the teacher ${id} ${what}: ${said}`,
      hint: `${hint}Check that the model or its server works, then run the same command again: finished calls are kept.`,
      cause,
    });
    this.name = "TeacherLostError";
  }
}

/** Every further request would probably meet it as well. */
function isLikelyForAll(error: unknown): boolean {
  return (
    error instanceof IlabError &&
    ["ENDPOINT_UNAUTHORIZED", "ENDPOINT_MODEL_UNKNOWN", "ENDPOINT_QUOTA", "ENDPOINT_UNREACHABLE"].includes(error.code)
  );
}

/** Failures that say something about the server, not about this one prompt. */
function isOfTheServer(error: unknown): boolean {
  return !(error instanceof IlabError && ["CONTEXT_EXCEEDED", "ENDPOINT_REFUSED"].includes(error.code));
}
