/**
 * Texts and conversations as tokens of a local model. A raw text is taken literally; of a conversation, only what the chat template
 * itself writes may become a special token, so a message that contains `<|im_end|>` stays inside its turn.
 */
import type { LlamaModel, Token } from "node-llama-cpp";
import type { Prompt } from "./language-model.ts";
import { modelChat, withBegin } from "./model-chat.ts";

/** Tokens of the prompt followed by `continuation`, as the model would see both together. */
export function promptTokens(model: LlamaModel, prompt: Prompt, continuation = ""): Token[] {
  if ("text" in prompt) return withBegin(model, [...model.tokenize(prompt.text + continuation, false)]);
  return modelChat(model).tokenize(prompt.messages, true, continuation).tokens;
}
