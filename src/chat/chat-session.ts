/** A conversation with a model: keeps the turns, answers in pieces, forgets the oldest turns when the context is full. */
import type { ChatMessage, LanguageModel } from "../llm/language-model.ts";
import { IlabError } from "../util/errors.ts";

export interface ChatSessionOptions {
  /** Longest answer in tokens. */
  maxTokens: number;
  temperature: number;
  seed?: number;
}

export interface ChatSession {
  readonly messages: readonly ChatMessage[];
  /** Answers in pieces. An answer that was broken off stays in the conversation as far as it came; one that failed leaves no trace. */
  ask(question: string, signal?: AbortSignal): AsyncGenerator<string, void>;
  /** Forgets everything. */
  reset(): void;
}

export function createChatSession(model: LanguageModel, options: ChatSessionOptions): ChatSession {
  const messages: ChatMessage[] = [];
  return {
    messages,
    async *ask(question, signal) {
      messages.push({ role: "user", content: question });
      let answer = "";
      let hasEnded = false;
      try {
        for await (const piece of streamWithinContext(model, messages, options, signal)) {
          answer += piece;
          yield piece;
        }
        hasEnded = true;
      } finally {
        if (hasEnded || answer !== "") messages.push({ role: "assistant", content: answer.trim() });
        else messages.pop();
      }
    },
    reset() {
      messages.length = 0;
    },
  };
}

/** Drops the oldest question with its answer until the rest fits; a single question that does not fit is `CONTEXT_EXCEEDED`. */
async function* streamWithinContext(
  model: LanguageModel,
  messages: ChatMessage[],
  options: ChatSessionOptions,
  signal: AbortSignal | undefined,
): AsyncGenerator<string> {
  for (;;) {
    try {
      yield* model.stream({ prompt: { messages: [...messages] }, ...options, signal });
      return;
    } catch (error) {
      if (!(error instanceof IlabError) || error.code !== "CONTEXT_EXCEEDED" || messages.length < 3) throw error;
      messages.splice(0, 2);
    }
  }
}
