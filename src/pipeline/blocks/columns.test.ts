import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { JsonValue, Row } from "../../artifacts.ts";
import { toPythonJson } from "../../formats/jsonl-styles.ts";
import { imaginedText, isImagined } from "../teacher/imagined.ts";
import { runBlock } from "../test-block.ts";

/** Values that the filter lets pass, as they come out. */
async function filter(config: object, values: JsonValue[]): Promise<JsonValue[]> {
  const rows = values.map((value): Row => ({ score: value }));
  const { result, reasons } = await runBlock("FilterByValueBlock", { filter_column: "score", ...config }, rows);
  expect(reasons.length + result.length).toBe(values.length);
  return result.map((row) => row["score"]!);
}

test("filter by value converts in place, and what cannot be converted is the default", async () => {
  const config = { filter_value: 2, operation: "ge", convert_dtype: "float" };
  expect(await filter(config, ["2.0", "1", "good", null, " 3 ", "1e1", "2/3", "0x9"])).toEqual([2, 3, 10]);
  expect(await filter({ ...config, default_value: 5 }, ["2.0", "1", "good", null])).toEqual([2, 5, 5]);
  const whole = { filter_value: 40, operation: "eq", convert_dtype: "int" };
  expect(await filter(whole, ["40", "forty", "40.0", 40.9, "4_0"])).toEqual([40, 40, 40]);
  expect(
    await filter({ filter_value: true, operation: "eq", convert_dtype: "bool" }, ["True", "no", "0", "yes"]),
  ).toEqual([true, true]);
  const truth = { filter_value: true, operation: "eq", convert_dtype: "bool" };
  expect(await filter(truth, ["abc", "False", 2, -1, 0, "", null])).toEqual([true, true, true]);
  expect(await filter({ filter_value: 5, operation: "gt", convert_dtype: "float" }, ["inf", "-inf", "nan"])).toEqual([
    Number.POSITIVE_INFINITY,
  ]);
});

test("a column of floats stays one in files, a column of integers too", async () => {
  const written = async (convert_dtype: string) => {
    const config = { filter_column: "score", filter_value: 2, operation: "ge", convert_dtype };
    const { result } = await runBlock("FilterByValueBlock", config, [{ score: "2", other: 2 }]);
    return toPythonJson({ ...result[0], more: 1 });
  };
  expect(await written("float")).toBe('{"score": 2.0, "other": 2, "more": 1}');
  expect(await written("int")).toBe('{"score": 2, "other": 2, "more": 1}');
});

test.each<[string, JsonValue, JsonValue[], JsonValue[]]>([
  ["eq", "YES", ["YES", "NO", " YES", null], ["YES"]],
  ["eq", 2, [2, "2", 2.5, null], [2]],
  ["eq", 1, [true, false, 1], [true, 1]],
  ["ne", "NO", ["YES", "NO", null], ["YES", null]],
  ["gt", 1, [1, 2, "2", null], [2]],
  ["ge", 1, [0, 1, 2], [1, 2]],
  ["lt", "b", ["a", "b", 1, null], ["a"]],
  ["le", 1, [0, 1, 2, null], [0, 1]],
  ["contains", "ink", ["pink", "red", ["ink"], null, 5], ["pink", ["ink"]]],
  ["operator.eq", "YES", ["YES", "NO"], ["YES"]],
  ["eq", ["1", "good"], ["1", "2", "good"], ["1", "good"]],
])("filter by value: %s %j", async (operation, filter_value, values, kept) => {
  expect(await filter({ operation, filter_value }, values)).toEqual(kept);
});

test("an unknown relation is refused; placeholders pass", async () => {
  await expect(filter({ operation: "equals", filter_value: 1 }, [])).rejects.toThrow(/operation/);
  expect(
    await filter({ operation: "eq", filter_value: 2, convert_dtype: "float" }, [imaginedText(1), "1"]),
  ).toHaveLength(1);
});

const rows: Row[] = [
  { a: "1", b: "2" },
  { a: "3", b: "4" },
];

test("columns are copied, renamed and joined", async () => {
  expect((await runBlock("DuplicateColumnsBlock", { columns_map: { a: "c" } }, rows)).result[0]).toEqual({
    a: "1",
    b: "2",
    c: "1",
  });
  expect((await runBlock("RenameColumnsBlock", { columns_map: { a: "b", b: "a" } }, rows)).result[0]).toEqual({
    b: "1",
    a: "2",
  });
  const combine = { columns: ["a", "b"], output_col: "c" };
  expect((await runBlock("CombineColumnsBlock", combine, rows)).result[1]).toEqual({ a: "3", b: "4", c: "3\n\n4" });
  const joined = await runBlock("CombineColumnsBlock", { ...combine, separator: "-" }, [
    { a: "1", b: imaginedText(3) },
  ]);
  expect(isImagined(joined.result[0]!["c"])).toBe(true);
});

test("lists, objects and truth values are joined as Python writes them", async () => {
  const config = { columns: ["a", "b", "c", "d"], output_col: "all", separator: " " };
  const { result } = await runBlock("CombineColumnsBlock", config, [{ a: ["x", 1], b: { k: null }, c: true, d: null }]);
  expect(result[0]!["all"]).toBe("['x', 1] {'k': None} True ");
});

test("columns become rows, row by row", async () => {
  const config = { var_cols: ["a", "b"], value_name: "value", var_name: "kind" };
  const { result } = await runBlock("FlattenColumnsBlock", config, rows);
  expect(result.map((row) => `${row["kind"]}${row["value"]}`)).toEqual(["a1", "b2", "a3", "b4"]);
  expect(Object.keys(result[0]!)).toEqual(["kind", "value"]);
});

test("the majority is over all rows; among equals the smallest", async () => {
  const set = async (values: JsonValue[]) =>
    (
      await runBlock(
        "SetToMajorityValueBlock",
        { col_name: "v" },
        values.map((v) => ({ v })),
      )
    ).result.map((row) => row["v"]);
  expect(await set(["b", "a", "b", null])).toEqual(["b", "b", "b", "b"]);
  expect(await set([10, 9, 10, 9])).toEqual([9, 9, 9, 9]);
});

test("a selector takes the column that its map names; other values are dropped with the reason", async () => {
  const config = { choice_map: { A: "a", "1": "b" }, choice_col: "choice", output_col: "chosen" };
  const { result, reasons } = await runBlock("SelectorBlock", config, [
    { ...rows[0], choice: "A" },
    { ...rows[0], choice: 1 },
    { ...rows[0], choice: "C" },
  ]);
  expect(result.map((row) => row["chosen"])).toEqual(["1", "2"]);
  expect(reasons).toEqual(["choice is none of 1, A"]);
});

test("samples of a row's kind come from the file of that name", async () => {
  const directory = await mkdtemp(join(tmpdir(), "populate-"));
  await writeFile(join(directory, "coding.yaml"), "seed: print\nlanguage: Python\n");
  await writeFile(join(directory, "prose.yaml"), "seed: Once upon a time\n");
  await writeFile(join(directory, "prose_short.yaml"), "seed: Once\n");
  const config = { config_paths: ["coding.yaml", "prose.yaml"], column_name: "kind" };
  const input = [{ kind: "coding" }, { kind: "prose" }, { kind: "verse" }];
  const { result, reasons } = await runBlock("SamplePopulatorBlock", config, input, { directory });
  expect(result).toEqual([
    { kind: "coding", seed: "print", language: "Python" },
    { kind: "prose", seed: "Once upon a time", language: null },
  ]);
  expect(reasons).toHaveLength(1);
  const short = { ...config, config_paths: ["prose.yaml"], post_fix: "short" };
  const { result: shortened } = await runBlock("SamplePopulatorBlock", short, [{ kind: "prose" }], { directory });
  expect(shortened).toEqual([{ kind: "prose", seed: "Once" }]);
});

test("a block is repeated on the same rows, each time with a seed of its own", async () => {
  const config = { num_iters: 5, block_type: "DuplicateColumnsBlock", columns_map: { bar: "baz" } };
  const { result } = await runBlock("IterBlock", config, [{ bar: "x" }]);
  expect(result).toEqual(Array.from({ length: 5 }, () => ({ bar: "x", baz: "x" })));
  const messages: Row = { messages: [{ role: "user", content: "Hi" }] };
  const asking = { num_iters: 3, block_type: "LLMMessagesBlock", input_col: "messages", output_col: "said" };
  const { requests, result: said } = await runBlock("IterBlock", asking, [messages], { answers: ["a", "b", "c"] });
  expect(new Set(requests.map(({ seed }) => seed)).size).toBe(3);
  expect(said.map((row) => row["said"])).toEqual(["a", "b", "c"]);
});
