/** Training data as users have it, through the real command: rows of every kind, the account of what was left out, refusals. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runIlab } from "../helpers/run-ilab.ts";
import { makeTempDir, type TempDir } from "../helpers/temp-dir.ts";
import { writeTinyModel } from "../helpers/tiny-model.ts";

let temporary: TempDir;
let home: string;
beforeAll(async () => {
  temporary = await makeTempDir();
  home = temporary.path;
});
afterAll(() => temporary[Symbol.asyncDispose]());

async function train(model: string, rows: string, ...args: string[]) {
  const data = join(home, "data.jsonl");
  await writeFile(data, rows);
  const common = ["model", "train", "--model-path", join(home, model), "--data-path", data, "--num-epochs", "1"];
  const run = await runIlab(
    [...common, "--ckpt-output-dir", join(home, "out"), "--anchor-weight", "0", "--json", ...args],
    { home },
  );
  return { ...run, data };
}
const lines = (...rows: unknown[]) => rows.map((row) => JSON.stringify(row)).join("\r\n");
const document = { document: "The harbour has seven boats and a lighthouse." };

test("rows of every kind train; what was left out is told and stands in the manifest", async () => {
  await writeTinyModel(join(home, "tiny.gguf"));
  const question = { role: "user", content: "How many?" };
  const rows = lines(
    { messages: [question, { role: "assistant", content: "Seven.", thinking: "I count." }] },
    { messages: [{ role: "pretraining", content: "<|user|>\na < b?\n<|assistant|>\nYes.<|endoftext|>" }] },
    { user: "How deep?", assistant: "Four." },
    document,
    { document: " " },
    { messages: [question] },
    { messages: [question, { role: "assistant", content: "long ".repeat(30) }] },
  );
  const { exitCode, stdout, stderr } = await train("tiny.gguf", rows, "--max-seq-len", "60");
  expect(exitCode).toBe(0);
  for (const line of [
    /1 sample left out: longer than 60 tokens/,
    /1 sample left out: no answer of the assistant/,
    /1 sample left out: without words/,
    /1 answer trained without its reasoning/,
  ])
    expect(stderr).toMatch(line);
  const { directory } = JSON.parse(stdout);
  const { counts } = JSON.parse(await readFile(join(directory, "manifest.json"), "utf8"));
  expect(counts).toMatchObject({ rows: 7, samples: 4, tooLong: 1, nothingCounted: 1, empty: 1, documentsCut: 0 });
});

test("a base model without a chat template learns documents and refuses conversations", async () => {
  await writeTinyModel(join(home, "base.gguf"), { mutate: (metadata) => metadata.delete("tokenizer.chat_template") });
  expect((await train("base.gguf", lines(document))).exitCode).toBe(0);
  const refused = await train("base.gguf", lines({ user: "A?", assistant: "B." }));
  expect(refused.exitCode).toBe(1);
  expect(JSON.parse(refused.stdout).error.code).toBe("CHAT_TEMPLATE_MISSING");
});

test("bad rows end the command before anything is made, with their lines as data", async () => {
  await writeTinyModel(join(home, "tiny.gguf"));
  const { exitCode, stdout, data } = await train(
    "tiny.gguf",
    lines(document, { document: 1 }, document, { document: 2 }),
  );
  expect(exitCode).toBe(1);
  const { error } = JSON.parse(stdout);
  expect(error).toMatchObject({ code: "BAD_SAMPLE", hint: expect.stringContaining("messages") });
  expect(error.message).toContain(`${data}:2: document: `);
  expect(error.message).toContain(`${data}:4: document: `);
});
