/** `ilab model evaluate` and `ilab model chat` as a user runs them: a tiny random model, a taxonomy, a server. */
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { scorecardSchema } from "../../src/artifacts.ts";
import { packageRoot } from "../../src/util/assets.ts";
import { startFakeOpenAiServer } from "../helpers/fake-openai-server.ts";
import { runIlab } from "../helpers/run-ilab.ts";
import { makeTempDir, type TempDir } from "../helpers/temp-dir.ts";
import { writeTinyModel } from "../helpers/tiny-model.ts";

let temporary: TempDir;
let home: string;
let model: string;
const taxonomy = join(packageRoot, "examples", "taxonomy");

beforeAll(async () => {
  temporary = await makeTempDir();
  home = temporary.path;
  model = join(home, "tiny.gguf");
  await writeTinyModel(model);
});
afterAll(() => temporary[Symbol.asyncDispose]());

test("both benchmarks: table, explanation, one JSON value, results on disk", async () => {
  const out = join(home, "results");
  const leaf = join(taxonomy, "knowledge", "geography", "merrowby", "qna.yaml");
  const common = ["model", "evaluate", "--benchmark", "held_out", "--model", model, "--taxonomy-path", leaf];
  const text = await runIlab([...common, "--base-model", model, "--output-dir", out], { home });
  expect(text.stderr).not.toMatch(/error/i);
  expect(text.exitCode).toBe(0);
  expect(text.stdout).toMatch(/held-out questions recalled +0 of 16 = 0 % .* 0 of 16/);
  expect(text.stdout).toContain(join(out, "scorecard.json"));
  expect((await readdir(out)).sort()).toEqual(["manifest.json", "scorecard.json"]);
  const card = scorecardSchema.parse(JSON.parse(await readFile(join(out, "scorecard.json"), "utf8")));
  // The same model twice: every answer agrees; scores do up to rounding, which depends on what was computed together.
  for (const { model: first, base } of card.heldOut!.questions) {
    expect({ ...base, choice: undefined }).toEqual({ ...first, choice: undefined });
    const scores = (answer: typeof first) => answer.choice!.scores.map(({ logLikelihood }) => logLikelihood);
    for (const [i, score] of scores(first).entries()) expect(Math.abs(score - scores(base!)[i]!)).toBeLessThan(0.1);
  }

  const json = await runIlab([...common, "--json"], { home });
  expect(JSON.parse(json.stdout).heldOut.questions).toHaveLength(16);
}, 300_000);

test.each([
  [["--benchmark", "held-out"], /Did you mean 'held_out'/],
  [["--benchmark", "mmlu"], /held_out, forgetting/],
  [[], /--benchmark/],
  [["--benchmark", "held_out", "--taxonomy-path", "nowhere"], /nowhere/],
  [["--benchmark", "forgetting", "--model", "nothing.gguf"], /nothing\.gguf/],
  [["--benchmark", "forgetting", "--adapter-file", "nothing.gguf"], /nothing\.gguf/],
])("wrong usage %j", async (words, message) => {
  const args = words.includes("--model") ? words : [...words, "--model", model];
  const run = await runIlab(["model", "evaluate", ...args], { home });
  expect(run.exitCode).toBeGreaterThan(0);
  expect(run.stderr).toMatch(message);
});

test("a leaf without held-out questions says what to write", async () => {
  const leaf = join(home, "taxonomy", "compositional_skills", "echo");
  await mkdir(leaf, { recursive: true });
  const examples = [1, 2, 3, 4, 5].map((n) => `  - question: Say ${n}.\n    answer: It is ${n}.\n`).join("");
  await writeFile(
    join(leaf, "qna.yaml"),
    `version: 2\ncreated_by: me\ntask_description: Say a number.\nseed_examples:\n${examples}`,
  );
  const run = await runIlab(
    ["model", "evaluate", "--benchmark", "held_out", "--model", model, "--taxonomy-path", join(home, "taxonomy")],
    { home },
  );
  expect(run.exitCode).toBe(1);
  expect(run.stderr).toContain("held_out.yaml");
});

test("chat with a server: -qq prints the answer only, a pipe holds a conversation", async () => {
  await using server = await startFakeOpenAiServer({ answer: (prompt) => `You said: ${prompt}` });
  const at = ["--endpoint-url", server.url];
  const quick = await runIlab(["model", "chat", ...at, "-qq", "How are you?"], { home });
  expect(quick).toMatchObject({ exitCode: 0, stdout: "You said: How are you?\n", stderr: "" });
  const json = await runIlab(["chat", ...at, "--json", "Hi"], { home });
  expect(JSON.parse(json.stdout)).toMatchObject({ answer: "You said: Hi", question: "Hi" });
  const pipe = await runIlab(["model", "chat", ...at, "-nd"], { home, input: "one\ntwo\n/q\n" });
  expect(pipe).toMatchObject({ exitCode: 0, stdout: "You said: one\nYou said: two\n" });
  expect(server.requests.at(-1)!.body.messages).toHaveLength(3);
});

test("chat: what goes wrong is said, with a status", async () => {
  expect(await runIlab(["model", "chat", "-qq"], { home })).toMatchObject({
    exitCode: 2,
    stderr: expect.stringContaining("no question"),
  });
  const server = await startFakeOpenAiServer();
  await server[Symbol.asyncDispose]();
  const refused = await runIlab(["model", "chat", "--endpoint-url", server.url, "-qq", "x"], { home });
  expect(refused).toMatchObject({ exitCode: 1, stderr: expect.stringContaining("refused") });
  const hot = await runIlab(["model", "chat", "-m", model, "-t", "9", "-qq", "x"], { home });
  expect(hot).toMatchObject({ exitCode: 2, stderr: expect.stringContaining("from 0 to 2") });
});

test("chat with a local model answers; Ctrl-C ends it", async () => {
  const quick = await runIlab(["model", "chat", "-m", model, "--max-tokens", "5", "-qq", "Hello"], { home });
  expect(quick.exitCode).toBe(0);
  expect(quick.stdout.length).toBeGreaterThan(1);
  const stopped = await runIlab(["model", "chat", "-m", model, "-nd"], {
    home,
    input: undefined,
    onStart: (child) => setTimeout(() => child.kill("SIGINT"), 1500),
  });
  expect([0, 130]).toContain(stopped.exitCode);
}, 120_000);
