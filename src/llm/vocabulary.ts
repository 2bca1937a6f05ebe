/**
 * What training and inference ask of a model's vocabulary beyond cutting text into tokens: which tokens are special, which end a turn,
 * which bytes a token stands for. Asked of llama.cpp once per token and kept.
 */
import type { LlamaModel, Token } from "node-llama-cpp";

export interface Vocabulary {
  /** Tokens of a text that stands alone. `literally`: the text of a special token stays text. */
  tokenize(text: string, literally: boolean): Token[];
  /** Tokens of a text behind `before`, without the space that some tokenizers put before every beginning. */
  continueWith(before: readonly Token[], text: string, literally: boolean): Token[];
  /** Whether tokens made of this text may hold a special token. */
  holdsSpecialText(text: string): boolean;
  isSpecial(token: Token): boolean;
  /** Ends an answer when the model writes it. */
  isEnd(token: Token): boolean;
  /** The bytes that a token stands for in a text; special tokens stand for their names. */
  bytesOf(token: Token): Uint8Array;
}

const vocabularies = new WeakMap<LlamaModel, Vocabulary>();

export function vocabularyOf(model: LlamaModel): Vocabulary {
  const known = vocabularies.get(model) ?? createVocabulary(model);
  vocabularies.set(model, known);
  return known;
}

/** `tokenizer.ggml.token_type` of llama.cpp. */
const NORMAL = 1;
const BYTE = 6;

function createVocabulary(model: LlamaModel): Vocabulary {
  const { tokens: texts = [], token_type: types = [] } = model.fileInfo.metadata.tokenizer?.ggml ?? {};
  const typeOf = (token: number) => types[token] ?? NORMAL;
  const isSpaced = model.vocabularyType === "spm";
  const isSpecial = remember((token) => {
    const { control, unknown } = model.getTokenAttributes(token);
    return control || unknown || model.isEogToken(token);
  });
  // Only what is not plainly text can be special; llama.cpp also promotes tokens that look like marks.
  const specialTexts = texts.filter((text, token) => {
    const type = typeOf(token);
    return text !== "" && type !== BYTE && (type !== NORMAL || /^<.*>$/.test(text)) && isSpecial(token as Token);
  });
  const specialBeginnings = new Set(specialTexts.map((text) => text[0]!));
  const tokenize = (text: string, literally: boolean): Token[] => model.tokenize(text, !literally);
  const lineBreak = tokenize("\n", true);

  return {
    tokenize,
    continueWith(before, text, literally) {
      const last = before.at(-1);
      // llama.cpp puts the space before the first text and before every text behind a special token; elsewhere there is none.
      if (!isSpaced || last === undefined || isSpecial(last)) return tokenize(text, literally);
      const tokens = tokenize(`\n${text}`, literally);
      return lineBreak.every((token, i) => tokens[i] === token)
        ? tokens.slice(lineBreak.length)
        : tokenize(text, literally);
    },
    holdsSpecialText(text) {
      if (![...specialBeginnings].some((beginning) => text.includes(beginning))) return false;
      return specialTexts.some((special) => text.includes(special));
    },
    isSpecial,
    isEnd: remember((token) => model.isEogToken(token)),
    bytesOf: remember((token) => {
      const text = texts[token] ?? "";
      if (typeOf(token) === BYTE) return Uint8Array.of(Number.parseInt(text.slice(3, 5), 16));
      if (typeOf(token) !== NORMAL || isSpecial(token)) return new TextEncoder().encode(text);
      return isSpaced ? new TextEncoder().encode(text.replaceAll("▁", " ")) : fromPrintableBytes(text);
    }),
  };
}

function remember<Value>(ask: (token: Token) => Value): (token: Token) => Value {
  const answers = new Map<Token, Value>();
  return (token) => {
    const known = answers.get(token);
    if (known !== undefined) return known;
    const answer = ask(token);
    answers.set(token, answer);
    return answer;
  };
}

/** GPT-2's vocabulary writes each byte as a printable character: itself where it is one, else one from 256 on. */
const byteOfCharacter = new Map<string, number>();
for (let byte = 0, next = 256; byte < 256; byte++) {
  const isPrintable = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
  byteOfCharacter.set(String.fromCodePoint(isPrintable ? byte : next++), byte);
}

function fromPrintableBytes(text: string): Uint8Array {
  const bytes: number[] = [];
  for (const character of text) {
    const byte = byteOfCharacter.get(character);
    // BPE vocabularies after the manner of SentencePiece write a space as ▁ and everything else as it is.
    if (byte !== undefined) bytes.push(byte);
    else bytes.push(...new TextEncoder().encode(character === "▁" ? " " : character));
  }
  return Uint8Array.from(bytes);
}
