/** The blocks that sdg_hub's flows are translated to and pipelines of upstream do not have. */
import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { imaginedText, isImagined } from "../teacher/imagined.ts";
import { makeBlock, runBlock } from "../test-block.ts";

const extractor = { input_col: "raw", field_prefix: "x_" };

test("the text is taken out of whatever form an answer has; several answers are several rows", async () => {
  const message = { role: "assistant", content: "a" };
  const rows = [{ raw: "a" }, { raw: message }, { raw: ["a", { content: "b" }] }, { raw: [] }, { raw: { role: "x" } }];
  const { result, reasons } = await runBlock("LLMResponseExtractorBlock", extractor, rows);
  expect(result.map((row) => row["x_content"])).toEqual(["a", "a", "a", "b"]);
  expect(reasons).toEqual(["raw holds no answer with a text", "raw holds no answer with a text"]);
  const kept = await runBlock("LLMResponseExtractorBlock", { ...extractor, expand_lists: false }, [
    { raw: ["a", "b"] },
  ]);
  expect(kept.result.map((row) => row["x_content"])).toEqual([["a", "b"]]);
  await expect(makeBlock("LLMResponseExtractorBlock", { ...extractor, extract_tool_calls: true })).rejects.toThrow(
    /tools/,
  );
});

test("texts are read by a pattern, each of a list; what does not fit is dropped", async () => {
  const config = {
    input_col: "raw",
    output_cols: ["fact"],
    parsing_pattern: "(?:^|\\n)\\s*\\d+\\.\\s+(.*?)(?=\\n\\s*\\d+\\.\\s+|\\Z)",
  };
  const rows = [{ raw: "1. One\n 2. Two\nlines" }, { raw: ["1. Three", "none"] }, { raw: 5 }];
  const { result, reasons, dropped } = await runBlock("TextParserBlock", config, rows);
  expect(result.map((row) => row["fact"])).toEqual(["One", "Two\nlines", "Three"]);
  expect(reasons).toEqual(["nothing in the answer fits parsing_pattern", "raw is no text"]);
  expect(dropped[0]).toMatchObject({ completion: "none" });
  const imagined = await runBlock("TextParserBlock", config, [{ raw: imaginedText(100) }]);
  expect(imagined.result.length).toBeGreaterThan(1);
  expect(imagined.result.every((row) => isImagined(row["fact"]))).toBe(true);
  await expect(makeBlock("TextParserBlock", { input_col: "raw", output_cols: ["a"] })).rejects.toThrow(/start_tags/);
});

test("messages can be one text; the last one must be the user's", async () => {
  const directory = await mkdtemp(join(tmpdir(), "builder-"));
  await writeFile(
    join(directory, "ask.yaml"),
    '- {role: system, content: "Be {{ how }}."}\n- {role: user, content: "Hi"}\n',
  );
  const config = { input_cols: "how", output_col: "prompt", prompt_config_path: "ask.yaml", format_as_messages: false };
  const { result } = await runBlock("PromptBuilderBlock", config, [{ how: "brief" }], { directory });
  expect(result[0]!["prompt"]).toBe("system: Be brief.\n\nuser: Hi");
  await writeFile(join(directory, "bad.yaml"), '- {role: system, content: "Hi"}\n');
  const bad = { ...config, prompt_config_path: "bad.yaml" };
  await expect(makeBlock("PromptBuilderBlock", bad, { directory })).rejects.toThrow(
    /last message must have the role user/,
  );
});

test("rows are repeated in their order", async () => {
  const { result } = await runBlock("RowMultiplierBlock", { num_samples: 2 }, [{ a: 1 }, { a: 2 }]);
  expect(result.map((row) => row["a"])).toEqual([1, 1, 2, 2]);
  await expect(makeBlock("RowMultiplierBlock", { num_samples: 2, shuffle: true })).rejects.toThrow(/order/);
});

test("a pattern that backtracks without end costs its row and says so", async () => {
  const config = { input_col: "text", output_cols: ["found"], parsing_pattern: "((?:a+)+)$" };
  const rows = [{ text: `${"a".repeat(40)}b` }, { text: "aa" }];
  const { result, reasons } = await runBlock("TextParserBlock", config, rows);
  expect(result.map((row) => row["found"])).toEqual(["aa"]);
  expect(reasons).toEqual(["parsing_pattern took more than 500 ms for the answer"]);
});
