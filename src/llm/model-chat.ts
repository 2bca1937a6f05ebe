/** A model's chat template together with its vocabulary: conversations as text and as tokens, the same for training and inference. */
import type { LlamaModel, Token } from "node-llama-cpp";
import { renderChat, type TemplateMessage } from "../formats/chat-template.ts";
import { locateMessages, type MessageRegion } from "../formats/locate-messages.ts";
import { IlabError } from "../util/errors.ts";
import { type Vocabulary, vocabularyOf } from "./vocabulary.ts";

export interface ModelChat {
  vocabulary: Vocabulary;
  /** Without a template, rendering throws `CHAT_TEMPLATE_MISSING`. */
  hasTemplate: boolean;
  /** @param addGenerationPrompt ends the text where the assistant's answer begins. */
  render(messages: readonly TemplateMessage[], addGenerationPrompt: boolean): string;
  /** Tokens of a text that the template wrote, with the begin token. */
  tokenizeText(text: string): Token[];
  /**
   * Tokens of a rendered conversation with its begin token, `continuation` written behind it; only what the template itself wrote becomes
   * a special token.
   */
  tokenize(
    messages: readonly TemplateMessage[],
    addGenerationPrompt: boolean,
    continuation?: string,
  ): { text: string; tokens: Token[] };
}

/** @param now what the template takes for today. */
export function modelChat(model: LlamaModel, now?: Date): ModelChat {
  const vocabulary = vocabularyOf(model);
  const source = model.fileInfo.metadata.tokenizer?.chat_template;
  const template = typeof source === "string" ? source : "";
  const { bosString, eosString } = model.tokens;
  const render = (messages: readonly TemplateMessage[], addGenerationPrompt: boolean): string => {
    if (template === "")
      throw new IlabError({
        code: "CHAT_TEMPLATE_MISSING",
        message: `the model ${model.filename ?? ""} has no chat template, so it cannot answer a conversation`,
        hint: "Use an instruction-tuned model (its name often ends in -Instruct), or give it plain text to complete.",
      });
    return renderChat(template, messages, {
      addGenerationPrompt,
      bosToken: bosString ?? "",
      eosToken: eosString ?? "",
      now,
    });
  };
  const tokenizeText = (text: string): Token[] => withBegin(model, vocabulary.tokenize(text, false));
  return {
    vocabulary,
    hasTemplate: template !== "",
    render,
    tokenizeText,
    tokenize(messages, addGenerationPrompt, continuation = "") {
      if (![...messages.flatMap(wordsOf), continuation].some(vocabulary.holdsSpecialText)) {
        const text = render(messages, addGenerationPrompt) + continuation;
        return { text, tokens: tokenizeText(text) };
      }
      const { text, regions } = locateMessages((list) => render(list, addGenerationPrompt), messages);
      const pieces = cutIntoPieces(text, regions, 0);
      requireSeparable(vocabulary, messages, regions, pieces);
      let tokens: Token[] = [];
      for (const piece of [...pieces, { text: continuation, isLiteral: true }])
        tokens = tokens.concat(vocabulary.continueWith(tokens, piece.text, piece.isLiteral));
      return { text: text + continuation, tokens: withBegin(model, tokens) };
    },
  };
}

/** Puts the begin token in front where the model wants one and the template wrote none. */
export function withBegin(model: LlamaModel, tokens: Token[]): Token[] {
  const { bos, shouldPrependBosToken } = model.tokens;
  return shouldPrependBosToken && bos !== null && tokens[0] !== bos ? [bos, ...tokens] : tokens;
}

export function wordsOf({ content, reasoning }: TemplateMessage): string[] {
  return reasoning === undefined ? [content] : [content, reasoning];
}

export interface Piece {
  text: string;
  /** Words of a message, in which nothing is a special token. */
  isLiteral: boolean;
}

/** The text from `from` on, cut at the regions. */
export function cutIntoPieces(
  text: string,
  regions: readonly { start: number; end: number }[],
  from: number,
  to = text.length,
): Piece[] {
  const pieces: Piece[] = [];
  let at = from;
  for (const { start, end } of regions) {
    if (end <= at || start >= to) continue;
    pieces.push({ text: text.slice(at, Math.max(at, start)), isLiteral: false });
    pieces.push({ text: text.slice(Math.max(at, start), end), isLiteral: true });
    at = end;
  }
  if (at < to) pieces.push({ text: text.slice(at, to), isLiteral: false });
  return pieces.filter((piece) => piece.text !== "");
}

/** Throws `CHAT_TEMPLATE_MIXES` where words with the text of a special token cannot be told from what the template wrote. */
export function requireSeparable(
  vocabulary: Vocabulary,
  messages: readonly TemplateMessage[],
  regions: readonly MessageRegion[],
  pieces: readonly Piece[],
): void {
  for (const [index, { content, reasoning = "" }] of messages.entries())
    for (const [part, words] of [
      ["content", content],
      ["reasoning", reasoning],
    ] as const) {
      if (!vocabulary.holdsSpecialText(words)) continue;
      const region = regions.find((one) => one.message === index && one.part === part);
      // Words without a place were left out, unless they stand among the template's own.
      const isMixed =
        region === undefined
          ? pieces.some((piece) => !piece.isLiteral && piece.text.includes(words.trim()))
          : !region.isWhole;
      if (!isMixed) continue;
      throw new IlabError({
        code: "CHAT_TEMPLATE_MIXES",
        message: "a message contains the text of a special token, and the model's chat template rewrites messages",
        hint: "Remove the special token (such as <|im_end|>) from the message.",
      });
    }
}
