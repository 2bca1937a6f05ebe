/** `ilab data list|mix|show|select` as a user runs them, on a run that `ilab data generate` made with a real HTTP server as teacher. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { DataRunSummary } from "../../src/datasets/list-data-runs.ts";
import type { ShownSamples } from "../../src/datasets/show-samples.ts";
import { readDataFile } from "../../src/formats/data-file.ts";
import { packageRoot } from "../../src/util/assets.ts";
import { startFakeOpenAiServer } from "../helpers/fake-openai-server.ts";
import { runIlab } from "../helpers/run-ilab.ts";
import { makeTempDir, type TempDir } from "../helpers/temp-dir.ts";

let temporary: TempDir;
let home: string;
let runs: string;

const leaf = join(packageRoot, "examples", "taxonomy", "knowledge", "geography", "merrowby", "qna.yaml");
const answer = (prompt: string) =>
  `${prompt.endsWith("Question:") ? " Who" : ""} is the captain of the ferry?\nAnswer: The captain of the ferry is Ines Dorrow.`;

/** The command's JSON value; its standard error when it failed. */
async function ilab<Result>(...args: string[]): Promise<Result> {
  const { exitCode, stdout, stderr } = await runIlab([...args, "--json"], {
    home,
    env: { XDG_DATA_DIRS: join(home, "site") },
  });
  expect(exitCode, stdout + stderr).toBe(0);
  return JSON.parse(stdout) as Result;
}
async function rows(file: string) {
  const result: Record<string, unknown>[] = [];
  for await (const row of readDataFile(file)) result.push(row);
  return result;
}

beforeAll(async () => {
  temporary = await makeTempDir();
  home = temporary.path;
  runs = join(home, "runs");
  // A site's own skills, more than the run's: paths are relative to the site's recipe.
  const recipes = join(home, "site", "instructlab", "sdg", "default_data_recipes");
  await mkdir(recipes, { recursive: true });
  await writeFile(join(recipes, "skills.yaml"), "datasets: [{path: ../replay.jsonl, sampling_size: 1.0}]\n");
  const replay = Array.from({ length: 9000 }, (_, i) => ({
    id: `r${i}`,
    ...conversation(`Q${i}`, `A${i}`),
    group: "replay",
  }));
  await writeFile(join(recipes, "..", "replay.jsonl"), replay.map((row) => `${JSON.stringify(row)}\n`).join(""));
  await using server = await startFakeOpenAiServer({ models: ["teacher"], answer });
  const generate = [
    "data",
    "generate",
    "--taxonomy-path",
    leaf,
    "--taxonomy-base",
    "empty",
    "--output-dir",
    runs,
    "--pipeline",
    "compact",
  ];
  await ilab(...generate, "--endpoint-url", server.url, "--model", "teacher");
});
afterAll(() => temporary[Symbol.asyncDispose]());

function conversation(user: string, assistant: string) {
  return {
    messages: [
      { role: "user", content: user },
      { role: "assistant", content: assistant },
    ],
  };
}

test("data list names runs, leaves, teacher and counts; a directory without runs says so", async () => {
  await mkdir(join(runs, "not-a-run"), { recursive: true });
  const [run, ...others] = await ilab<DataRunSummary[]>("data", "list", "--dataset-dirs", runs);
  expect(others).toEqual([]);
  expect(run).toMatchObject({ hasManifest: true, teacher: expect.stringMatching(/#teacher$/), pipeline: "compact" });
  expect(run!.samples).toBe((await rows(run!.messagesFile!)).length);
  expect(run!.leaves).toEqual([{ name: "knowledge_geography_merrowby", generatedRows: expect.any(Number) }]);
  const text = await runIlab(["data", "list", "--dataset-dirs", runs], { home });
  expect(text.stdout).toMatch(/\d{4}-\d\d-\d\d_\d{6}.*teacher +compact +\d+ .*knowledge_geography_merrowby +\d+/);
  expect((await runIlab(["data", "list"], { home })).stdout).toContain("No runs in");
});

test("data show tells where a sample came from; the same seed shows the same", async () => {
  const shown = await ilab<ShownSamples>("data", "show", runs, "--count", "4");
  expect(shown.samples).toHaveLength(4);
  expect(await ilab("data", "show", runs, "--count", "4")).toEqual(shown);
  expect(shown).toMatchObject({ teacher: expect.stringMatching(/#teacher$/), pipeline: "compact" });
  for (const { origin } of shown.samples) expect(origin).toMatchObject({ leaf: "knowledge->geography->merrowby" });
  const one = await runIlab(["data", "show", runs, "--number", String(shown.samples[0]!.number)], { home });
  expect(one.stdout).toContain(shown.samples[0]!.turns[0]!.content.split("\n")[0]);
  const none = await runIlab(["data", "show", runs, "--leaf", "astronomy"], { home });
  expect([none.exitCode, none.stderr]).toEqual([2, expect.stringContaining("no sample of a leaf with 'astronomy'")]);
});

test("a run's own skills set holds the site's, and the leaf again until it counts", async () => {
  const [run] = await ilab<DataRunSummary[]>("data", "list", "--dataset-dirs", runs);
  const { outputs } = JSON.parse(await readFile(join(run!.directory, "manifest.json"), "utf8"));
  const mixed = await rows(join(run!.directory, outputs.skills_train));
  const replayed = mixed.filter(({ metadata }) => metadata === '{"group": "replay"}');
  expect(replayed).toHaveLength(9000);
  expect(mixed.length - 9000).toBe(270);
  expect(new Set(mixed.map(({ messages }) => (messages as { role: string }[])[0]!.role))).toEqual(new Set(["system"]));
});

test("what the pipeline for large teachers makes becomes all of its files", async () => {
  const teach = (prompt: string) => {
    if (prompt.includes("[Start of Rating]"))
      return "[Start of Explanation]\nFine.\n[End of Explanation]\n[Start of Rating]\n1\n[End of Rating]";
    if (prompt.includes("[Start of Feedback]"))
      return "[Start of Feedback]\nFine.\n[End of Feedback]\n[Start of Score]\n2\n[End of Score]";
    if (prompt.includes("[Start of Explanation]"))
      return "[Start of Explanation]\nFine.\n[End of Explanation]\n[Start of Answer]\nYES\n[End of Answer]";
    if (prompt.includes("[Start of Question]"))
      return `[Start of Question]\nWhich of ${prompt.length}?\nA) w\nB) x\nC) y\nD) z\n[End of Question]\n[Start of Answer]\nD) z\n[End of Answer]`;
    if (prompt.includes("[QUESTION]")) return `[QUESTION]\nWhat of ${prompt.length}?\n[ANSWER]\nThat.\n[END]`;
    return `Corrected text ${prompt.length}.`;
  };
  await using server = await startFakeOpenAiServer({ models: ["teacher"], answer: teach });
  const generate = ["data", "generate", "--pipeline", "full", "--taxonomy-path", leaf, "--taxonomy-base", "empty"];
  const asked = ["--endpoint-url", server.url, "--model", "teacher", "--output-dir", join(home, "full")];
  const { directory } = await ilab<{ directory: string }>(...generate, ...asked);
  const { outputs } = JSON.parse(await readFile(join(directory, "manifest.json"), "utf8"));
  const sets = join(directory, `node_datasets_${outputs.messages.slice("messages_".length, -".jsonl".length)}`);
  const name = "knowledge_geography_merrowby";
  const kinds = async (file: string) =>
    new Set(
      (await rows(join(sets, file))).map(({ metadata, unmask }) => `${JSON.parse(String(metadata)).dataset} ${unmask}`),
    );
  const phases = ["document_knowledge_qa true", "document_spellcheck true"];
  expect(await kinds(`${name}_p07.jsonl`)).toEqual(new Set(phases));
  expect(await kinds(`${name}_p10.jsonl`)).toEqual(
    new Set(["document_knowledge_qa_raft_p0.4 false", "document_knowledge_qa true", "document_spellcheck false"]),
  );
  for (const row of await rows(join(sets, `mmlubench_${name}.jsonl`)))
    expect(row).toMatchObject({ answer: 3, choices: ["w", "x", "y", "z"], subject: "geography" });
  expect(await readFile(join(sets, `${name}_task.yaml`), "utf8")).toContain(`mmlubench_${name}.jsonl`);
  const { samples } = await ilab<ShownSamples>("data", "show", directory, "--count", "60");
  const written = samples.filter(({ origin }) => origin.dataset === "qa").map(({ origin }) => origin);
  expect(written.length).toBeGreaterThan(0);
  for (const origin of written) expect(origin).toMatchObject({ document: "merrowby.md", seed: expect.any(String) });
  expect(new Set(written.map(({ dataset_type }) => dataset_type))).toEqual(new Set(["spellcheck", "base_document"]));
});

test("data mix: shares and numbers, JSON lines and Parquet, no row twice before all came once", async () => {
  const write = (name: string, text: string) => writeFile(join(home, name), text);
  await write(
    "a.jsonl",
    Array.from({ length: 10 }, (_, i) => `${JSON.stringify(conversation(`a${i}`, "yes"))}\n`).join(""),
  );
  await write("half.yaml", "datasets: [{path: a.jsonl, sampling_size: 0.5}, {path: a.jsonl, sampling_size: 25}]\n");
  const parquet = join(home, "half.parquet");
  const mix = ["data", "mix", join(home, "half.yaml"), "--output"];
  const result = await ilab<{ rows: number }>(...mix, parquet, "--system-prompt", "S");
  expect(result.rows).toBe(30);
  const users = (await rows(parquet)).map(({ messages }) => (messages as { content: string }[])[1]!.content);
  expect(new Set(users.slice(0, 5)).size).toBe(5);
  const counts = new Map<string, number>();
  for (const user of users.slice(5)) counts.set(user, (counts.get(user) ?? 0) + 1);
  expect([...counts.values()].sort().join("")).toBe("2222233333");
  // From Parquet again, as the Python program samples: numpy's first indices below 30 with seed 42 are known.
  await write("again.yaml", "datasets: [{path: half.parquet, sampling_size: 5}]\n");
  const again = join(home, "again.jsonl");
  await ilab("data", "mix", join(home, "again.yaml"), "--output", again, "--sampling", "upstream");
  const drawn = (await rows(again)).map(({ messages }) => (messages as { content: string }[])[1]!.content);
  expect(drawn).toEqual([6, 19, 28, 14, 10].map((index) => users[index]));
  const empty = await runIlab(["data", "mix", join(home, "none.yaml")], { home });
  expect([empty.exitCode, empty.stderr]).toEqual([1, expect.stringContaining("none.yaml: cannot be read")]);
});

test("data select: two sizes from a server's embeddings, which are asked for once; the same rows again", async () => {
  const file = join(home, "large.jsonl");
  // Three kinds of rows; a subset of three has one of each.
  const kinds = ["red", "green", "blue"];
  const all = Array.from({ length: 90 }, (_, i) => ({ user: `${kinds[i % 3]} ${i}`, assistant: "colour" }));
  await writeFile(file, all.map((row) => `${JSON.stringify(row)}\n`).join(""));
  const embedding = (text: string) => kinds.map((kind) => (text.includes(kind) ? 1 : 0.01 * (text.length % 7)));
  await using server = await startFakeOpenAiServer({ models: ["embedder"], answer, embedding });
  const out = join(home, "subsets");
  const select = [
    "data",
    "select",
    file,
    "--subset-sizes",
    "3",
    "0.5",
    "--output-dir",
    out,
    "--endpoint-url",
    server.url,
  ];
  const { subsets } = await ilab<{ subsets: { file: string; rows: number }[] }>(...select);
  expect(subsets).toEqual([
    { file: join(out, "large_samples_3_subset.jsonl"), rows: 3 },
    { file: join(out, "large_percent_0.5_subset.jsonl"), rows: 45 },
  ]);
  const three = await readFile(subsets[0]!.file, "utf8");
  for (const kind of kinds) expect(three).toContain(kind);
  const asked = () => server.requests.filter(({ path }) => path.includes("embeddings")).length;
  const before = asked();
  expect(before).toBeGreaterThan(0);
  await ilab(...select);
  expect(asked()).toBe(before);
  expect(await readFile(subsets[0]!.file, "utf8")).toBe(three);
  const refused = await runIlab(["data", "select", file, "--subset-sizes", "0"], { home });
  expect([refused.exitCode, refused.stderr]).toEqual([2, expect.stringContaining("not '0'")]);
});
