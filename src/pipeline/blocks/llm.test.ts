import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { scriptedModel } from "../../llm/scripted-model.ts";
import { runWork } from "../../util/events.ts";
import { loadPipeline } from "../load-pipeline.ts";
import { runPipeline } from "../run-pipeline.ts";
import { sampleColumns } from "../sample-rows.ts";
import { testLeaf } from "../test-leaf.ts";

async function run(prompt: string, config: string, answer: string) {
  const directory = await mkdtemp(join(tmpdir(), "llm-block-"));
  await writeFile(join(directory, "prompt.yaml"), prompt);
  await writeFile(
    join(directory, "p.yaml"),
    `version: "1.0"\nblocks:\n  - name: ask\n    type: LLMBlock\n    config:\n      config_path: prompt.yaml\n${config}`,
  );
  const model = scriptedModel(() => answer);
  const pipeline = await loadPipeline(join(directory, "p.yaml"), sampleColumns("knowledge"));
  return { model, ...(await runWork(runPipeline(testLeaf(), pipeline, { model }))) };
}

const prompt = `system: Be brief.
introduction: "Domain {{ domain }}."
principles: null
examples: null
generation: "Ask about: {{ document }}"
`;

test("the prompt is rendered with the row, and columns are read between tags", async () => {
  const tags = 'start_tags: ["[Q]", "[A]"]\nend_tags: ["[/Q]", "[/A]"]\n';
  const answer = "[Q] One? [/Q][A] 1 [/A] [Q]Two?[/Q][A]2[/A] [Q]Three?[/Q]";
  const { model, generated } = await run(prompt + tags, "      output_cols: [question, response]\n", answer);
  expect(generated.map(({ question, response }) => [question, response])).toEqual([
    ["One?", "1"],
    ["Two?", "2"],
  ]);
  const sent = model.requests[0]!.prompt;
  expect("messages" in sent && sent.messages[0]!.content).toMatch(
    /^Be brief\.\nDomain geography\.\n\n\nAsk about: Tarn is a town/,
  );
});

test("a pattern of one's own reads tuples and takes clean-up tags away", async () => {
  const config = `      output_cols: [question, response]
      model_prompt: ""
      parser_kwargs: {parser_name: custom, parsing_pattern: '\\[Q\\](.*?)\\[A\\](.*?)(?=\\[Q\\]|$)', parser_cleanup_tags: ["[END]"]}
`;
  const { model, generated } = await run(prompt, config, "[Q] One? [A] 1\n[END]\n[Q] Two? [A] 2");
  expect(generated.map(({ question, response }) => [question, response])).toEqual([
    ["One?", "1"],
    ["Two?", "2"],
  ]);
  expect("text" in model.requests[0]!.prompt).toBe(true);
});

test("an answer without the form is counted, with the answer", async () => {
  const tags = 'start_tags: ["[Q]"]\nend_tags: ["[/Q]"]\n';
  const { drops } = await run(prompt + tags, "      output_cols: [question]\n", "I do not know.");
  expect(drops).toMatchObject([{ block: "ask", count: 1, example: { completion: "I do not know." } }]);
});
