import { mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { Row } from "../../artifacts.ts";
import { scriptedModel } from "../../llm/scripted-model.ts";
import { packageRoot } from "../../util/assets.ts";
import { runWork } from "../../util/events.ts";
import type { BlockContext, RowBlock } from "../block.ts";
import { blockRegistry } from "../registry.ts";
import { runPipeline } from "../run-pipeline.ts";
import { sampleColumns, sampleRows } from "../sample-rows.ts";
import { testLeaf } from "../test-leaf.ts";
import { loadPipeline } from "./load-pipeline.ts";
import { resolvePipeline } from "./resolve-pipeline.ts";

async function load(yaml: string, files: Record<string, string> = {}) {
  const directory = await mkdtemp(join(tmpdir(), "pipeline-"));
  for (const [name, text] of Object.entries(files)) await writeFile(join(directory, name), text);
  await writeFile(join(directory, "p.yaml"), yaml);
  return await loadPipeline(join(directory, "p.yaml"), ["document", "document_source", "domain"]);
}

const head = 'version: "1.0"\nblocks:\n';
const cases: [string, string, RegExp][] = [
  [
    "an unknown block type",
    `${head}  - {name: a, type: DuplicateColumsBlock}`,
    /unknown type 'DuplicateColumsBlock' \(did you mean 'DuplicateColumnsBlock'/,
  ],
  [
    "an unknown key",
    `${head}  - {name: a, type: SentenceWindowBlock, drop_column: [x]}`,
    /unknown key 'drop_column' \(did you mean 'drop_columns'/,
  ],
  [
    "an unknown config key",
    `${head}  - {name: a, type: SentenceWindowBlock, config: {min_word: 2}}`,
    /block 'a'.*unknown key 'min_word' \(did you mean 'min_words'/,
  ],
  [
    "a number as version",
    "version: 1.0\nblocks:\n  - {name: a, type: SentenceWindowBlock}",
    /version must be a string in quotes/,
  ],
  ["a newer version", 'version: "2.0"\nblocks:\n  - {name: a, type: SentenceWindowBlock}', /version 2\.0 is newer/],
  ["no blocks", 'version: "1.0"\nblocks: []', /at least one block/],
  ["tabs", 'version: "1.0"\nblocks:\n\t- {}', /p\.yaml:3: /],
  [
    "a column that nothing makes",
    `${head}  - {name: a, type: GroundedFilterBlock}`,
    /block 'a' \(GroundedFilterBlock\): needs column 'window'/,
  ],
  [
    "a column that was dropped",
    `${head}  - {name: a, type: SentenceWindowBlock, drop_columns: [window]}\n  - {name: b, type: DuplicateFilterBlock, config: {columns: [window]}}`,
    /block 'b'.*needs column 'window'/,
  ],
  [
    "duplicates of an unknown column",
    `${head}  - {name: a, type: SentenceWindowBlock, drop_duplicates: [sentense]}`,
    /'sentense' \(did you mean 'sentence'/,
  ],
  [
    "a prompt file that is not there",
    `${head}  - {name: a, type: FewShotCompletionBlock, config: {config_path: no.yaml}}`,
    /no\.yaml: cannot be read/,
  ],
];
test.each(cases)("%s is refused with its place", async (_, yaml, message) => {
  await expect(load(yaml)).rejects.toMatchObject({
    code: "BAD_PIPELINE",
    exitCode: 2,
    message: expect.stringMatching(message),
  });
});

test("a template's free names must be columns", async () => {
  const prompt = (text: string) => ({
    "x.yaml": `introduction: "${text}"\nrecord:\n  - {label: Q, field: question}\n`,
  });
  const yaml = `${head}  - {name: a, type: FewShotCompletionBlock, config: {config_path: x.yaml}}`;
  await expect(load(yaml, prompt("About {{ domian | upper }}"))).rejects.toThrow(
    /needs column 'domian' \(did you mean 'domain'/,
  );
  await expect(
    load(yaml, prompt("{% for x in domain %}{{ x.name }}{{ loop.index }}{% endfor %}")),
  ).resolves.toBeTruthy();
  await expect(load(yaml, prompt("{{ domain"))).rejects.toThrow(/x\.yaml: introduction: not a valid template/);
});

test("block types are known under their own names", () => {
  for (const [name, { type, summary }] of Object.entries(blockRegistry)) {
    expect(type).toBe(name);
    expect(summary.length).toBeGreaterThan(20);
  }
});

test("all findings come at once, each with its line", async () => {
  const yaml = `${head}  - name: a
    type: LLMBlok
  - name: b
    type: DuplicateColumnsBlock
    config:
      colums_map: {document: copy}
  - {name: c, type: LLMBlock, config: {config_path: x.yaml, output_cols: [q], gen_kwargs: {n: many}}}
  - {name: d, type: LLMBlock, config: {config_path: x.yaml, output_cols: [q], model_family: mixtrall}}
`;
  const error = await load(yaml, {
    "x.yaml": 'generation: "{{ document }}"\nstart_tags: [""]\nend_tags: [""]\n',
  }).catch((caught: Error) => caught);
  const lines = (error as Error).message.split("\n").map((line) => line.replace(/.*(?=p\.yaml)/, ""));
  expect(lines).toEqual([
    expect.stringMatching(/^p\.yaml:3: block 'a': unknown type 'LLMBlok' \(did you mean 'LLMBlock'/),
    expect.stringMatching(/^p\.yaml:\d: block 'b': config: columns_map: /),
    expect.stringMatching(/^p\.yaml:8: block 'b': config: unknown key 'colums_map' \(did you mean 'columns_map'/),
    expect.stringMatching(/^p\.yaml:9: block 'c': config: gen_kwargs\.n/),
    expect.stringMatching(/'mixtrall' \(did you mean 'mixtral'/),
  ]);
});

test("a newer minor version is a warning; instructions for mixing are read; absent columns may be dropped", async () => {
  const yaml = `version: "1.3"
blocks:
  - {name: a, type: DuplicateColumnsBlock, config: {columns_map: {document: copy}}, drop_columns: [__index_level_0__, domian], drop_duplicates: null}
datamixing:
  auxiliary_instructions:
    spellcheck: [Correct it., Mend it.]
`;
  const { warnings, auxiliaryInstructions } = await load(yaml);
  expect(warnings).toEqual([
    expect.stringMatching(/p\.yaml: version 1\.3 is newer than 1\.0/),
    expect.stringMatching(/p\.yaml:3: block 'a': drop_columns: there is no column 'domian' \(did you mean 'domain'/),
  ]);
  expect(auxiliaryInstructions).toEqual({ spellcheck: ["Correct it.", "Mend it."] });
});

test("the identity of a pipeline changes with its prompts", async () => {
  const yaml = `${head}  - {name: a, type: LLMBlock, config: {config_path: x.yaml, output_cols: [q]}}`;
  const prompt = 'generation: "{{ document }}"\nstart_tags: [""]\nend_tags: [""]\n';
  const hashes = [prompt, prompt, `${prompt}# other`].map(
    async (text) => (await load(yaml, { "x.yaml": text })).sha256,
  );
  const [first, second, third] = await Promise.all(hashes);
  expect(first).toBe(second);
  expect(third).not.toBe(first);
});

const block = (body: string) => `export default { type: "MyBlock", ${body} };\n`;
const copying = block(`create: (config) => ({
  inputColumns: ["document"],
  outputColumns: (columns) => [...columns, config.to],
  runRow: (row) => [{ ...row, [config.to]: row.document }],
}), configSchema: { type: "object", required: ["to"], additionalProperties: false, properties: { to: { type: "string" } } }`);

test("blocks of the user's own are named in block_files, by their file, or by the caller", async () => {
  const files = { "my.mjs": copying };
  const listed = await load(
    `version: "1.0"\nblock_files: [my.mjs]\nblocks:\n  - {name: a, type: MyBlock, config: {to: x}}`,
    files,
  );
  const direct = await load(`${head}  - {name: a, type: ./my.mjs, config: {to: x}}`, files);
  for (const { steps } of [listed, direct]) {
    const made = steps[0]!.block;
    expect(made.outputColumns(["document"])).toEqual(["document", "x"]);
    expect("runRow" in made && (await made.runRow({ document: "d" }, {} as BlockContext))).toEqual([
      { document: "d", x: "d" },
    ]);
  }
  const directory = await mkdtemp(join(tmpdir(), "pipeline-"));
  await writeFile(join(directory, "my.mjs"), copying);
  await writeFile(join(directory, "p.yaml"), `${head}  - {name: a, type: MyBlock, config: {to: x}}`);
  const options = { blockFiles: [join(directory, "my.mjs")] };
  expect((await loadPipeline(join(directory, "p.yaml"), ["document"], options)).steps).toHaveLength(1);
});

test.each<[string, string, string, RegExp]>([
  ["a config against its JSON Schema", copying, "config: {two: x}", /config: .*required property 'to'[\s\S]*'two'/],
  ["a file that is no program", "export default {", "", /my\.mjs: cannot be loaded/],
  [
    "an export that is no block",
    "export default { type: 'MyBlock' }",
    "",
    /default export is no block: create must be a function/,
  ],
  ["a block without columns", block("create: () => ({ runRow: () => [] })"), "", /create must return/],
  [
    "a failing outputColumns",
    block("create: () => ({ outputColumns: (c) => c.x.y, runRow: () => [] })"),
    "",
    /block 'a': outputColumns: /,
  ],
  [
    "columns that are no names",
    block("create: () => ({ outputColumns: () => 'x', runRow: () => [] })"),
    "",
    /list of names/,
  ],
  ["what create throws", block("create() { throw new Error('no luck') }"), "", /block 'a': no luck/],
])("blocks of the user's own: %s is told", async (_, file, config, message) => {
  const yaml = `version: "1.0"\nblock_files: [my.mjs]\nblocks:\n  - {name: a, type: MyBlock${config && `, ${config}`}}`;
  await expect(load(yaml, { "my.mjs": file })).rejects.toMatchObject({
    code: "BAD_PIPELINE",
    message: expect.stringMatching(message),
  });
});

test("a block of the user's own that returns no rows is told so, and cannot change its input", async () => {
  const file = block("create: () => ({ outputColumns: (c) => c, runRow(row) { row.document = 'x'; return row; } })");
  const { steps } = await load(`${head}  - {name: a, type: ./my.mjs}`, { "my.mjs": file });
  const made = steps[0]!.block as RowBlock;
  const row = { document: "d" };
  await expect(made.runRow(row, {} as BlockContext)).rejects.toThrow(/returns a list of rows/);
  expect(row).toEqual({ document: "d" });
});

test("the example pipeline with blocks of one's own works", async () => {
  const pipeline = await loadPipeline(
    join(packageRoot, "examples", "blocks", "knowledge.yaml"),
    sampleColumns("knowledge"),
  );
  const model = scriptedModel(() => "SHOUTED");
  const { rows } = await runWork(runPipeline(sampleRows(testLeaf()), pipeline, { model, seeds: testLeaf() }));
  expect(rows).toHaveLength(2);
  expect(rows[1]).toMatchObject({
    question: expect.stringMatching(/^question 2 of write_pairs for /),
    shouted: "SHOUTED",
  });
  expect(rows[0]).not.toHaveProperty("judgment");
});

test("the example's mock teacher gets rows through pipelines with judges and without duplicates", async () => {
  const directory = await mkdtemp(join(tmpdir(), "mock-"));
  const blockFiles = [join(packageRoot, "examples", "blocks", "mock-teacher.mjs")];
  for (const [name, kind] of [
    ["simple", "knowledge"],
    ["full", "knowledge"],
    ["full", "freeform_skill"],
    ["full", "grounded_skill"],
    ["llama", "knowledge"],
  ] as const) {
    const original = resolvePipeline(name, kind).file;
    const file = join(directory, `${name}-${kind}.yaml`);
    await writeFile(file, (await readFile(original, "utf8")).replaceAll("type: LLMBlock", "type: MockLLMBlock"));
    const pipeline = await loadPipeline(file, sampleColumns(kind), { blockFiles, scaleFactor: 2 });
    const given = kind === "knowledge" ? sampleRows(testLeaf()) : [1, 2].map((n) => skillRow(kind, n));
    const model = scriptedModel([]);
    const { rows } = await runWork(runPipeline(given, pipeline, { model, seeds: testLeaf() }));
    expect(rows.length, `${name} ${kind}`).toBeGreaterThanOrEqual(given.length);
    expect(new Set(rows.map((row) => row["question"] ?? row["output"])).size).toBe(rows.length);
  }
});

const skillRow = (kind: "freeform_skill" | "grounded_skill", number: number): Row => ({
  task_description: "Do it",
  seed_question: `Question ${number}?`,
  seed_response: `Answer ${number}.`,
  leaf_node_type: kind,
  leaf_node_path: "a",
  ...(kind === "grounded_skill" ? { seed_context: `Context ${number}.` } : {}),
});
