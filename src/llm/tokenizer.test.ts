/** Masks by position: exactly the assistant's answers count, with the token that ends each, whatever stands in the texts. */
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeTempDir, type TempDir } from "../../test/helpers/temp-dir.ts";
import { writeTinyModel } from "../../test/helpers/tiny-model.ts";
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

test("a document counts whole, with its end", () => {
  expect(counted(tokenizer.encodeDocument("The harbour."))).toBe("The harbour.<|im_end|>");
});

test("unmask lets the user's words count as well", () => {
  const messages = [user("Read this."), assistant("Done.")];
  const [sequence] = tokenizer.encodeConversation(messages);
  expect(counted(tokenizer.countUserTurns(messages, sequence!))).toBe("Read this.Done.<|im_end|>");
});

test("a conversation without an answer gives nothing", () => {
  expect(tokenizer.encodeConversation([user("Hello?")])).toEqual([]);
});
