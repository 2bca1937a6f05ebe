import { mkdir, mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { Row } from "../../artifacts.ts";
import { scriptedModel } from "../../llm/scripted-model.ts";
import { runWork } from "../../util/events.ts";
import { runPipeline } from "../run-pipeline.ts";
import { testLeaf } from "../test-leaf.ts";
import { loadPipeline } from "./load-pipeline.ts";

async function load(yaml: string, columns: string[], files: Record<string, string> = {}) {
  const directory = join(await mkdtemp(join(tmpdir(), "flow-")), "flows");
  await mkdir(directory);
  await mkdir(join(directory, "..", "configs"));
  for (const [name, text] of Object.entries({ ...files, "flow.yaml": yaml }))
    await writeFile(join(directory, name), text);
  return await loadPipeline(join(directory, "flow.yaml"), columns);
}

async function run(yaml: string, rows: Row[], files: Record<string, string>, answers: string[]) {
  const pipeline = await load(yaml, Object.keys(rows[0]!), files);
  const model = scriptedModel(answers, { concurrency: 1 });
  return { model, ...(await runWork(runPipeline(rows, pipeline, { model, seeds: testLeaf() }))) };
}

test("the list form of sdg_hub 0.1 runs", async () => {
  const yaml = `
- block_type: DuplicateColumns
  block_config: {block_name: copy, columns_map: {document: base_document}}
- block_type: LLMBlock
  block_config:
    block_name: judge
    config_path: configs/judge.yaml
    model_id: mistralai/Mixtral-8x7B-Instruct-v0.1
    output_cols: [judgment]
    batch_kwargs: {num_procs: 8, batched: true}
  gen_kwargs: {max_tokens: 64, top_p: 0.95}
- block_type: FilterByValueBlock
  block_config: {block_name: filter, filter_column: judgment, filter_value: "YES", operation: operator.eq, batch_kwargs: {num_procs: 8}}
  drop_columns: [judgment, __index_level_0__]
- block_type: IterBlock
  block_config: {block_name: twice, num_iters: 2, block_type: RenameColumns, block_kwargs: {block_name: x, columns_map: {document: text}}}
`;
  const judge = 'generation: "Good? {{ document }}"\nstart_tags: [""]\nend_tags: [""]\n';
  const rows = [{ document: "one" }, { document: "two" }];
  const { rows: made, model } = await run(yaml, rows, { "../configs/judge.yaml": judge }, ["YES", "NO"]);
  expect(made).toEqual([
    { text: "one", base_document: "one" },
    { text: "one", base_document: "one" },
  ]);
  expect(model.requests[0]).toMatchObject({ maxTokens: 64, topP: 0.95 });
});

const flow = `
metadata:
  id: small-test-1
  name: Small test
  version: "0.1.0"
  recommended_models: {default: some/model}
  dataset_requirements: {required_columns: [document, domain]}
blocks:
  - block_type: DuplicateColumnsBlock
    block_config: {block_name: copy, input_cols: {document: base_document}}
  - block_type: PromptBuilderBlock
    block_config: {block_name: build, input_cols: {document: text, domain: domain}, output_cols: messages, prompt_config_path: ask.yaml, format_as_messages: true}
  - block_type: LLMChatBlock
    block_config: {block_name: ask, input_cols: messages, output_cols: raw, max_tokens: 100, temperature: 0.7, async_mode: true, n: 1, reasoning_effort: low}
  - block_type: LLMResponseExtractorBlock
    block_config: {block_name: extract, input_cols: raw, extract_content: true, expand_lists: true}
  - block_type: TextParserBlock
    block_config: {block_name: parse, input_cols: extract_content, output_cols: [question, response], start_tags: ["<q>", "<a>"], end_tags: ["</q>", "</a>"]}
  - block_type: ColumnValueFilterBlock
    block_config: {block_name: filter, input_cols: [response], filter_value: ["1", "2"], operation: eq, convert_dtype: null}
  - block_type: MeltColumnsBlock
    block_config: {block_name: melt, input_cols: [question, base_document], output_cols: [value, kind]}
  - block_type: TextConcatBlock
    block_config: {block_name: join, input_cols: [kind, value], output_cols: [line], separator: "="}
  - block_type: UniformColumnValueSetter
    block_config: {block_name: same, input_cols: [response], reduction_strategy: mode}
  - block_type: RowMultiplierBlock
    block_config: {block_name: twice, num_samples: 2}
  - block_type: IndexBasedMapperBlock
    block_config: {block_name: choose, input_cols: [response, domain, document], output_cols: [chosen], choice_map: {"1": domain, "2": document}, choice_cols: [response]}
  - block_type: JSONStructureBlock
    block_config: {block_name: gather, input_cols: [kind, chosen], output_cols: [json], ensure_json_serializable: true}
`;
const ask = `
- {role: system, content: "You know {{ domain }}."}
- {role: user, content: "About: {{ text }}"}
`;

test("a flow with metadata runs", async () => {
  const answer = "<q>One?</q><a>1</a> <q>Two?</q><a>9</a>";
  const { rows, drops, model } = await run(flow, [{ document: "doc", domain: "towns" }], { "ask.yaml": ask }, [answer]);
  expect(model.requests[0]).toMatchObject({
    prompt: {
      messages: [
        { role: "system", content: "You know towns." },
        { role: "user", content: "About: doc" },
      ],
    },
    maxTokens: 100,
    temperature: 0.7,
    extra: { reasoning_effort: "low" },
  });
  expect(rows.map(({ line, response, chosen }) => [line, response, chosen])).toEqual([
    ["question=One?", "1", "towns"],
    ["question=One?", "1", "towns"],
    ["base_document=doc", "1", "towns"],
    ["base_document=doc", "1", "towns"],
  ]);
  expect(rows[0]!["json"]).toBe('{"kind":"question","chosen":"towns"}');
  expect(drops).toMatchObject([{ block: "filter", count: 1 }]);
});

test.each<[string, string, RegExp]>([
  [
    "a block that does not exist here",
    flow.replace("RowMultiplierBlock", "RowMultiplayBlock"),
    /flow\.yaml:\d+: block 'twice': unknown type 'RowMultiplayBlock' \(did you mean/,
  ],
  [
    "another reduction",
    flow.replace("reduction_strategy: mode", "reduction_strategy: mean"),
    /UniformColumnValueSetter with mean/,
  ],
  [
    "a missing column",
    flow.replace("[document, domain]", "[document, subject]"),
    /required_columns: needs column 'subject'/,
  ],
  [
    "a name that the template does not get",
    flow.replace("{document: text, domain: domain}", "[document, domain]"),
    /asks for 'text', which is not among input_cols: document, domain/,
  ],
  ["a block without a name", "- {block_type: LLMBlock, block_config: {}}", /block_name/],
])("%s is told", async (_, yaml, message) => {
  await expect(load(yaml, ["document", "domain"], { "ask.yaml": ask })).rejects.toMatchObject({
    code: "BAD_PIPELINE",
    message: expect.stringMatching(message),
  });
});

test("the judging blocks of sdg_hub 0.2: prompt, answer, reading and filter in one", async () => {
  const yaml = `
metadata: {name: Judges, dataset_requirements: {required_columns: [document, response]}}
blocks:
  - block_type: EvaluateFaithfulnessBlock
    block_config:
      block_name: faithful
      input_cols: [document, response]
      output_cols: [faithfulness_explanation, faithfulness_judgment]
      prompt_config_path: judge.yaml
      model: some/model
      max_tokens: 50
      async_mode: true
      format_as_messages: true
  - block_type: TextParserBlock
    block_config: {block_name: first_word, input_cols: response, output_cols: word, parsing_pattern: '(\\w+)$', save_reasoning_content: true}
`;
  const judge = '- {role: user, content: "Is {{ response }} in {{ document }}?"}\n';
  const rows = [
    { document: "the mill", response: "mill" },
    { document: "the mill", response: "fair" },
    { document: "the mill", response: "dam" },
  ];
  const said = (verdict: string) =>
    `[Start of Explanation] why [End of Explanation] [Start of Answer] ${verdict} [End of Answer]`;
  const answers = [said("YES"), said("NO"), "no form"];
  const { rows: made, drops, model } = await run(yaml, rows, { "judge.yaml": judge }, answers);
  expect(made).toEqual([
    {
      ...rows[0],
      faithfulness_explanation: "why",
      faithfulness_judgment: "YES",
      word: "mill",
    },
  ]);
  expect(drops.map(({ reason }) => reason).sort()).toEqual([
    "faithfulness_judgment is not YES",
    "the answer has no [Start of Explanation]",
  ]);
  expect(model.requests[0]).toMatchObject({
    maxTokens: 50,
    prompt: { messages: [{ role: "user", content: "Is mill in the mill?" }] },
  });
});
