/** `ilab data generate` as a user runs it, against a real HTTP server as teacher: the run's files, Ctrl-C and going on, bad input. */
import { cp, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { packageRoot } from "../../src/util/assets.ts";
import { type FakeRequest, startFakeOpenAiServer } from "../helpers/fake-openai-server.ts";
import { runIlab } from "../helpers/run-ilab.ts";
import { makeTempDir } from "../helpers/temp-dir.ts";

/** Asks about the captain whatever the sentence is; right for one of them. */
const answer = (prompt: string) => {
  const start = prompt.split("Question:").at(-1)!.trim();
  return `${start === "" ? " Who" : ""} is the captain of the ferry?\nAnswer: The captain of the ferry is Ines Dorrow.`;
};

async function prepare() {
  const directory = await makeTempDir();
  const home = directory.path;
  const taxonomy = join(home, "taxonomy");
  await cp(join(packageRoot, "examples", "taxonomy", "knowledge"), join(taxonomy, "knowledge"), { recursive: true });
  const outputs = join(home, "runs");
  const args = (url: string) => [
    ...["data", "generate", "--taxonomy-path", taxonomy, "--taxonomy-base", "empty"],
    ...["--endpoint-url", url, "--model", "teacher", "--pipeline", "compact", "--output-dir", outputs],
  ];
  return { home, outputs, args, [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose]() };
}

test("a run writes its files and says what it made", async () => {
  await using server = await startFakeOpenAiServer({ models: ["teacher"], answer });
  await using prepared = await prepare();
  const { home, outputs, args } = prepared;
  const { exitCode, stdout, stderr } = await runIlab([...args(server.url), "--json"], { home });
  expect(exitCode, stderr).toBe(0);
  const result = JSON.parse(stdout);
  expect(await readdir(outputs)).toHaveLength(1);
  const messages = await readFile(result.messages, "utf8");
  expect(messages).toContain("The captain of the ferry is Ines Dorrow.");
  expect(messages.trim().split("\n")).toHaveLength(result.counts.samples);
  const again = await runIlab(args(server.url), { home });
  expect(again.stdout).toContain("new question-answer pairs");
  expect(again.stdout).toContain("What was dropped");
});

test("Ctrl-C leaves no run behind; the same command goes on where it stopped", async () => {
  await using server = await startFakeOpenAiServer({ models: ["teacher"], answer, delayMs: 60 });
  await using prepared = await prepare();
  const { home, outputs, args } = prepared;
  const stopped = await runIlab(args(server.url), {
    home,
    onStart: (child) => {
      const timer = setInterval(() => {
        if (server.requests.length < 12) return;
        clearInterval(timer);
        child.kill("SIGINT");
      }, 10);
      child.on("close", () => clearInterval(timer));
    },
  });
  expect(stopped.exitCode).toBe(130);
  expect(await readdir(outputs).catch(() => [])).toEqual([]);
  const before = server.requests.length;
  expect((await runIlab([...args(server.url), "--quiet"], { home })).exitCode).toBe(0);
  const whole = server.requests.length;
  // Those in flight at Ctrl-C are asked again, finished ones are not.
  const prompts = server.requests.map(({ body }) => JSON.stringify(body)).filter((body) => body !== undefined);
  const repeated = prompts.length - new Set(prompts).size;
  expect(repeated).toBeLessThanOrEqual(20);
  expect(whole - before).toBeGreaterThan(0);
});

test("kill -9 at any moment: no finished call is repeated, and the files are those of a run without the kill", async () => {
  await using server = await startFakeOpenAiServer({ models: ["teacher"], answer, delayMs: 20 });
  const run = async (killAfter: readonly number[]) => {
    await using prepared = await prepare();
    const { home, outputs, args } = prepared;
    const asked: string[] = [];
    for (const limit of [...killAfter, Number.POSITIVE_INFINITY]) {
      const before = server.requests.length;
      const { exitCode, stderr } = await runIlab([...args(server.url), "--concurrency", "4"], {
        home,
        onStart: (child) => {
          const timer = setInterval(() => {
            if (server.requests.length - before >= limit) child.kill("SIGKILL");
          }, 2);
          child.on("close", () => clearInterval(timer));
        },
      });
      expect(exitCode, stderr).toBe(limit === Number.POSITIVE_INFINITY ? 0 : -1);
      asked.push(...promptsOf(server.requests.slice(before)));
    }
    const [directory] = await readdir(outputs);
    const files = await readRun(join(outputs, directory!));
    return { files, asked };
  };
  const whole = await run([]);
  const killed = await run([5, 12, 20]);
  expect(killed.files).toEqual(whole.files);
  expect(new Set(killed.asked)).toEqual(new Set(whole.asked));
  // What was in flight at a kill is asked again: at most 4 prompts, or 4 lists of 8.
  expect(killed.asked.length - whole.asked.length).toBeLessThanOrEqual(3 * 4 * 8);
  expect(killed.asked.length).toBeLessThan(2 * whole.asked.length);
});

function promptsOf(requests: readonly FakeRequest[]): string[] {
  return requests.flatMap(({ path, body }) => (path === "/v1/completions" ? [body.prompt].flat() : []));
}

/** Every file of a run but its manifest, with the run's time taken out of names and contents. */
async function readRun(directory: string): Promise<Record<string, string>> {
  const stamp = /\d{4}-\d\d-\d\dT\d\d_\d\d_\d\d/g;
  const files: Record<string, string> = {};
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || entry.name === "manifest.json") continue;
    const path = join(entry.parentPath, entry.name);
    files[path.slice(directory.length).replaceAll(stamp, "TIME")] = (await readFile(path, "utf8")).replaceAll(
      stamp,
      "TIME",
    );
  }
  return files;
}

test("--dry-run counts and asks nothing", async () => {
  await using server = await startFakeOpenAiServer({ models: ["teacher"], answer });
  await using prepared = await prepare();
  const { home, outputs, args } = prepared;
  const dry = await runIlab([...args(server.url), "--dry-run", "--json", "--prices", "1", "2"], { home });
  expect(dry.exitCode, dry.stderr).toBe(0);
  const estimate = JSON.parse(dry.stdout);
  expect(server.requests.filter(({ path }) => path.includes("completions"))).toEqual([]);
  expect(await readdir(outputs).catch(() => [])).toEqual([]);
  await runIlab(args(server.url), { home });
  const prompts = promptsOf(server.requests);
  expect(estimate.usage.requests).toBe(prompts.length);
  expect(estimate.cost).toBeGreaterThan(0);
  const after = JSON.parse((await runIlab([...args(server.url), "--dry-run", "--json"], { home })).stdout);
  expect(after.usage).toMatchObject({ requests: 0, fromCache: prompts.length });
});

test("an unknown pipeline and a wrong seed are usage errors before anything is asked", async () => {
  await using server = await startFakeOpenAiServer({ models: ["teacher"], answer });
  await using prepared = await prepare();
  const { home, args } = prepared;
  const pipeline = await runIlab([...args(server.url), "--pipeline", "compcat"], { home });
  expect([pipeline.exitCode, pipeline.stderr]).toEqual([2, expect.stringContaining("no pipeline 'compcat'")]);
  const seed = await runIlab([...args(server.url), "--seed", "x"], { home });
  expect([seed.exitCode, seed.stderr]).toEqual([2, expect.stringContaining("--seed must be a whole number")]);
  expect(server.requests.filter(({ path }) => path.includes("completions"))).toEqual([]);
});
