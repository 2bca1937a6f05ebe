import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { Row } from "../../artifacts.ts";
import { isImagined } from "../teacher/imagined.ts";
import { runBlock, type TestRunOptions } from "../test-block.ts";

const parts = `system: "{{ fruit }}"
introduction: introduction
principles: principles
examples: examples
generation: generation
`;
const tags = 'start_tags: ["[Q]", "[A]"]\nend_tags: ["[/Q]", "[/A]"]\n';
const pair = { output_cols: ["question", "response"] };
const whole = 'start_tags: [""]\nend_tags: [""]\n';

interface Case extends TestRunOptions {
  prompt?: string;
  config?: object;
  rows?: Row[];
  type?: string;
}

async function ask({ prompt = parts + tags, config = pair, rows = [{ fruit: "apple" }], type, ...options }: Case) {
  const directory = await mkdtemp(join(tmpdir(), "llm-block-"));
  await writeFile(join(directory, "prompt.yaml"), prompt);
  return await runBlock(type ?? "LLMBlock", { config_path: "prompt.yaml", ...config }, rows, { directory, ...options });
}

const text = "apple\nintroduction\nprinciples\nexamples\ngeneration";

test.each<[string, object, object]>([
  ["the teacher's own chat template", {}, { messages: [{ role: "user", content: text }] }],
  ["a raw prompt", { model_prompt: "" }, { text }],
  ["a template of one's own", { model_prompt: "<s>ASK {{ prompt }} ANSWER" }, { text: `ASK ${text} ANSWER` }],
  [
    "a template over messages",
    {
      model_prompt:
        "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}{% if add_generation_prompt %}<a>{% endif %}",
    },
    { text: `<user>${text}<a>` },
  ],
  ["mixtral, whose begin token servers add", { model_family: "mixtral" }, { text: `[INST] ${text} [/INST]` }],
  ["the older form of a template", { model_prompt: "<s> [INST] {prompt} [/INST]" }, { text: `[INST] ${text} [/INST]` }],
  ["granite", { model_family: "granite" }, { text: `<|user|>\n${text}\n<|assistant|>\n` }],
  ["blank", { model_family: "blank" }, { text }],
])("the prompt is sent as %s", async (_, config, sent) => {
  const { requests } = await ask({ config: { ...pair, ...config } });
  expect(requests[0]!.prompt).toEqual(sent);
});

test("the run's family comes before the file's; an unknown one is refused", async () => {
  const { requests } = await ask({
    config: { ...pair, model_family: "granite" },
    settings: { modelFamily: "mixtral" },
  });
  expect(requests[0]!.prompt).toMatchObject({ text: expect.stringMatching(/^\[INST\]/) });
  await expect(ask({ config: { ...pair, model_family: "mixtrel" } })).rejects.toThrow(
    /'mixtrel' \(did you mean 'mixtral'/,
  );
});

test("settings of the generation reach the request", async () => {
  const gen_kwargs = {
    max_tokens: 64,
    temperature: "0.7",
    n: "scaled",
    seed: 42,
    top_p: 0.9,
    stop: "END",
    extra_body: { guided_choice: ["a"] },
  };
  const { requests } = await ask({ config: { ...pair, gen_kwargs } });
  expect(requests[0]).toMatchObject({
    maxTokens: 64,
    temperature: 0.7,
    n: 30,
    seed: 42,
    topP: 0.9,
    stop: ["END"],
    extra: { guided_choice: ["a"] },
  });
  const plain = (await ask({})).requests[0]!;
  expect(plain).toMatchObject({ maxTokens: 4096, temperature: 0, seed: 1 });
  expect([plain.n, plain.extra]).toEqual([undefined, undefined]);
  await expect(ask({ config: { ...pair, gen_kwargs: { max_token: 5 } } })).rejects.toThrow(/max_token/);
});

test("max_tokens of the run is for the blocks that write pairs", async () => {
  const config = { ...pair, gen_kwargs: { max_tokens: 2048 } };
  for (const [name, expected] of [
    ["gen_knowledge", 512],
    ["knowledge generation", 512],
    ["gen_spellcheck", 2048],
  ] as const) {
    const { requests } = await ask({ config, settings: { name, maxTokens: 512 } });
    expect(requests[0]!.maxTokens, name).toBe(expected);
  }
});

test("num_samples is a column for the prompt, unless the row has it", async () => {
  const config = { ...pair, batch_kwargs: { num_samples: 3 } };
  const prompt = `${parts.replace("{{ fruit }}", "{{ num_samples }} of {{ fruit }}")}${tags}`;
  const answers = ["[Q]a[/Q][A]1[/A]", "[Q]a[/Q][A]1[/A]"];
  const rows: Row[] = [{ fruit: "apple" }, { fruit: "pear", num_samples: 7 }];
  const { prompts, result, block } = await ask({ config, prompt, answers, rows });
  expect(prompts[0]).toContain("3 of apple");
  expect(prompts[1]).toContain("7 of pear");
  expect(result[0]!["num_samples"]).toBe(3);
  expect(block.inputColumns).toEqual(["fruit"]);
});

test("a row without what the prompt asks for is an error of that row; null is written None", async () => {
  await expect(ask({ rows: [{ animal: "cow" }] })).rejects.toThrow(/'fruit' has no value/);
  expect((await ask({ rows: [{ fruit: null }] })).prompts[0]).toContain("None\\nintroduction");
});

const found = (result: Row[]) => result.map(({ question, response }) => [question, response]);

test.each<[string, string, string, [string, string][]]>([
  [
    "every finding",
    tags,
    "[Q] One? [/Q][A] 1 [/A] [Q]Two?[/Q]\n[A]2\n[/A]",
    [
      ["One?", "1"],
      ["Two?", "2"],
    ],
  ],
  ["as many as the shortest list", tags, "[Q]One?[/Q][A]1[/A][Q]Two?[/Q]", [["One?", "1"]]],
  [
    "an empty part keeps its place",
    tags,
    "[Q]One?[/Q][A][/A][Q]Two?[/Q][A]2[/A]",
    [
      ["One?", ""],
      ["Two?", "2"],
    ],
  ],
  [
    "line breaks and pattern characters",
    'start_tags: ["(Q*)", "<a>"]\nend_tags: ["(/Q)", "</a>"]\n',
    "(Q*)a\nb(/Q)<a>c</a>",
    [["a\nb", "c"]],
  ],
  [
    "no end tag: up to the next start tag",
    'start_tags: ["Q:", "A:"]\nend_tags: ["", ""]\n',
    "Q: One? A: 1 Q: Two? A: 2",
    [
      ["One?", "1"],
      ["Two?", "2"],
    ],
  ],
  [
    "no start tag: up to each end tag",
    'start_tags: ["", "[A]"]\nend_tags: ["[Q]", "[/A]"]\n',
    "One? [Q][A]1[/A]",
    [["One?", "1"]],
  ],
])("tags: %s", async (_, tagLines, answer, expected) => {
  expect(found((await ask({ prompt: parts + tagLines, answers: [answer] })).result)).toEqual(expected);
});

test("empty tags take the whole answer, and several answers are several rows", async () => {
  const config = { output_cols: ["output"], gen_kwargs: { n: 3, temperature: 0.7 } };
  const { result, reasons } = await ask({ prompt: parts + whole, config, answers: [[" one ", "", "two"]] });
  expect(result.map((row) => row["output"])).toEqual(["one", "two"]);
  expect(reasons).toEqual(["the answer is empty"]);
});

test("a pattern in Python's syntax reads tuples, without the clean-up tags", async () => {
  const parser_kwargs = {
    parser_name: "custom",
    parsing_pattern:
      "\\[(?:Question|QUESTION)\\]\\s*(?P<q>.*?)\\s*\\[(?:Answer|ANSWER)\\]\\s*(.*?)\\s*(?=\\[(?:Question|QUESTION)\\]|\\Z)",
    parser_cleanup_tags: ["[END]", "[End]"],
  };
  const answer = "[QUESTION]\nOne?\n[ANSWER]\n1\n[END]\n\n[Question] Two? [Answer] 2 [End]\n";
  const { result } = await ask({ prompt: parts, config: { ...pair, parser_kwargs }, answers: [answer] });
  expect(found(result)).toEqual([
    ["One?", "1"],
    ["Two?", "2"],
  ]);
  const one = { ...parser_kwargs, parsing_pattern: "^- ([^\\n]*)", parser_cleanup_tags: null };
  await expect(ask({ prompt: parts, config: { ...pair, parser_kwargs: one } })).rejects.toThrow(
    /1 groups for 2 output_cols/,
  );
  const bad = { ...parser_kwargs, parsing_pattern: "(a" };
  await expect(ask({ prompt: parts, config: { ...pair, parser_kwargs: bad } })).rejects.toThrow(
    /prompt\.yaml: parsing_pattern/,
  );
});

test("an answer that cannot be read is dropped with what is wrong with it", async () => {
  const rows = ["a", "b", "c"].map((fruit) => ({ fruit }));
  const { result, reasons, dropped } = await ask({ rows, answers: ["I do not know.", "[Q]One?[/Q] [A] 1", " "] });
  expect(result).toEqual([]);
  expect(reasons).toEqual(["the answer has no [Q]", "the answer has no [/A] behind its [A]", "the answer is empty"]);
  expect(dropped[0]).toMatchObject({ fruit: "a", completion: "I do not know." });
});

test("tags for each output column are wanted when the file is read", async () => {
  await expect(ask({ prompt: parts })).rejects.toThrow(/start_tags \(0\)/);
});

test("a rehearsal makes the rows that would likely come, of the likely length", async () => {
  const prompt = `${parts}${tags}expected_rows: 3\nexpected_tokens: 120\n`;
  const { result, requests } = await ask({ prompt, isRehearsal: true });
  expect(requests[0]!.expectedTokens).toBe(120);
  expect(result).toHaveLength(3);
  expect(result.every((row) => isImagined(row["question"]) && isImagined(row["response"]))).toBe(true);
  expect(String(result[0]!["question"]).length * 6).toBeGreaterThan(350);
  expect(String(result[0]!["question"]).length * 6).toBeLessThan(600);
  const like = `${parts}${whole}expected_tokens: fruit\n`;
  const long = await ask({
    prompt: like,
    config: { output_cols: ["x"] },
    rows: [{ fruit: "x".repeat(400) }],
    isRehearsal: true,
  });
  expect(long.requests[0]!.expectedTokens).toBe(100);
});

test("a conditional block takes the prompt and the tags that the row's value names", async () => {
  const directory = await mkdtemp(join(tmpdir(), "conditional-"));
  await writeFile(join(directory, "a.yaml"), 'generation: "A {{ fruit }}"\nstart_tags: ["<a>"]\nend_tags: ["</a>"]\n');
  await writeFile(
    join(directory, "b.yaml"),
    'generation: "B {{ fruit }} {{ size }}"\nstart_tags: ["<b>"]\nend_tags: ["</b>"]\n',
  );
  const config = {
    config_paths: [
      ["a.yaml", "first"],
      ["b.yaml", "second"],
    ],
    selector_column_name: "way",
    output_cols: ["x"],
    model_family: "mixtral",
  };
  const rows = ["first", "second", "third"].map((way) => ({ way, fruit: "fig", size: 2 }));
  const options = { directory, answers: ["<a>1</a>", "<b>2</b>"] };
  const { result, reasons, prompts, block } = await runBlock("ConditionalLLMBlock", config, rows, options);
  expect(result.map((row) => row["x"])).toEqual(["1", "2"]);
  expect(reasons).toEqual(["way is none of first, second"]);
  expect(prompts[1]).toContain("[INST] B fig 2 [/INST]");
  expect(block.inputColumns).toEqual(["way", "fruit", "size"]);
  const all = { ...config, config_paths: [["a.yaml", "All"]] };
  const every = await runBlock("ConditionalLLMBlock", all, [{ fruit: "fig" }], { directory, answers: ["<a>1</a>"] });
  expect(every.result).toEqual([{ fruit: "fig", x: "1" }]);
  expect(every.block.inputColumns).toEqual(["fruit"]);
});

test("messages are sent as they are; several answers are a list, and not greedy", async () => {
  const messages = [{ role: "user", content: "Hi" }];
  const config = { input_col: "messages", output_col: "said" };
  const one = await runBlock("LLMMessagesBlock", config, [{ messages }], { answers: [" Hello "] });
  expect(one.result).toEqual([{ messages, said: "Hello" }]);
  expect(one.requests[0]!.prompt).toEqual({ messages });
  const several = { ...config, gen_kwargs: { n: 2 } };
  const two = await runBlock("LLMMessagesBlock", several, [{ messages }], { answers: [["a", "b"]] });
  expect(two.result[0]!["said"]).toEqual(["a", "b"]);
  expect(two.requests[0]!.temperature).toBe(0.7);
  const none = await runBlock("LLMMessagesBlock", config, [{ messages: "Hi" }]);
  expect(none.reasons[0]).toMatch(/holds no messages/);
});

test("of an answer that was cut off, what may be a torso is dropped", async () => {
  const finishReason = "length" as const;
  const config = { output_cols: ["output"], gen_kwargs: { max_tokens: 9 } };
  const cut = await ask({ prompt: parts + whole, config, answers: ["The mill was built in"], finishReason });
  expect([cut.result, cut.reasons]).toEqual([[], ["the answer was cut off at max_tokens 9"]]);
  const parser_kwargs = {
    parser_name: "custom",
    parsing_pattern: String.raw`\[Q\](.*?)\[A\](.*?)(?=\[Q\]|\Z)`,
    parser_cleanup_tags: ["[END]"],
  };
  const list = { prompt: parts, config: { ...pair, parser_kwargs }, finishReason };
  const two = await ask({ ...list, answers: ["[Q]a[A]b[END][Q]c[A]half of an"] });
  expect(two.result.map((row) => row["question"])).toEqual(["a"]);
  const done = await ask({ ...list, answers: ["[Q]a[A]b[END][Q]c[A]d[END]"] });
  expect(done.result.map((row) => row["question"])).toEqual(["a", "c"]);
});
