/**
 * A teacher that is never asked: it counts what a run would cost. Answers come from the call cache where they are there; the others are
 * placeholders of a likely length, which blocks turn into the rows that they would likely get.
 */
import type { GenerateRequest } from "../../llm/language-model.ts";
import { throwIfAborted } from "../../util/errors.ts";
import { type CallCache, callKey } from "./call-cache.ts";
import { CHARACTERS_PER_TOKEN, imaginedText } from "./imagined.ts";
import type { Teacher } from "./open-teacher.ts";

/** Of most answers that built-in prompts ask for: a question with its answer, an explanation with its verdict. */
const LIKELY_TOKENS = 150;

export function openRehearsingTeacher(modelIdentity: string, cache?: CallCache, signal?: AbortSignal): Teacher {
  const asked = new Set<string>();
  return {
    requireAnswers: () => {},
    room: () => undefined,
    async ask({ expectedTokens = LIKELY_TOKENS, ...request }, _stage, usage) {
      throwIfAborted(signal);
      const n = (request.temperature ?? 0) === 0 ? 1 : (request.n ?? 1);
      const key = callKey(modelIdentity, { ...request, n });
      const kept = cache?.get(key);
      if (kept !== undefined) {
        usage.fromCache += 1;
        return { text: kept.texts[0]!, texts: kept.texts, finishReason: kept.finishReason, isImagined: false };
      }
      const tokens = Math.min(expectedTokens, request.maxTokens);
      if (asked.has(key)) usage.shared += 1;
      else {
        asked.add(key);
        usage.requests += 1;
        usage.promptTokens += Math.ceil(promptLength(request) / CHARACTERS_PER_TOKEN);
        usage.completionTokens += tokens * n;
      }
      const texts = Array.from({ length: n }, (_, index) => imaginedText(tokens, `${key.slice(0, 12)}.${index}`));
      return { text: texts[0]!, texts, finishReason: "stop", isImagined: true };
    },
  };
}

function promptLength({ prompt }: GenerateRequest): number {
  return "text" in prompt ? prompt.text.length : prompt.messages.reduce((sum, { content }) => sum + content.length, 0);
}
