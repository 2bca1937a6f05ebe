import { spawn } from "node:child_process";
import { mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { type FileServerOptions, serveFile } from "../../test/helpers/serve-file.ts";
import { makeTempDir } from "../../test/helpers/temp-dir.ts";
import { runWork, type WorkEvent } from "../util/events.ts";
import { sha256 } from "../util/hash.ts";
import type { Catalog } from "./catalog.ts";
import { downloadModel } from "./download-model.ts";
import { listModels } from "./list-models.ts";

const content = Buffer.concat([Buffer.from("GGUF"), Buffer.alloc(200_000, 5)]);
const sum = sha256(content);

function catalogOf(...sources: string[]): Catalog {
  const known = { architecture: "llama", license: "MIT", description: "a test's model" };
  return { tiny: { file: "tiny.gguf", sizeBytes: content.length, sha256: sum, ...known, sources } };
}

/** Runs a download into an own store with sources served as told; gives what happened. */
async function withStore(
  servers: FileServerOptions[],
  use: (store: { directory: string; catalog: Catalog; origins: string[] }) => Promise<void>,
): Promise<void> {
  await using home = await makeTempDir();
  const running = await Promise.all(servers.map((options) => serveFile(options)));
  try {
    const origins = running.map((server) => server.origin);
    const catalog = catalogOf(...origins.map((origin) => `${origin}/tiny.gguf`));
    await use({ directory: join(home.path, "models"), catalog, origins });
  } finally {
    for (const server of running) await server[Symbol.asyncDispose]();
  }
}

const messages = (events: WorkEvent[]) => events.flatMap((event) => (event.type === "message" ? [event.text] : []));

test("sources are tried in order, each passed over with its reason, until one has the right file", () =>
  withStore(
    [{ content, status: 404 }, { content: Buffer.from("GGUF but another") }, { content }],
    async ({ directory, catalog }) => {
      const events: WorkEvent[] = [];
      const path = await runWork(downloadModel("tiny", { directory, catalog }), (event) => events.push(event));
      expect(path).toBe(join(directory, "tiny.gguf"));
      expect((await readFile(path)).equals(content)).toBe(true);
      const passedOver = messages(events).filter((text) => text.startsWith("passed over"));
      expect(passedOver[0]).toContain("404");
      expect(passedOver[1]).toContain(sha256("GGUF but another"));
      expect(passedOver[1]).toContain(sum);
      expect(await readdir(directory)).toEqual(["tiny.gguf"]);
    },
  ));

test("what is there already is checked, not fetched again; wrong content under the name is replaced", () =>
  withStore([{ content }], async ({ directory, catalog }) => {
    await mkdir(directory, { recursive: true });
    await writeFile(join(directory, "tiny.gguf"), Buffer.alloc(content.length, 1));
    const first: WorkEvent[] = [];
    await runWork(downloadModel("tiny", { directory, catalog }), (event) => first.push(event));
    expect(messages(first).join("\n")).toContain("it is replaced");
    const second: WorkEvent[] = [];
    await runWork(downloadModel("tiny", { directory, catalog }), (event) => second.push(event));
    expect(messages(second)).toEqual([`${join(directory, "tiny.gguf")} is already there`]);
  }));

test("when no source has it, every reason is told and nothing is left", () =>
  withStore([{ content, status: 404 }, { content: Buffer.from("GGUF wrong") }], async ({ directory, catalog }) => {
    await expect(runWork(downloadModel("tiny", { directory, catalog }))).rejects.toMatchObject({
      code: "MODEL_UNAVAILABLE",
      message: expect.stringMatching(/404[\s\S]*sha256/),
    });
    expect(await readdir(directory)).toEqual([]);
  }));

test("an interrupted download keeps its part, never under the model's name, and is not listed", () =>
  withStore([{ content, etag: '"1"', stallsAfterBytes: 70_000 }], async ({ directory, catalog }) => {
    const stopping = new AbortController();
    const work = downloadModel("tiny", { directory, catalog, signal: stopping.signal });
    await expect(runWork(work, (event) => event.type === "step-progress" && stopping.abort())).rejects.toMatchObject({
      code: "CANCELLED",
      exitCode: 130,
    });
    expect((await readdir(directory)).sort()).toEqual(["tiny.gguf.part", "tiny.gguf.part.json"]);
    expect(await listModels(directory, { catalog })).toEqual([]);
  }));

test("a file by its address is taken with its sum told, and must be a GGUF", () =>
  withStore([{ content }, { content: Buffer.from("<html>not found</html>") }], async ({ directory, origins }) => {
    const events: WorkEvent[] = [];
    const path = await runWork(downloadModel(`${origins[0]}/some.gguf`, { directory }), (event) => events.push(event));
    expect(path).toBe(join(directory, "some.gguf"));
    expect(messages(events).at(-1)).toMatch(new RegExp(`sha256 ${sum}; no sum is known`));
    await expect(runWork(downloadModel(`${origins[1]}/page.gguf`, { directory }))).rejects.toMatchObject({
      code: "NOT_A_MODEL",
    });
    await expect(runWork(downloadModel(`${origins[0]}/archive.zip`, { directory }))).rejects.toMatchObject({
      code: "USAGE",
    });
    expect(await readdir(directory)).toEqual(["some.gguf"]);
  }));

test("an unknown name gives the nearest", async () => {
  const work = downloadModel("tiyn", { directory: "/nonexistent", catalog: catalogOf("file:/x.gguf") });
  await expect(runWork(work)).rejects.toMatchObject({
    code: "MODEL_UNKNOWN",
    exitCode: 2,
    hint: expect.stringContaining("'tiny'"),
  });
});

test("a store that may not be written says so", () =>
  withStore([{ content }], async ({ directory, catalog }) => {
    await writeFile(directory, "a file where the store should be");
    await expect(runWork(downloadModel("tiny", { directory, catalog }))).rejects.toMatchObject({
      code: "NOT_WRITABLE",
      message: expect.stringContaining(directory),
    });
  }));

test("a download that cannot fit is refused before it starts", () =>
  withStore([{ content }], async ({ directory, catalog }) => {
    const huge = { tiny: { ...catalog["tiny"]!, sizeBytes: 1e18 } };
    await expect(runWork(downloadModel("tiny", { directory, catalog: huge }))).rejects.toMatchObject({
      code: "DISK_FULL",
      message: expect.stringContaining("free"),
    });
  }));

test("two downloads of one model at once fetch it once", async () => {
  await using home = await makeTempDir();
  await using server = await serveFile({ content });
  const catalog = catalogOf(`${server.origin}/tiny.gguf`);
  const options = { directory: home.path, catalog };
  const [first, second] = await Promise.all([
    runWork(downloadModel("tiny", options)),
    runWork(downloadModel("tiny", options)),
  ]);
  expect(first).toBe(second);
  expect(server.requests.length).toBe(1);
  expect(await readdir(home.path)).toEqual(["tiny.gguf"]);
});

test("the lock of a process that is gone is taken over; that of a living one is waited for", async () => {
  await using home = await makeTempDir();
  await using server = await serveFile({ content });
  const options = { directory: home.path, catalog: catalogOf(`${server.origin}/tiny.gguf`) };
  const child = spawn(process.execPath, ["-e", ""]);
  await new Promise((done) => child.once("exit", done));
  const lock = join(home.path, "tiny.gguf.lock");
  await writeFile(lock, JSON.stringify({ host: hostname(), pid: child.pid }));
  await runWork(downloadModel("tiny", options));

  await writeFile(lock, JSON.stringify({ host: hostname(), pid: process.pid }));
  const stopping = new AbortController();
  const events: WorkEvent[] = [];
  setTimeout(() => stopping.abort(), 1200);
  await expect(
    runWork(downloadModel("tiny", { ...options, signal: stopping.signal }), (event) => events.push(event)),
  ).rejects.toMatchObject({ code: "CANCELLED" });
  expect(messages(events)[0]).toContain(`waiting for process ${process.pid}`);
  expect((await stat(lock)).isFile()).toBe(true);
});
