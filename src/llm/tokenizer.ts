/**
 * A model's own tokenizer without its weights, for training: the same functions that inference uses make the prompt, so
 * a student is trained on exactly the tokens it will see.
 */
import type { LlamaModel, Token } from "node-llama-cpp";
import type { TemplateMessage } from "../formats/chat-template.ts";
import type { GgufFile } from "../formats/gguf/types.ts";
import { type EncodeConversationOptions, encodeConversation } from "./encode-conversation.ts";
import { llamaRuntime } from "./llama-runtime.ts";
import { describeModelError } from "./local-model-errors.ts";
import { modelChat, withBegin } from "./model-chat.ts";
import { requireTokenizer } from "./require-tokenizer.ts";
import { vocabularyOf } from "./vocabulary.ts";

/** A token sequence in which some tokens are to be learned. */
export interface CountedTokens {
  tokens: Int32Array;
  /** 1 where predicting this token counts in the loss; never for the first, which nothing predicts. */
  counted: Uint8Array;
}

export interface OpenTokenizerOptions {
  /** What chat templates that write the date take for today. */
  now?: Date;
}

/** The same on every day, so that a run can go on tomorrow with the samples of today; students meet many dates anyway. */
const TRAINING_DATE = new Date(2025, 0, 1);

export interface Tokenizer extends AsyncDisposable {
  /** Without one, conversations cannot be encoded. */
  readonly hasChatTemplate: boolean;
  /** A plain text between the model's begin and end tokens; every token counts but the begin token. */
  encodeDocument(text: string): CountedTokens;
  /**
   * A conversation: the answers of the assistant count, each with the token that ends it. One sequence, or several where the template
   * writes an earlier turn differently once a later one follows. Throws `CHAT_TEMPLATE_…`.
   */
  encodeConversation(messages: readonly TemplateMessage[], options?: EncodeConversationOptions): CountedTokens[];
  decode(tokens: ArrayLike<number>): string;
}

/** Throws `TOKENIZER_MISSING`, `TOKENIZER_MISMATCH`, `GGUF_INVALID`. */
export async function openTokenizer(file: GgufFile, options: OpenTokenizerOptions = {}): Promise<Tokenizer> {
  requireTokenizer(file);
  const { llama, withErrorLog } = await llamaRuntime();
  const loaded = await withErrorLog(() => llama.loadModel({ modelPath: file.path, vocabOnly: true }));
  if ("error" in loaded) throw describeModelError(file.path, loaded.error, loaded.log);
  return createTokenizer(loaded.result, options.now ?? TRAINING_DATE);
}

function createTokenizer(model: LlamaModel, now: Date): Tokenizer {
  const vocabulary = vocabularyOf(model);
  const chat = modelChat(model, now);
  const { eos } = model.tokens;
  return {
    hasChatTemplate: chat.hasTemplate,
    encodeDocument(text) {
      const content = vocabulary.tokenize(text, true);
      const begin = withBegin(model, content).length - content.length;
      const tokens = Int32Array.from([...withBegin(model, content), ...(eos === null ? [] : [eos])]);
      // Nothing predicts the first token, whether it is the begin token or not.
      return { tokens, counted: Uint8Array.from(tokens, (_, i) => (i < Math.max(begin, 1) ? 0 : 1)) };
    },
    encodeConversation: (messages, encodeOptions) => encodeConversation(chat, messages, eos, encodeOptions),
    decode: (tokens) =>
      model.detokenize(
        Array.from(tokens, (token) => token as Token),
        true,
      ),
    [Symbol.asyncDispose]: () => model.dispose(),
  };
}
