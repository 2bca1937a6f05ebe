/** `ilab data run` as a user runs it: rows through a pipeline, with and without a teacher, and what it refuses beforehand. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startFakeOpenAiServer } from "../helpers/fake-openai-server.ts";
import { runIlab } from "../helpers/run-ilab.ts";
import { makeTempDir, type TempDir } from "../helpers/temp-dir.ts";

let temporary: TempDir;
let home: string;
beforeAll(async () => {
  temporary = await makeTempDir();
  home = temporary.path;
  await writeFile(
    join(home, "filter.yaml"),
    `version: "1.0"
blocks:
  - { name: keep, type: FilterByValueBlock, config: { filter_column: score, filter_value: 1, operation: ge, convert_dtype: float } }
  - { name: join, type: CombineColumnsBlock, config: { columns: [question, hint], output_col: text, separator: " " } }
`,
  );
  await writeFile(
    join(home, "ask.yaml"),
    'version: "1.0"\nblocks:\n  - { name: ask, type: LLMBlock, config: { config_path: prompt.yaml, output_cols: [answer] } }\n',
  );
  await writeFile(join(home, "prompt.yaml"), 'generation: "{{ question }}"\nstart_tags: [""]\nend_tags: [""]\n');
  await writeFile(
    join(home, "rows.jsonl"),
    '{"question": "a?", "score": "2"}\n{"question": "b?", "score": "0"}\n{"question": "c?", "score": "1.5", "hint": "h"}\n',
  );
});
afterAll(() => temporary[Symbol.asyncDispose]());

const run = (...args: string[]) => runIlab(["data", "run", ...args], { home, cwd: home });

test("a pipeline that asks nothing needs no teacher; a column that any row has is there for all", async () => {
  const { exitCode, stdout, stderr } = await run("filter.yaml", "--input", "rows.jsonl", "--output", "out/kept.jsonl");
  expect(exitCode, stderr).toBe(0);
  expect(stdout).toContain("2 rows of 3");
  expect(stdout).toContain("1 dropped by keep: score is below 1");
  expect(await readFile(join(home, "out", "kept.jsonl"), "utf8")).toBe(
    '{"question":"a?","score":2.0,"hint":null,"text":"a? "}\n{"question":"c?","score":1.5,"hint":"h","text":"c? h"}\n',
  );
});

test("a place that cannot be written is told before anything is asked", async () => {
  await using server = await startFakeOpenAiServer({ models: ["teacher"] });
  await mkdir(join(home, "folder"), { recursive: true });
  for (const output of ["folder", "rows.jsonl/x.jsonl"]) {
    const asked = ["--input", "rows.jsonl", "--output", output, "--endpoint-url", server.url];
    const { exitCode, stderr } = await run("ask.yaml", ...asked);
    expect(exitCode, stderr).toBe(1);
    expect(stderr).toContain("cannot write");
  }
  expect(server.requests).toEqual([]);
});

test("a server that answers nothing leaves no result", async () => {
  await using server = await startFakeOpenAiServer({
    models: ["teacher"],
    intercept: ({ path }, response) => path !== "/v1/models" && response.writeHead(400).end("{}"),
  });
  await writeFile(join(home, "before.jsonl"), "kept\n");
  const asked = ["--input", "rows.jsonl", "--output", "before.jsonl", "--endpoint-url", server.url];
  const { exitCode, stderr } = await run("ask.yaml", ...asked);
  expect(exitCode).toBe(1);
  expect(stderr).toContain("answered none of 3 requests");
  expect(await readFile(join(home, "before.jsonl"), "utf8")).toBe("kept\n");
});
