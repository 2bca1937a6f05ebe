import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { LeafKind } from "../artifacts.ts";
import { loadPipeline } from "./load-pipeline.ts";
import { blockRegistry } from "./registry.ts";
import { resolvePipeline } from "./resolve-pipeline.ts";
import { sampleColumns } from "./sample-rows.ts";

async function load(yaml: string, files: Record<string, string> = {}) {
  const directory = await mkdtemp(join(tmpdir(), "pipeline-"));
  for (const [name, text] of Object.entries(files)) await writeFile(join(directory, name), text);
  await writeFile(join(directory, "p.yaml"), yaml);
  return await loadPipeline(join(directory, "p.yaml"), ["document", "document_source", "domain"]);
}

test.each<LeafKind>(["knowledge", "freeform_skill", "grounded_skill"])(
  "the compact pipeline for %s is sound",
  async (kind) => {
    const pipeline = await loadPipeline(resolvePipeline("compact", kind).file, sampleColumns(kind));
    expect(pipeline.steps.length).toBeGreaterThan(2);
  },
);

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
