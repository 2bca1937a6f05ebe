/** A recording fake of `LanguageModel` for tests: answers come from a list or a function, and every request is kept. */
import { CancelledError, IlabError, throwIfAborted } from "../util/errors.ts";
import type { GenerateRequest, GenerateResult, LanguageModel, ScoreRequest } from "./language-model.ts";
import { createTextStream } from "./text-stream.ts";

export interface ScriptedModel extends LanguageModel {
  /** Every generate and stream request, in the order in which they came. */
  readonly requests: GenerateRequest[];
  readonly scoreRequests: ScoreRequest[];
}

export interface ScriptedModelOptions {
  id?: string;
  concurrency?: number;
  /** Log-probabilities of the continuation's tokens; without it `score` throws `SCORE_UNSUPPORTED`. */
  score?: (request: ScoreRequest) => number[];
  /** Time before each answer. */
  delayMs?: number;
}

/** Answers in order (one more request than answers is an error that shows the prompt), or what the function returns. Words count as tokens. */
export function scriptedModel(
  script: readonly string[] | ((request: GenerateRequest) => string),
  options: ScriptedModelOptions = {},
): ScriptedModel {
  const requests: GenerateRequest[] = [];
  const scoreRequests: ScoreRequest[] = [];

  function answer(request: GenerateRequest): string {
    throwIfAborted(request.signal);
    requests.push(request);
    if (typeof script === "function") return script(request);
    const next = script[requests.length - 1];
    if (next === undefined)
      throw new IlabError({
        code: "SCRIPT_ENDED",
        message: `the script has ${script.length} answers, but request ${requests.length} came: ${promptText(request.prompt)}`,
      });
    return next;
  }

  async function* pieces(request: GenerateRequest): AsyncGenerator<string, GenerateResult> {
    const words = answer(request).match(/\s*\S+|\s+$/g) ?? [];
    const stream = createTextStream(request.stop);
    let text = "";
    let count = 0;
    for (const word of words.slice(0, request.maxTokens)) {
      await wait(options.delayMs ?? 0, request.signal);
      text += word;
      count += 1;
      yield stream.update(text);
      if (stream.isStopped) break;
    }
    yield stream.finish();
    return {
      text: stream.text,
      finishReason: stream.isStopped || count === words.length ? "stop" : "length",
      promptTokens: Math.max(1, promptText(request.prompt).split(/\s+/).length),
      completionTokens: count,
    };
  }

  return {
    id: options.id ?? "scripted",
    identity: options.id ?? "scripted",
    concurrency: options.concurrency ?? 4,
    requests,
    scoreRequests,
    async generate(request) {
      const source = pieces(request);
      for (;;) {
        const next = await source.next();
        if (next.done) return next.value;
      }
    },
    async *stream(request) {
      for await (const piece of pieces(request)) if (piece !== "") yield piece;
    },
    async score(list, signal) {
      throwIfAborted(signal);
      const { score } = options;
      if (!score) throw new IlabError({ code: "SCORE_UNSUPPORTED", message: "this script has no scores" });
      scoreRequests.push(...list);
      return list.map((request) => ({ logProbabilities: request.continuation === "" ? [] : score(request) }));
    },
    embed: () => Promise.reject(new IlabError({ code: "EMBED_UNSUPPORTED", message: "this script has no embeddings" })),
    [Symbol.asyncDispose]: async () => {},
  };
}

function promptText(prompt: GenerateRequest["prompt"]): string {
  return "text" in prompt ? prompt.text : prompt.messages.map(({ role, content }) => `${role}: ${content}`).join("\n");
}

function wait(delayMs: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", abort);
      if (signal?.aborted) reject(new CancelledError());
      else resolve();
    }, delayMs);
    const abort = () => {
      clearTimeout(timer);
      reject(new CancelledError());
    };
    signal?.addEventListener("abort", abort, { once: true });
  });
}
