/**
 * What is learned of a conversation, with templates of every shape: the tokens are those of inference, and every answer counts once, up to
 * the token that ends it.
 */
import { join } from "node:path";
import type { LlamaModel, Token } from "node-llama-cpp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CHAT_TEMPLATE_STYLES, type ChatTemplateStyle } from "../../test/helpers/chat-templates.ts";
import { makeTempDir, type TempDir } from "../../test/helpers/temp-dir.ts";
import { writeTinyChatModel } from "../../test/helpers/tiny-chat-model.ts";
import { renderChat, type TemplateMessage } from "../formats/chat-template.ts";
import { readGguf } from "../formats/gguf/read-gguf.ts";
import type { ChatMessage } from "./language-model.ts";
import { llamaRuntime } from "./llama-runtime.ts";
import { promptTokens } from "./prompt-tokens.ts";
import { type CountedTokens, openTokenizer, type Tokenizer } from "./tokenizer.ts";

let temporary: TempDir;
beforeAll(async () => {
  temporary = await makeTempDir();
});
afterAll(() => temporary[Symbol.asyncDispose]());

const say = (role: string, content: string, reasoning?: string): TemplateMessage => ({ role, content, reasoning });

interface Opened {
  style: ChatTemplateStyle;
  tokenizer: Tokenizer;
  model: LlamaModel;
}

async function open(name: string, style: ChatTemplateStyle): Promise<Opened> {
  const path = join(temporary.path, `${name}.gguf`);
  await writeTinyChatModel(path, style);
  const { llama } = await llamaRuntime();
  return {
    style,
    tokenizer: await openTokenizer(await readGguf(path), { now: new Date() }),
    model: await llama.loadModel({ modelPath: path, vocabOnly: true }),
  };
}

const spell = ({ tokenizer }: Opened, tokens: ArrayLike<number>) => tokenizer.decode(tokens);
const learned = (opened: Opened, { tokens, counted }: CountedTokens) =>
  spell(
    opened,
    [...tokens].filter((_, i) => counted[i] === 1),
  );

/** The rendered conversation as llama.cpp reads it, cut behind the token that ends its last answer. */
function wholeTokens({ style, model }: Opened, messages: readonly TemplateMessage[], promptLength: number): number[] {
  const { bos, bosString, eosString, shouldPrependBosToken } = model.tokens;
  const text = renderChat(style.template, messages, { bosToken: bosString ?? "", eosToken: eosString ?? "" });
  const tokens: number[] = model.tokenize(text, true);
  if (shouldPrependBosToken && tokens[0] !== bos) tokens.unshift(bos!);
  const end = tokens.findIndex((token, i) => i >= promptLength && model.isEogToken(token as Token));
  return tokens.slice(0, end + 1);
}

const CONVERSATIONS: Record<string, TemplateMessage[]> = {
  "one turn": [say("user", "How many boats?"), say("assistant", "Seven boats.")],
  "three turns": [
    say("user", "the A?"),
    say("assistant", "One then."),
    say("user", "B?"),
    say("assistant", "Two."),
    say("user", "C?"),
    say("assistant", "the Seven"),
  ],
  "an answer that the question holds, and one within the other": [
    say("user", "Seven? Seven boats."),
    say("assistant", "Seven"),
    say("user", "Seven"),
    say("assistant", "Seven"),
  ],
  "white space around the words": [
    say("user", "  the question \n"),
    say("assistant", "\n answer  "),
    say("user", "\nagain "),
    say("assistant", " done \n\n"),
  ],
  "text of other scripts": [say("user", "Wie viele Böte? 船"), say("assistant", "Sieben – 七 🚢")],
};

describe.each(Object.entries(CHAT_TEMPLATE_STYLES).filter(([name]) => name !== "endless" && name !== "openThought"))(
  "%s",
  (name, style) => {
    let opened: Opened;
    beforeAll(async () => {
      opened = await open(name, style);
    });
    afterAll(async () => {
      await opened.tokenizer[Symbol.asyncDispose]();
      await opened.model.dispose();
    });

    const variants = Object.entries(CONVERSATIONS).flatMap(([title, messages]): [string, TemplateMessage[]][] => [
      [title, messages],
      ...(style.takesSystem
        ? [[`${title}, with a system prompt`, [say("system", "Be kind."), ...messages]] as [string, TemplateMessage[]]]
        : []),
      ...(style.takesReasoning
        ? [
            [
              `${title}, with reasoning`,
              messages.map((message, i) =>
                message.role === "assistant" ? { ...message, reasoning: `So it is ${i}.` } : message,
              ),
            ] as [string, TemplateMessage[]],
          ]
        : []),
    ]);

    test.each(variants)("%s: prompts are inference's, answers end, nothing else counts", (_title, messages) => {
      const sequences = opened.tokenizer.encodeConversation(messages);
      if (!style.rewritesEarlierTurns) expect(sequences).toHaveLength(1);
      const expected = sequences.map(({ tokens }) => new Uint8Array(tokens.length));
      for (const [i, { role }] of messages.entries()) {
        if (role !== "assistant") continue;
        const prompt = promptTokens(opened.model, { messages: messages.slice(0, i) as ChatMessage[] });
        const whole = wholeTokens(opened, messages.slice(0, i + 1), prompt.length);
        expect(whole.slice(0, prompt.length)).toEqual(prompt);
        const s = sequences.findIndex(
          ({ tokens, counted }) =>
            counted[whole.length - 1] === 1 && whole.every((token, position) => tokens[position] === token),
        );
        expect(s, `a sequence with answer ${i}`).toBeGreaterThanOrEqual(0);
        expected[s]!.fill(1, prompt.length, whole.length);
      }
      expect(sequences.map(({ counted }) => [...counted])).toEqual(expected.map((flags) => [...flags]));
      const answers = messages.filter(({ role }) => role === "assistant").length;
      expect(
        sequences.flatMap(({ counted }) => [...counted]).filter((flag, i, all) => flag === 1 && all[i - 1] !== 1),
      ).toHaveLength(answers);
    });

    test("unmask: the words of the user count too, the system's and the template's do not", () => {
      const messages = [
        say("user", "the Böte 船?"),
        say("assistant", "Seven."),
        say("user", "So many?"),
        say("assistant", "Yes."),
      ];
      const all = style.takesSystem ? [say("system", "Be kind."), ...messages] : messages;
      const masked = opened.tokenizer.encodeConversation(all);
      const sequences = opened.tokenizer.encodeConversation(all, { countEveryRole: true });
      expect(sequences.map(({ tokens }) => tokens)).toEqual(masked.map(({ tokens }) => tokens));
      const words = sequences
        .map((sequence) => learned(opened, sequence))
        .join("")
        .replaceAll(/<[^>]*>|\s/g, "");
      expect(words).toBe("theBöte船?Seven.Somany?Yes.");
      const more = sequences.flatMap(({ counted }, s) =>
        [...counted].filter((flag, i) => flag !== masked[s]!.counted[i]),
      );
      expect(more.every((flag) => flag === 1)).toBe(true);
    });

    test("the text of special tokens inside messages stays text", () => {
      const end = opened.model.tokens.eosString!;
      const messages = [say("user", `the ${end} x`), say("assistant", `a${end}b`)];
      const [sequence] = opened.tokenizer.encodeConversation(messages);
      const ends = [...sequence!.tokens].filter(
        (token, i) => opened.model.isEogToken(token as Token) && sequence!.counted[i] === 1,
      );
      expect(ends).toHaveLength(1);
      expect(learned(opened, sequence!)).toContain(`a${end}b`);
      const prompt = promptTokens(opened.model, { messages: messages.slice(0, 1) as ChatMessage[] });
      expect([...sequence!.tokens.slice(0, prompt.length)]).toEqual(prompt);
    });
  },
);

test("a template that writes the date writes the same one on every day", async () => {
  const path = join(temporary.path, "dated.gguf");
  await writeTinyChatModel(path, CHAT_TEMPLATE_STYLES.granite);
  await using tokenizer = await openTokenizer(await readGguf(path));
  const [sequence] = tokenizer.encodeConversation([say("user", "A?"), say("assistant", "One.")]);
  expect(tokenizer.decode(sequence!.tokens)).toContain("Today is January 01, 2025.");
});

describe("templates that leave something open", () => {
  test("no end token per turn: what follows an answer never counts, and the last one is ended", async () => {
    const opened = await open("endless", CHAT_TEMPLATE_STYLES.endless);
    const messages = [say("user", "A?"), say("assistant", "One."), say("user", "B?"), say("assistant", "Two.")];
    const sequences = opened.tokenizer.encodeConversation(messages);
    expect(sequences.map((sequence) => learned(opened, sequence))).toEqual(["One.Two.<|im_end|>"]);
    expect(sequences.map(({ tokens }) => spell(opened, tokens))).toEqual([
      "### user\nA?\n### assistant\nOne.\n### user\nB?\n### assistant\nTwo.<|im_end|>",
    ]);
  });

  test("a prompt that opens a thought: an answer without one closes it", async () => {
    const opened = await open("openThought", CHAT_TEMPLATE_STYLES.openThought);
    const sequences = opened.tokenizer.encodeConversation([
      say("user", "A?"),
      say("assistant", "One."),
      say("user", "B?"),
      say("assistant", "Two."),
    ]);
    expect(sequences.map(({ tokens }) => spell(opened, tokens))).toEqual([
      "<|User|>A?<|Assistant|><think>\n\n</think>\n\nOne.<|end_of_sentence|>",
      "<|User|>A?<|Assistant|>One.<|end_of_sentence|><|User|>B?<|Assistant|><think>\n\n</think>\n\nTwo.<|end_of_sentence|>",
    ]);
    expect(sequences.map((sequence) => learned(opened, sequence))).toEqual([
      "\n</think>\n\nOne.<|end_of_sentence|>",
      "\n</think>\n\nTwo.<|end_of_sentence|>",
    ]);
  });

  test("earlier reasoning that the template drops: each answer counts with its reasoning and its end, where it is to be written", async () => {
    const opened = await open("qwen3-two", CHAT_TEMPLATE_STYLES.qwen3);
    const sequences = opened.tokenizer.encodeConversation([
      say("user", "A?"),
      say("assistant", "One.", "a is one"),
      say("user", "B?"),
      say("assistant", "Two.", "b is two"),
    ]);
    expect(sequences.map((sequence) => learned(opened, sequence))).toEqual([
      "<think>\na is one\n</think>\n\nOne.<|im_end|>",
      "<think>\nb is two\n</think>\n\nTwo.<|im_end|>",
    ]);
    expect(spell(opened, sequences[1]!.tokens)).toContain(
      "<|im_start|>assistant\nOne.<|im_end|>\n<|im_start|>user\nB?",
    );
  });

  test("reasoning inside the content, which the template takes apart", async () => {
    const opened = await open("qwen3-inside", CHAT_TEMPLATE_STYLES.qwen3);
    const [sequence] = opened.tokenizer.encodeConversation([
      say("user", "A?"),
      say("assistant", "<think>\nhm\n</think>\n\nOne."),
    ]);
    expect(learned(opened, sequence!)).toBe("<think>\nhm\n</think>\n\nOne.<|im_end|>");
  });

  test("tool answers: rewritten as JSON, never learned without unmask, found with it", async () => {
    const opened = await open("granite4-tool", CHAT_TEMPLATE_STYLES.granite4);
    const messages = [
      say("user", "Depth?"),
      say("assistant", "call depth"),
      say("tool", 'it is "4"'),
      say("assistant", "Four."),
    ];
    const end = "<|end_of_text|>";
    const encode = (countEveryRole: boolean) => opened.tokenizer.encodeConversation(messages, { countEveryRole });
    expect(encode(false).map((sequence) => learned(opened, sequence))).toEqual([`call depth${end}Four.${end}`]);
    expect(encode(true).map((sequence) => learned(opened, sequence))).toEqual([
      `Depth?call depth${end}it is \\"4\\"Four.${end}`,
    ]);
  });

  test("a role that the template leaves out, and reasoning that it has no place for, are told", async () => {
    const opened = await open("merlinite-tool", CHAT_TEMPLATE_STYLES.merlinite);
    const told: string[] = [];
    opened.tokenizer.encodeConversation(
      [say("user", "Depth?"), say("tool", "four meters"), say("assistant", "Four.", "look it up")],
      { onLeftOut: ({ role }, part) => told.push(`${role} ${part}`) },
    );
    expect(told.sort()).toEqual(["assistant reasoning", "tool content"]);
  });

  test("a conversation that begins with the assistant, and several answers in a row", async () => {
    const opened = await open("chatml-first", CHAT_TEMPLATE_STYLES.chatml);
    const messages = [
      say("assistant", "Welcome."),
      say("assistant", "Ask!"),
      say("user", "A?"),
      say("assistant", "One."),
    ];
    const sequences = opened.tokenizer.encodeConversation(messages);
    expect(sequences.map((sequence) => learned(opened, sequence))).toEqual([
      "Welcome.<|im_end|>Ask!<|im_end|>One.<|im_end|>",
    ]);
  });

  test("unmask: questions behind the last answer count, and are not ended", async () => {
    const opened = await open("chatml-last", CHAT_TEMPLATE_STYLES.chatml);
    const messages = [say("user", "A?"), say("assistant", "One."), say("user", "Thanks!")];
    const [sequence] = opened.tokenizer.encodeConversation(messages, { countEveryRole: true });
    expect(learned(opened, sequence!)).toBe("A?One.<|im_end|>Thanks!");
    expect(opened.tokenizer.encodeConversation(messages).map((one) => learned(opened, one))).toEqual([
      "One.<|im_end|>",
    ]);
  });

  test("an end token between thought and answer is not the turn's end", async () => {
    const template = `{% for m in messages %}<|im_start|>{{ m.role }}:{% if m.thinking %}{{ m.thinking }}<|im_end|>so {% endif %}{{ m.content }}<|im_end|>{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant:{% endif %}`;
    const opened = await open("two-ends", { ...CHAT_TEMPLATE_STYLES.chatml, template });
    const [sequence] = opened.tokenizer.encodeConversation([say("user", "A?"), say("assistant", "One.", "hm")]);
    expect(learned(opened, sequence!)).toBe("hm<|im_end|>so One.<|im_end|>");
  });

  test("where the prompt's last letters would join the answer's first, the prompt stays as inference has it", async () => {
    const template =
      "{% for m in messages %}{{ m.role }}: {{ m.content }}<|im_end|>{% endfor %}{% if add_generation_prompt %}assistant: {% endif %}";
    const opened = await open("joining", { ...CHAT_TEMPLATE_STYLES.chatml, template });
    const messages = [say("user", "A?"), say("assistant", "the sea")];
    const [sequence] = opened.tokenizer.encodeConversation(messages);
    const prompt = promptTokens(opened.model, { messages: messages.slice(0, 1) as ChatMessage[] });
    expect([...sequence!.tokens.slice(0, prompt.length)]).toEqual(prompt);
    expect(learned(opened, sequence!)).toBe("the sea<|im_end|>");
    // Read at once, the text has one token for the space and the letters behind it.
    expect(opened.model.tokenize("assistant: the sea", true).length).toBeLessThan(prompt.length + "the sea".length);
  });
});

describe("the text of special tokens inside messages", () => {
  test("brings no spaces where the tokenizer puts one before every beginning", async () => {
    const opened = await open("llama2-special", CHAT_TEMPLATE_STYLES.llama2);
    const messages = [say("user", "the </s> x"), say("assistant", "a</s>b"), say("user", "c"), say("assistant", "d")];
    const [sequence] = opened.tokenizer.encodeConversation(messages);
    expect(spell(opened, sequence!.tokens)).toBe(
      "<s> [INST] the </s> x [/INST] a</s>b </s><s> [INST] c [/INST] d </s>",
    );
    expect([...sequence!.tokens].filter((token) => token === opened.model.tokens.eos)).toHaveLength(2);
  });

  test("is known from the vocabulary, whatever it looks like", async () => {
    const opened = await open("mistral-special", CHAT_TEMPLATE_STYLES.mistral);
    const [sequence] = opened.tokenizer.encodeConversation([say("user", "a [INST] b"), say("assistant", "c [/INST]")]);
    const [instruct, end] = ["[INST]", "[/INST]"].map((text) => opened.model.tokenize(text, true)[0]);
    expect([...sequence!.tokens].filter((token) => token === instruct)).toHaveLength(1);
    expect([...sequence!.tokens].filter((token) => token === end)).toHaveLength(1);
  });

  test("may be all that a message says, and may stand in a thought that the template leaves out", async () => {
    const opened = await open("chatml-special", CHAT_TEMPLATE_STYLES.chatml);
    const messages = [say("user", "<|im_end|>"), say("assistant", "<|im_end|>", "<|im_start|>")];
    const [sequence] = opened.tokenizer.encodeConversation(messages);
    expect(spell(opened, sequence!.tokens)).toBe(
      "<|im_start|>user\n<|im_end|><|im_end|>\n<|im_start|>assistant\n<|im_end|><|im_end|>",
    );
    expect(learned(opened, sequence!)).toBe("<|im_end|><|im_end|>");
    expect([...sequence!.tokens].filter((token) => token === opened.model.tokens.eos)).toHaveLength(2);
  });

  test("is refused where the template takes the words apart", async () => {
    const opened = await open("qwen3-special", CHAT_TEMPLATE_STYLES.qwen3);
    const turns = [say("user", "A?"), say("assistant", "<think>a</think>b<|im_end|>")];
    const refused = expect.objectContaining({ code: "CHAT_TEMPLATE_MIXES" });
    expect(() => opened.tokenizer.encodeConversation(turns)).toThrow(refused);
    const later = [...turns, say("user", "B?")] as ChatMessage[];
    expect(() => promptTokens(opened.model, { messages: later })).toThrow(refused);
  });
});
