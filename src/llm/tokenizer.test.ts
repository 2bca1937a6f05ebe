/** Masks by position: exactly the assistant's answers count, with the token that ends each, whatever stands in the texts. */
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { makeTempDir, type TempDir } from "../../test/helpers/temp-dir.ts";
import { writeTinyChatModel } from "../../test/helpers/tiny-chat-model.ts";
import { type TinyModelOptions, writeTinyModel } from "../../test/helpers/tiny-model.ts";
import { readGguf } from "../formats/gguf/read-gguf.ts";
import type { ChatMessage } from "./language-model.ts";
import { type CountedTokens, openTokenizer, type Tokenizer } from "./tokenizer.ts";

let temporary: TempDir;
let tokenizer: Tokenizer;
beforeAll(async () => {
  temporary = await makeTempDir();
  const path = join(temporary.path, "tiny.gguf");
  await writeTinyModel(path);
  tokenizer = await openTokenizer(await readGguf(path));
});
afterAll(async () => {
  await tokenizer[Symbol.asyncDispose]();
  await temporary[Symbol.asyncDispose]();
});

const END = 2;
const counted = ({ tokens, counted: flags }: CountedTokens) =>
  tokenizer.decode([...tokens].filter((_, i) => flags[i] === 1));
const whole = ({ tokens }: CountedTokens) => tokenizer.decode([...tokens]);
const user = (content: string): ChatMessage => ({ role: "user", content });
const assistant = (content: string): ChatMessage => ({ role: "assistant", content });

test("one question: the answer and its end token count, nothing else", () => {
  const [sequence, ...rest] = tokenizer.encodeConversation([user("How many?"), assistant("Seven boats.")]);
  expect(rest).toEqual([]);
  expect(whole(sequence!)).toBe("<|im_start|>user\nHow many?<|im_end|>\n<|im_start|>assistant\nSeven boats.<|im_end|>");
  expect(counted(sequence!)).toBe("Seven boats.<|im_end|>");
  expect(sequence!.tokens.at(-1)).toBe(END);
});

test("two turns make one sequence in which both answers count", () => {
  const sequences = tokenizer.encodeConversation([user("A?"), assistant("One."), user("B?"), assistant("Two.")]);
  expect(sequences).toHaveLength(1);
  expect(counted(sequences[0]!)).toBe("One.<|im_end|>Two.<|im_end|>");
});

test("an answer that also stands in the question is masked there", () => {
  const [sequence] = tokenizer.encodeConversation([user("Is it Seven?"), assistant("Seven")]);
  const first = sequence!.counted.indexOf(1);
  expect(tokenizer.decode([...sequence!.tokens].slice(0, first))).toBe(
    "<|im_start|>user\nIs it Seven?<|im_end|>\n<|im_start|>assistant\n",
  );
});

test("the text of a special token inside a message stays text", () => {
  const [sequence] = tokenizer.encodeConversation([user("x <|im_end|> y"), assistant("z <|im_start|>")]);
  expect([...sequence!.tokens].filter((token) => token === END)).toHaveLength(2);
  expect(counted(sequence!)).toBe("z <|im_start|><|im_end|>");
});

test("a document counts whole, with its end; nothing predicts its first token", () => {
  const document = tokenizer.encodeDocument("The harbour.");
  expect(whole(document)).toBe("The harbour.<|im_end|>");
  expect(counted(document)).toBe("he harbour.<|im_end|>");
});

test("behind a begin token a document counts from its first letter", async () => {
  const path = join(temporary.path, "begin.gguf");
  await writeTinyChatModel(path, { template: "x", addsBeginToken: true, beginToken: "<|endoftext|>" });
  await using other = await openTokenizer(await readGguf(path));
  const { tokens, counted: flags } = other.encodeDocument("Sea <|im_end|>.");
  expect(other.decode(tokens)).toBe("<|endoftext|>Sea <|im_end|>.<|im_end|>");
  expect([...flags]).toEqual([0, ...new Array(tokens.length - 1).fill(1)]);
  // In a document the text of a special token is text.
  expect([...tokens].filter((token) => token === END)).toHaveLength(1);
});

test("a conversation without an answer gives nothing", () => {
  expect(tokenizer.encodeConversation([user("Hello?")])).toEqual([]);
});

/**
 * Upstream's unit vectors (markers of a region taken out): number = token that counts, in parentheses = only read; 9 ends a turn. Two of
 * them upstream gets wrong: the end of an answer whose reasoning the template dropped was not learned, and what a user says behind an answer
 * without an end was.
 */
describe("upstream's masking vectors", () => {
  const turns = (ofUser: string, ofAssistant: string) =>
    `{% for m in messages %}{% if m.role == 'user' %}${ofUser}{% else %}${ofAssistant}{% endif %}{% endfor %}`;
  const words = "{{ m.content }}";
  const end = "<|im_end|>";
  const thought = "{% if m.thinking %}{{ m.thinking }}g{% endif %}";
  // Header "b" for the first answer and "bc" for the next.
  const header = "b{% if loop.index0 > 1 %}c{% endif %}";
  const ask = "{% if add_generation_prompt %}b{% if messages | length > 1 %}c{% endif %}{% endif %}";
  test.each([
    {
      name: "only the answer",
      template: turns(`${words}`, `${words}`),
      messages: [user("ab"), assistant("ST")],
      sequences: ["(ab)ST9"],
    },
    {
      name: "nothing before the answer",
      template: turns(`${words}`, `${words}${end}`),
      messages: [assistant("ST")],
      // Nothing predicts a sequence's first token.
      sequences: ["(S)T9"],
    },
    {
      name: "everything up to the end token",
      template: `${turns(`1${words}2`, `f${words}j${end}j`)}{% if add_generation_prompt %}f{% endif %}`,
      messages: [user("a"), assistant("S")],
      sequences: ["(1a2f)Sj9"],
    },
    {
      name: "unmask: the user's end token does not count",
      template: `${turns(`1${words}${end}`, `f${words}${end}j`)}{% if add_generation_prompt %}f{% endif %}`,
      messages: [user("a"), assistant("S")],
      unmask: true,
      sequences: ["(1)a(9f)S9"],
    },
    {
      name: "reasoning, what stands between, and the answer",
      template: turns(`${words}`, `${header}${thought}${words}${end}`) + ask,
      messages: [user("a"), { ...assistant("ST"), reasoning: "r" }, user("d"), { ...assistant("U"), reasoning: "v" }],
      sequences: ["(ab)rgST9(dbc)vgU9"],
    },
    {
      name: "an answer without an end before one that has it",
      template: turns(`${words}`, `${words}{% if m.content == 'T' %}${end}{% endif %}`),
      messages: [assistant("S"), user("de"), assistant("T")],
      sequences: ["(Sde)T9"],
    },
    {
      name: "a template that drops earlier reasoning",
      template: turns(`${words}`, `${header}{% if loop.last %}${thought}{% endif %}${words}${end}`) + ask,
      messages: [user("a"), { ...assistant("ST"), reasoning: "r" }, user("d"), { ...assistant("U"), reasoning: "v" }],
      // The first answer is learned as it has to be written: with its reasoning, and with its end.
      sequences: ["(ab)rgST9", "(abST9dbc)vgU9"],
    },
    {
      name: "an answer without an end, then a user with one",
      template: turns(`de${words}${end}`, `${words}`),
      messages: [user("a"), assistant("S"), user("f")],
      sequences: ["(dea9)S9"],
    },
    {
      name: "the same with a further answer: the user's words and end never count",
      template: turns(`de${words}${end}`, `${words}`),
      messages: [user("a"), assistant("S"), user("f"), assistant("T")],
      sequences: ["(dea9)S(def9)T9"],
    },
  ])("$name", async ({ name, template, messages, unmask, sequences }) => {
    const path = join(temporary.path, `${name.replaceAll(/\W/g, "-")}.gguf`);
    await writeTinyChatModel(path, { template });
    await using one = await openTokenizer(await readGguf(path));
    const shown = one.encodeConversation(messages, { countEveryRole: unmask }).map(({ tokens, counted: flags }) =>
      [...tokens]
        .map(
          (token, i) =>
            (flags[i] === 1 ? "" : "(") + (token === END ? "9" : one.decode([token])) + (flags[i] === 1 ? "" : ")"),
        )
        .join("")
        .replaceAll(")(", ""),
    );
    expect(shown).toEqual(sequences);
  });
});

describe("a file whose tokenizer does not fit is refused before llama.cpp sees it", () => {
  const open = async (mutate: TinyModelOptions["mutate"]) => {
    const path = join(temporary.path, "unfit.gguf");
    await writeTinyModel(path, { layers: 1, mutate });
    await using opened = await openTokenizer(await readGguf(path));
    return opened;
  };
  test.each<[string, string, RegExp, TinyModelOptions["mutate"]]>([
    ["no tokenizer", "TOKENIZER_MISSING", /no tokenizer/, (metadata) => metadata.delete("tokenizer.ggml.tokens")],
    [
      "no kind of tokenizer",
      "TOKENIZER_MISSING",
      /no tokenizer/,
      (metadata) => metadata.set("tokenizer.ggml.model", { type: "string", value: "none" }),
    ],
    [
      "more tokens than rows of the embedding",
      "TOKENIZER_MISMATCH",
      /261 tokens.*260 rows/,
      (_metadata, tensors) =>
        tensors.set("token_embd.weight", { ...tensors.get("token_embd.weight")!, shape: [64, 260] }),
    ],
    [
      "fewer tokens than rows of the embedding",
      "TOKENIZER_MISMATCH",
      /261 tokens.*300 rows/,
      (_metadata, tensors) =>
        tensors.set("token_embd.weight", { ...tensors.get("token_embd.weight")!, shape: [64, 300] }),
    ],
    [
      "an end token beyond the vocabulary",
      "TOKENIZER_MISMATCH",
      /eos token is 261/,
      (metadata) => metadata.set("tokenizer.ggml.eos_token_id", { type: "uint32", value: 261 }),
    ],
    [
      "token types of another tokenizer",
      "TOKENIZER_MISMATCH",
      /3 token types/,
      (metadata) =>
        metadata.set("tokenizer.ggml.token_type", { type: "array", elementType: "int32", value: [1, 1, 1] }),
    ],
    [
      "merges that are missing",
      "GGUF_INVALID",
      /cannot be loaded/,
      (metadata) => metadata.delete("tokenizer.ggml.merges"),
    ],
  ])("%s", async (_name, code, message, mutate) => {
    await expect(open(mutate)).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
      hint: expect.any(String),
    });
  });

  test("no chat template: documents can be learned, conversations not", async () => {
    const path = join(temporary.path, "plain.gguf");
    await writeTinyModel(path, { mutate: (metadata) => metadata.delete("tokenizer.chat_template") });
    await using opened = await openTokenizer(await readGguf(path));
    expect(opened.hasChatTemplate).toBe(false);
    expect(opened.encodeDocument("Sea").tokens.length).toBe(4);
    expect(() => opened.encodeConversation([user("A?"), assistant("B.")])).toThrow(/no chat template/);
  });
});
