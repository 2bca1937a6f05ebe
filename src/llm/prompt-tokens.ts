/**
 * Texts and conversations as tokens of a local model. A raw text is taken literally; of a conversation, only what the chat template
 * itself writes may become a special token, so a message that contains `<|im_end|>` stays inside its turn.
 */
import { randomBytes } from "node:crypto";
import type { LlamaModel, Token } from "node-llama-cpp";
import { renderChat } from "../formats/chat-template.ts";
import { IlabError } from "../util/errors.ts";
import type { ChatMessage, Prompt } from "./language-model.ts";

/** Tokens of the prompt followed by `continuation`, as the model would see both together. */
export function promptTokens(model: LlamaModel, prompt: Prompt, continuation = ""): Token[] {
  const tokens =
    "text" in prompt
      ? [...model.tokenize(prompt.text + continuation, false)]
      : conversationTokens(model, prompt.messages, continuation);
  const { bos, shouldPrependBosToken } = model.tokens;
  if (shouldPrependBosToken && bos !== null && tokens[0] !== bos) tokens.unshift(bos);
  return tokens;
}

function conversationTokens(model: LlamaModel, messages: readonly ChatMessage[], continuation: string): Token[] {
  const template = model.fileInfo.metadata.tokenizer?.chat_template;
  if (typeof template !== "string" || template === "")
    throw new IlabError({
      code: "CHAT_TEMPLATE_MISSING",
      message: `the model ${model.filename ?? ""} has no chat template, so it cannot answer a conversation`,
      hint: "Use an instruction-tuned model (its name often ends in -Instruct), or give it plain text to complete.",
    });
  const render = (list: readonly ChatMessage[]) =>
    renderChat(template, list, {
      addGenerationPrompt: true,
      bosToken: model.tokens.bosString ?? "",
      eosToken: model.tokens.eosString ?? "",
    });
  const rendered = render(messages);
  const literal = [...messages.map((message) => message.content), continuation];
  if (!literal.some((text) => holdsSpecialToken(model, text)))
    return [...model.tokenize(rendered + continuation, true)];

  const pieces = separateMessages(render, rendered, messages);
  if (continuation !== "") pieces.push({ text: continuation, isLiteral: true });
  return pieces.flatMap(({ text, isLiteral }) => [...model.tokenize(text, !isLiteral)]);
}

function holdsSpecialToken(model: LlamaModel, text: string): boolean {
  return model.tokenize(text, true).some((token) => model.isSpecialToken(token));
}

/** Cuts a rendered conversation into what the template wrote and what the messages say, by rendering it once more with marks in their place. */
function separateMessages(
  render: (messages: readonly ChatMessage[]) => string,
  rendered: string,
  messages: readonly ChatMessage[],
): { text: string; isLiteral: boolean }[] {
  const nonce = `m${randomBytes(12).toString("hex")}x`;
  const marked = render(messages.map((message, index) => ({ ...message, content: `${nonce}${index}x` })));
  const parts = marked.split(new RegExp(`${nonce}(\\d+)x`));
  for (const shape of [(text: string) => text, (text: string) => text.trim()]) {
    const pieces = parts.map((part, index) =>
      index % 2 === 0
        ? { text: part, isLiteral: false }
        : { text: shape(messages[Number(part)]!.content), isLiteral: true },
    );
    if (pieces.map(({ text }) => text).join("") === rendered) return pieces.filter(({ text }) => text !== "");
  }
  throw new IlabError({
    code: "CHAT_TEMPLATE_MIXES",
    message: "a message contains the text of a special token, and the model's chat template rewrites messages",
    hint: "Remove the special token (such as <|im_end|>) from the message.",
  });
}
