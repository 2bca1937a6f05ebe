/**
 * A model's own tokenizer without its weights, for training: the same functions that inference uses make the prompt, so
 * a student is trained on exactly the tokens it will see.
 */
import type { LlamaModel, Token } from "node-llama-cpp";
import { renderChat } from "../formats/chat-template.ts";
import { type GgufFile, metadataString } from "../formats/gguf/types.ts";
import type { ChatMessage } from "./language-model.ts";
import { llamaRuntime } from "./llama-runtime.ts";
import { promptTokens } from "./prompt-tokens.ts";

/** A token sequence in which some tokens are to be learned. */
export interface CountedTokens {
  tokens: Int32Array;
  /** 1 where predicting this token counts in the loss. */
  counted: Uint8Array;
}

export interface Tokenizer extends AsyncDisposable {
  /** A plain text between the model's begin and end tokens; every token counts but the begin token. */
  encodeDocument(text: string): CountedTokens;
  /**
   * A conversation: the answers of the assistant count, each with the token that ends it. One sequence, or several where the template
   * writes an earlier turn differently once a later one follows.
   */
  encodeConversation(messages: readonly ChatMessage[]): CountedTokens[];
  /** The same sequence with the words of the user counted as well (upstream's `unmask`). */
  countUserTurns(messages: readonly ChatMessage[], sequence: CountedTokens): CountedTokens;
  decode(tokens: ArrayLike<number>): string;
}

export async function openTokenizer(file: GgufFile): Promise<Tokenizer> {
  const { llama } = await llamaRuntime();
  const model = await llama.loadModel({ modelPath: file.path, vocabOnly: true });
  return createTokenizer(model, metadataString(file, "tokenizer.chat_template") ?? "");
}

function createTokenizer(model: LlamaModel, template: string): Tokenizer {
  const { bos, eos, bosString, eosString, shouldPrependBosToken } = model.tokens;
  const literal = (text: string): number[] => [...model.tokenize(text, false)];
  const render = (messages: readonly ChatMessage[], addGenerationPrompt: boolean) =>
    renderChat(template, messages, { addGenerationPrompt, bosToken: bosString ?? "", eosToken: eosString ?? "" });

  /** What the template writes after an answer, as tokens up to and including the one that ends the turn. */
  const turnEnd = (messages: readonly ChatMessage[], answerIndex: number): number[] => {
    const before = render(messages.slice(0, answerIndex), true) + messages[answerIndex]!.content;
    const after = render(messages.slice(0, answerIndex + 1), false);
    if (!after.startsWith(before)) return eos === null ? [] : [eos];
    const tokens = [...model.tokenize(after.slice(before.length), true)];
    const end = tokens.findIndex((token) => model.isEogToken(token));
    return end >= 0 ? tokens.slice(0, end + 1) : eos === null ? [] : [eos];
  };

  return {
    encodeDocument(text) {
      const begin = shouldPrependBosToken && bos !== null ? [bos as number] : [];
      const end = eos === null ? [] : [eos as number];
      const content = literal(text);
      return {
        tokens: Int32Array.from([...begin, ...content, ...end]),
        counted: Uint8Array.from([...begin.map(() => 0), ...content.map(() => 1), ...end.map(() => 1)]),
      };
    },
    encodeConversation(messages) {
      const sequences: { tokens: number[]; counted: number[] }[] = [];
      let current: { tokens: number[]; counted: number[] } | undefined;
      for (const [index, message] of messages.entries()) {
        if (message.role !== "assistant") continue;
        const prompt: number[] = promptTokens(model, { messages: messages.slice(0, index) });
        const continues = current?.tokens.every((token, i) => prompt[i] === token) ?? false;
        if (current === undefined || !continues) {
          current = { tokens: [], counted: [] };
          sequences.push(current);
        }
        const unlearned = prompt.slice(current.tokens.length);
        const answer = [...literal(message.content), ...turnEnd(messages, index)];
        current.tokens.push(...unlearned, ...answer);
        current.counted.push(...unlearned.map(() => 0), ...answer.map(() => 1));
      }
      return sequences.map(({ tokens, counted }) => ({
        tokens: Int32Array.from(tokens),
        counted: Uint8Array.from(counted),
      }));
    },
    countUserTurns(messages, { tokens, counted }) {
      const all = counted.slice();
      let from = 0;
      for (const message of messages) {
        const content = literal(message.content);
        const start = findSequence(tokens, content, from);
        if (start < 0) continue;
        from = start + content.length;
        if (message.role === "user") all.fill(1, start, from);
      }
      return { tokens, counted: all };
    },
    decode: (tokens) =>
      model.detokenize(
        Array.from(tokens, (token) => token as Token),
        true,
      ),
    [Symbol.asyncDispose]: () => model.dispose(),
  };
}

/** First place at or after `from` where `part` stands in `tokens`; -1 when it does not. */
function findSequence(tokens: Int32Array, part: readonly number[], from: number): number {
  if (part.length === 0) return -1;
  for (let start = from; start + part.length <= tokens.length; start++)
    if (part.every((token, i) => tokens[start + i] === token)) return start;
  return -1;
}
