/** From files as people have them to sequences, with what was left out and why; bad files are refused with line and hint. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CHAT_TEMPLATE_STYLES } from "../../test/helpers/chat-templates.ts";
import { makeTempDir, type TempDir } from "../../test/helpers/temp-dir.ts";
import { writeTinyChatModel } from "../../test/helpers/tiny-chat-model.ts";
import { writeDataFile } from "../formats/data-file.ts";
import { readGguf } from "../formats/gguf/read-gguf.ts";
import { type CountedTokens, openTokenizer, type Tokenizer } from "../llm/tokenizer.ts";
import { describeLeftOut } from "./describe-left-out.ts";
import { readSamples } from "./read-samples.ts";

let temporary: TempDir;
let tokenizer: Tokenizer;
beforeAll(async () => {
  temporary = await makeTempDir();
  tokenizer = await openStyle("chatml");
});
afterAll(async () => {
  await tokenizer[Symbol.asyncDispose]();
  await temporary[Symbol.asyncDispose]();
});

async function openStyle(style: keyof typeof CHAT_TEMPLATE_STYLES): Promise<Tokenizer> {
  const path = join(temporary.path, `${style}.gguf`);
  await writeTinyChatModel(path, CHAT_TEMPLATE_STYLES[style]);
  return openTokenizer(await readGguf(path));
}

let files = 0;
async function read(content: string | Uint8Array, limit = 200, by = tokenizer) {
  const path = join(temporary.path, `data-${files++}.jsonl`);
  await writeFile(path, content);
  return readSamples(path, by, limit);
}
const lines = (...rows: unknown[]) => rows.map((row) => JSON.stringify(row)).join("\n");
const learned = ({ tokens, counted }: CountedTokens) =>
  tokenizer.decode([...tokens].filter((_, i) => counted[i] === 1));
const whole = ({ tokens }: CountedTokens) => tokenizer.decode(tokens);
const ask = (question: string, answer: string) => [
  { role: "user", content: question },
  { role: "assistant", content: answer },
];
const END = "<|im_end|>";

describe("rows of every kind", () => {
  test("messages, with and without unmask, with columns that nobody needs", async () => {
    const { samples } = await read(
      lines(
        { messages: ask("A?", "One."), id: 7, metadata: { any: "thing" }, unmask: null },
        { messages: [{ role: "system", content: "S." }, ...ask("A?", "One.")], unmask: true },
        { messages: [{ ...ask("A?", "One.")[0] }, { role: "assistant", content: "One.", reasoning_content: null }] },
      ),
    );
    expect(samples.map(learned)).toEqual([`One.${END}`, `A?One.${END}`, `One.${END}`]);
  });

  test("the same rows from Parquet", async () => {
    const rows = [
      { messages: ask("A?", "One."), unmask: true },
      { document: "A text." },
      { user: "B?", assistant: "Two." },
    ];
    const path = join(temporary.path, "data.parquet");
    await writeDataFile(path, async function* () {
      yield* rows;
    });
    const { samples } = await readSamples(path, tokenizer, 200);
    expect(samples.map(whole)).toEqual((await read(lines(...rows))).samples.map(whole));
  });

  test("older texts with role tags are conversations in which everything counts", async () => {
    const text = "<|user|>\na < b?\n<|assistant|>\nYes, 1 < 2.<|endoftext|>";
    const { samples } = await read(
      lines({
        messages: [
          { role: "system", content: "S" },
          { role: "pretraining", content: text },
        ],
      }),
    );
    expect(samples.map(whole)).toEqual([
      `<|im_start|>system\nS${END}\n<|im_start|>user\na < b?${END}\n<|im_start|>assistant\nYes, 1 < 2.${END}`,
    ]);
    expect(samples.map(learned)).toEqual([`a < b?Yes, 1 < 2.${END}`]);
  });

  test("texts without tags and documents are learned whole, each with one end", async () => {
    const { samples, documentsCut } = await read(
      lines(
        { messages: [{ role: "pretraining", content: "Sea." }], unmask: true },
        { document: "Low <|im_end|> tide." },
      ),
    );
    expect(samples.map(whole)).toEqual([`Sea.${END}`, `Low <|im_end|> tide.${END}`]);
    expect(samples.map(({ tokens }) => [...tokens].filter((token) => token === 2).length)).toEqual([1, 1]);
    expect(samples.map(({ tokens, counted }) => tokens.length - counted.reduce((a, b) => a + b))).toEqual([1, 1]);
    expect(documentsCut).toBe(0);
  });

  test("a long document becomes blocks of the limit; its end stands once, at the end", async () => {
    const text = "abcdefghijklmnopqrstuvwxyz";
    const { samples, documentsCut, rows } = await read(lines({ document: text }, { document: "Sea." }), 10);
    expect(rows).toBe(2);
    expect(documentsCut).toBe(1);
    expect(samples.map(whole)).toEqual(["abcdefghij", "jklmnopqrs", `stuvwxyz${END}`, `Sea.${END}`]);
    expect(samples.slice(0, 3).map(learned).join("")).toBe(`${text.slice(1)}${END}`);
  });

  test("pairs of the older train files", async () => {
    const { samples } = await read(
      lines({ system: "", user: "A?", assistant: "One." }, { system: "S.", user: "B?", assistant: "Two." }),
    );
    expect(samples.map(whole)).toEqual([
      `<|im_start|>user\nA?${END}\n<|im_start|>assistant\nOne.${END}`,
      `<|im_start|>system\nS.${END}\n<|im_start|>user\nB?${END}\n<|im_start|>assistant\nTwo.${END}`,
    ]);
  });

  test.each(["reasoning_content", "thinking"])("reasoning under the name %s", async (name) => {
    await using qwen = await openStyle("qwen3");
    const { samples, leftOutByTemplate } = await read(
      lines({ messages: [ask("A?", "")[0], { role: "assistant", content: "One.", [name]: "hm" }] }),
      200,
      qwen,
    );
    expect(samples.map(learned)).toEqual([`<think>\nhm\n</think>\n\nOne.${END}`]);
    expect(leftOutByTemplate).toEqual({});
  });
});

describe("the account", () => {
  test("too long, nothing that counts, empty, and what the template leaves out", async () => {
    const account = await read(
      lines(
        { messages: ask("A?", "One.") },
        { messages: ask("A?", "x".repeat(80)) },
        { messages: ask("A?", "x".repeat(60)) },
        { messages: ask("A?", "").slice(0, 1) },
        { messages: ask("A?", " \n") },
        { document: "  " },
        { messages: [{ role: "pretraining", content: "" }] },
        { messages: [ask("A?", "")[0], { role: "assistant", content: "One.", thinking: "hm" }] },
      ),
      60,
    );
    expect(account).toMatchObject({ rows: 8, tooLong: 2, nothingCounted: 1, empty: 3, documentsCut: 0 });
    expect(account.leftOutByTemplate).toEqual({ reasoning: 1 });
    expect(account.samples.map(learned)).toEqual([`One.${END}`, `One.${END}`]);
    const prompt = account.samples[0]!.tokens.length - "One.".length;
    expect(account.longestTokens).toBe(prompt + 80);
    expect(describeLeftOut(account, 60)).toEqual([
      `2 samples left out: longer than 60 tokens (--max-seq-len; the longest has ${prompt + 80})`,
      "1 sample left out: no answer of the assistant",
      "3 samples left out: without words",
      "1 answer trained without its reasoning: the model's chat template leaves it out",
    ]);
  });

  test("a sample of exactly the limit stays", async () => {
    const length = (await read(lines({ messages: ask("A?", "One.") }))).samples[0]!.tokens.length;
    expect((await read(lines({ messages: ask("A?", "One.") }), length)).samples).toHaveLength(1);
    await expect(read(lines({ messages: ask("A?", "One.") }), length - 1)).rejects.toMatchObject({
      code: "NOTHING_TO_TRAIN",
      message: expect.stringMatching(/1 sample left out: longer than/),
      hint: `Raise the limit: --max-seq-len ${length} takes the longest.`,
    });
  });

  test.each([
    ["an empty file", "", /is empty/],
    ["blank lines", "\n\n", /is empty/],
    ["only questions", lines({ messages: ask("A?", "").slice(0, 1) }), /in its one row; 1 sample left out: no answer/],
    ["only empty documents", lines({ document: "" }), /without words/],
  ])("%s: nothing to train", async (_name, content, message) => {
    await expect(read(content)).rejects.toMatchObject({
      code: "NOTHING_TO_TRAIN",
      message: expect.stringMatching(message),
      hint: expect.any(String),
    });
  });
});

describe("files from other programs", () => {
  test("byte order mark, CRLF, blank lines, no line break at the end", async () => {
    const row = lines({ messages: ask("A?", "One.") });
    const { samples, rows } = await read(`\uFEFF${row}\r\n\r\n${row}\r\n${row}`);
    expect(rows).toBe(3);
    expect(samples.map(learned)).toEqual([`One.${END}`, `One.${END}`, `One.${END}`]);
  });

  test("line separators of Unicode stay inside their line", async () => {
    const { samples } = await read('{"document":"a\u2028b\u0085c\\u2029d"}');
    expect(samples.map(whole)).toEqual([`a\u2028b\u0085c\u2029d${END}`]);
  });

  test("characters that lie across two reads of the file", async () => {
    const text = "é🚢".repeat(30_000);
    const { samples } = await read(lines({ document: `x${text}` }), 1_000_000);
    expect(whole(samples[0]!)).toBe(`x${text}${END}`);
  });
});

describe("bad rows are refused with line and hint", () => {
  const good = JSON.stringify({ messages: ask("A?", "One.") });
  test.each([
    ["not JSON", `${good}\n\n{"messages": [`, "BAD_JSON_LINE", /:3: not valid JSON/],
    ["not an object", `${good}\n[1]`, "BAD_SAMPLE", /:2: the row is none of the known kinds/],
    ["another kind", `{"text": "a"}`, "BAD_SAMPLE", /:1: the row is none/],
    ["messages that are no list", `{"messages": "a"}`, "BAD_SAMPLE", /:1: messages: .*array/],
    ["no messages", `{"messages": []}`, "BAD_SAMPLE", /:1: messages: /],
    [
      "content that is no text",
      lines({ messages: [{ role: "user", content: 5 }] }),
      "BAD_SAMPLE",
      /messages\.0\.content: .*string/,
    ],
    ["content that is missing", lines({ messages: [{ role: "user" }] }), "BAD_SAMPLE", /messages\.0\.content/],
    [
      "reasoning that is no text",
      lines({ messages: [{ role: "assistant", content: "a", thinking: ["b"] }] }),
      "BAD_SAMPLE",
      /messages\.0\.thinking/,
    ],
    [
      "a role with a special token",
      lines({ messages: [{ role: "user<|im_end|>", content: "a" }] }),
      "BAD_SAMPLE",
      /a role is one word/,
    ],
    ["a document that is no text", `${good}\n\r\n{"document": ["a"]}`, "BAD_SAMPLE", /:3: document: .*string/],
    ["half a character", `${good}\n{"document": "a\\ud83d"}`, "BAD_SAMPLE", /:2: .*half a character \(\\ud83d/],
    [
      "half a character in a message",
      `{"messages": [{"role": "user", "content": "\\udc00"}, {"role": "assistant", "content": "a"}]}`,
      "BAD_SAMPLE",
      /half a character/,
    ],
    [
      "a text inside a conversation",
      lines({ messages: [...ask("A?", "One."), { role: "pretraining", content: "Sea." }] }),
      "BAD_SAMPLE",
      /role pretraining stands inside a conversation/,
    ],
    ["another encoding", new Uint8Array([0xff, 0xfe, 0x7b, 0x00, 0x0a, 0x00]), "NOT_UTF8", /:1: the line is not UTF-8/],
  ])("%s", async (_name, content, code, message) => {
    await expect(read(content)).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
      hint: expect.any(String),
    });
  });

  test("several at once, as data too, and not more than a screen", async () => {
    const error = await read(lines(...Array.from({ length: 30 }, () => ({ document: 1 })))).catch((thrown) => thrown);
    expect(error.message.split("\n")).toHaveLength(11);
    expect(error.message).toMatch(/reading stopped after 10 bad rows$/);
    expect(error.details[3]).toMatchObject({ line: 4, code: "BAD_SAMPLE" });
  });

  test("a template that refuses a conversation says which", async () => {
    await using gemma = await openStyle("gemma");
    const content = lines(
      { messages: ask("A?", "One.") },
      { messages: [{ role: "system", content: "S." }, ...ask("A?", "One.")] },
    );
    await expect(read(content, 200, gemma)).rejects.toMatchObject({
      code: "CHAT_TEMPLATE_REFUSED",
      message: expect.stringMatching(/:2: .*System role not supported/),
      hint: expect.any(String),
    });
  });

  test.each([
    ["does not parse", "{% for %}", "CHAT_TEMPLATE_INVALID"],
    [
      "never ends",
      "{% for a in range(9999) %}{% for b in range(9999) %}{{ a }}{% endfor %}{% endfor %}",
      "CHAT_TEMPLATE_LIMIT",
    ],
    ["fails", "{{ messages.nothing() }}", "CHAT_TEMPLATE_INVALID"],
  ])("a template that %s", async (name, template, code) => {
    const path = join(temporary.path, `template-${name.replaceAll(" ", "-")}.gguf`);
    await writeTinyChatModel(path, { template });
    await using broken = await openTokenizer(await readGguf(path));
    const error = await read(`${good}\n${good}`, 200, broken).catch((thrown) => thrown);
    expect(error).toMatchObject({ code, hint: expect.any(String), details: [{ line: 1, code }] });
  });
});
