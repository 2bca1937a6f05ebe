/**
 * A conversation as token sequences in which the assistant's answers count. What is trained is what inference will see: the prompt as it is
 * rendered to ask for the answer, then everything that the model has to write, up to and including the token that ends its turn. All turns
 * share one sequence unless the template writes an earlier turn differently once a later one follows (some drop earlier
 * reasoning); then each form gets a sequence, and every answer counts once, where it is the one to be written.
 */
import type { Token } from "node-llama-cpp";
import type { TemplateMessage } from "../formats/chat-template.ts";
import { locateMessages, type MessageRegion } from "../formats/locate-messages.ts";
import { IlabError } from "../util/errors.ts";
import { alignTokens } from "./align-tokens.ts";
import { cutIntoPieces, type ModelChat, requireSeparable, wordsOf } from "./model-chat.ts";
import type { CountedTokens } from "./tokenizer.ts";

export interface EncodeConversationOptions {
  /** Upstream's `unmask`: the words of every role but `system` count as well; end tokens still only the assistant's. */
  countEveryRole?: boolean;
  /** Told of words that the template leaves out. */
  onLeftOut?: (message: TemplateMessage, part: MessageRegion["part"]) => void;
}

/** @param endToken written behind a last answer that the template does not end. */
export function encodeConversation(
  chat: ModelChat,
  messages: readonly TemplateMessage[],
  endToken: Token | null,
  options: EncodeConversationOptions = {},
): CountedTokens[] {
  const { countEveryRole = false } = options;
  const drafts: Draft[] = [];
  /** Messages before this one have counted. */
  let learned = 0;
  const extend = (prompt: Prompt): Draft => {
    let draft = drafts.at(-1);
    if (draft === undefined || !isBeginning(draft.tokens, prompt.tokens)) {
      draft = { tokens: [], counted: [], isEnded: true };
      drafts.push(draft);
    }
    const counted = countEveryRole ? countWords(chat, prompt, learned) : undefined;
    for (let i = draft.tokens.length; i < prompt.tokens.length; i++) {
      draft.tokens.push(prompt.tokens[i]!);
      draft.counted.push(counted?.[i] ?? 0);
    }
    return draft;
  };
  for (const [index, { role }] of messages.entries()) {
    if (role !== "assistant") continue;
    const { prompt, answer, isEnded } = writeTurn(chat, messages.slice(0, index + 1), options);
    const draft = extend(prompt);
    for (const token of answer) draft.tokens.push(token);
    for (const _ of answer) draft.counted.push(1);
    draft.isEnded = isEnded;
    learned = index + 1;
  }
  if (countEveryRole && learned < messages.length)
    extend({ messages, addsGenerationPrompt: false, ...chat.tokenize(messages, false) }).isEnded = true;
  if (drafts.length > 0) reportLeftOut(chat, messages, options);
  return drafts.map(({ tokens, counted, isEnded }) => {
    const end = isEnded || endToken === null ? [] : [endToken];
    const flags = Uint8Array.from([...counted, ...end.map(() => 1)]);
    // Nothing predicts a sequence's first token.
    flags[0] = 0;
    return { tokens: Int32Array.from([...tokens, ...end]), counted: flags };
  });
}

interface Draft {
  tokens: Token[];
  counted: number[];
  /** The last answer has its end token. */
  isEnded: boolean;
}

interface Prompt {
  messages: readonly TemplateMessage[];
  addsGenerationPrompt: boolean;
  text: string;
  tokens: Token[];
}

/** The last of `messages` is an answer: what asks for it, and the tokens that the model has to write. */
function writeTurn(
  chat: ModelChat,
  messages: readonly TemplateMessage[],
  { onLeftOut }: EncodeConversationOptions,
): { prompt: Prompt; answer: Token[]; isEnded: boolean } {
  const { vocabulary } = chat;
  const index = messages.length - 1;
  const message = messages[index]!;
  const { text, regions } = locateMessages(
    (list) => chat.render(list, false),
    messages,
    (i) => i === index,
  );
  const hasThought = regions.some(({ part }) => part === "reasoning");
  if (message.reasoning?.trim() && !hasThought) onLeftOut?.(message, "reasoning");
  const before = messages.slice(0, index);
  // Templates expect somebody to speak before the assistant; where nobody does, its header is the prompt.
  const header = text.slice(0, regions[0]?.start ?? 0);
  const prompt: Prompt = {
    messages: before,
    addsGenerationPrompt: true,
    ...(before.length > 0 ? chat.tokenize(before, true) : { text: header, tokens: chat.tokenizeText(header) }),
  };

  const continues = text.startsWith(prompt.text);
  const from = continues ? prompt.text.length : (regions[0]?.start ?? text.length);
  // What the template writes behind the words ends the turn.
  const wordsEnd = Math.max(from, regions.at(-1)?.end ?? from);
  const words = cutIntoPieces(text, regions, from, wordsEnd);
  const tail = text.slice(wordsEnd);
  const openThought = continues || hasThought ? null : /<(think|thinking|thought|reasoning)>\s*$/.exec(prompt.text);
  // A prompt that opens a thought, and an answer without one: the model closes it first.
  if (openThought !== null) words.unshift({ text: `\n</${openThought[1]}>\n\n`, isLiteral: false });

  if (wordsOf(message).some(vocabulary.holdsSpecialText)) {
    const own = regions.map((region) => ({ ...region, message: 0 }));
    requireSeparable(vocabulary, [message], own, [...words, { text: tail, isLiteral: false }]);
    let tokens = prompt.tokens;
    for (const piece of words) tokens = tokens.concat(vocabulary.continueWith(tokens, piece.text, piece.isLiteral));
    const ending = vocabulary.continueWith(tokens, tail, false);
    const end = ending.findIndex(vocabulary.isEnd);
    return { prompt, answer: [...tokens.slice(prompt.tokens.length), ...ending.slice(0, end + 1)], isEnded: end >= 0 };
  }
  const written = words.map((piece) => piece.text).join("");
  const answer = continueText(chat, prompt, written + tail);
  // Ends that the template writes between thought and answer are not the turn's.
  let passed = 0;
  for (const piece of words)
    if (!piece.isLiteral) passed += vocabulary.tokenize(piece.text, false).filter(vocabulary.isEnd).length;
  const end = answer.findIndex((token) => vocabulary.isEnd(token) && passed-- === 0);
  return end >= 0
    ? { prompt, answer: answer.slice(0, end + 1), isEnded: true }
    : { prompt, answer: continueText(chat, prompt, written === "" ? tail : written), isEnded: false };
}

/** Tokens of a text behind a prompt whose tokens are fixed: spelled as both together are, as far as the prompt's spelling allows. */
function continueText({ vocabulary }: ModelChat, prompt: Prompt, text: string): Token[] {
  // Text is cut at special tokens first, so that what stands before the last of them decides nothing.
  const last = prompt.tokens.findLast(vocabulary.isSpecial);
  const name = last === undefined ? "" : new TextDecoder().decode(vocabulary.bytesOf(last));
  const at = name === "" ? -1 : prompt.text.lastIndexOf(name);
  const lead = at < 0 ? prompt.text : prompt.text.slice(at + name.length);
  const leadTokens = vocabulary.tokenize(lead, false);
  const together = vocabulary.tokenize(lead + text, false);
  return isBeginning(leadTokens, together)
    ? together.slice(leadTokens.length)
    : vocabulary.continueWith(prompt.tokens, text, false);
}

/** 1 for every token of the prompt that holds words of a message from `first` on, other than the system's and the assistant's. */
function countWords(chat: ModelChat, prompt: Prompt, first: number): Uint8Array {
  const { messages, addsGenerationPrompt, text, tokens } = prompt;
  const counted = new Uint8Array(tokens.length);
  if (first >= messages.length) return counted;
  const { regions } = locateMessages((list) => chat.render(list, addsGenerationPrompt), messages);
  const ranges = alignTokens(chat.vocabulary, tokens, text);
  if (ranges === undefined)
    throw new IlabError({
      code: "TOKENIZER_UNSUPPORTED",
      message: "the model's tokenizer rewrites text, so the user's words cannot be found among the tokens",
      hint: "Train without `unmask`, or choose another model.",
    });
  for (const { message, start, end } of regions) {
    const { role } = messages[message]!;
    if (message < first || role === "system" || role === "assistant") continue;
    const startByte = Buffer.byteLength(text.slice(0, start));
    const endByte = startByte + Buffer.byteLength(text.slice(start, end));
    for (const [i, range] of ranges.entries()) if (range.start < endByte && range.end > startByte) counted[i] = 1;
  }
  return counted;
}

/** Tells which words the template did not write at all. */
function reportLeftOut(
  chat: ModelChat,
  messages: readonly TemplateMessage[],
  { onLeftOut }: EncodeConversationOptions,
): void {
  if (onLeftOut === undefined) return;
  const render = (list: readonly TemplateMessage[]) => chat.render(list, false);
  const text = render(messages);
  if (messages.every(({ content }) => text.includes(content.trim()))) return;
  const { regions } = locateMessages(render, messages);
  for (const [index, message] of messages.entries())
    if (
      message.content.trim() !== "" &&
      !regions.some((region) => region.message === index && region.part === "content")
    )
      onLeftOut(message, "content");
}

function isBeginning(beginning: readonly Token[], tokens: readonly Token[]): boolean {
  return beginning.length <= tokens.length && beginning.every((token, i) => tokens[i] === token);
}
