import { readFile, writeFile } from "node:fs/promises";
import { createServer, type Socket } from "node:net";
import { join } from "node:path";
import { expect, test } from "vitest";
import { type FileServer, serveFile } from "../../test/helpers/serve-file.ts";
import { makeTempDir } from "../../test/helpers/temp-dir.ts";
import { runWork, type WorkEvent } from "../util/events.ts";
import { downloadHttp, type HttpOptions } from "./download-http.ts";

const content = Buffer.from(Array.from({ length: 400_000 }, (_, index) => (index * 31) % 253));
const quick: HttpOptions = { retryDelayMs: 5, connectTimeoutMs: 2000, idleTimeoutMs: 300 };

async function download(server: FileServer, partFile: string, options: HttpOptions = quick): Promise<WorkEvent[]> {
  const events: WorkEvent[] = [];
  await runWork(downloadHttp(new URL(`${server.origin}/x.gguf`), { partFile }, options), (event) => events.push(event));
  return events;
}

test("a cut connection is taken up where it broke, again and again", async () => {
  await using directory = await makeTempDir();
  await using server = await serveFile({ content, etag: '"v1"', cuts: 3, cutAfterBytes: 100_000 });
  const partFile = join(directory.path, "part");
  const events = await download(server, partFile);
  expect((await readFile(partFile)).equals(content)).toBe(true);
  expect(server.requests.map(({ headers }) => headers.range)).toEqual([
    undefined,
    "bytes=100000-",
    "bytes=200000-",
    "bytes=300000-",
  ]);
  expect(server.requests.at(-1)!.headers["if-range"]).toBe('"v1"');
  expect(events.filter((event) => event.type === "step-start").length).toBe(1);
});

test("a part of an earlier run is continued", async () => {
  await using directory = await makeTempDir();
  await using server = await serveFile({ content, etag: '"v1"', cuts: 99, cutAfterBytes: 150_000 });
  const partFile = join(directory.path, "part");
  const stopping = new AbortController();
  const work = downloadHttp(new URL(`${server.origin}/x.gguf`), { partFile, signal: stopping.signal }, quick);
  await expect(runWork(work, (event) => event.type === "message" && stopping.abort())).rejects.toMatchObject({
    code: "CANCELLED",
  });
  expect((await readFile(partFile)).length).toBe(150_000);
  server.options = { content, etag: '"v1"' };
  await download(server, partFile);
  expect(server.requests.at(-1)!.headers.range).toBe("bytes=150000-");
  expect((await readFile(partFile)).equals(content)).toBe(true);
});

test("a file that changed on the server is begun again", async () => {
  await using directory = await makeTempDir();
  await using server = await serveFile({
    content: Buffer.alloc(300_000, 1),
    etag: '"old"',
    cuts: 1,
    cutAfterBytes: 100_000,
  });
  const partFile = join(directory.path, "part");
  const changing = runWork(downloadHttp(new URL(`${server.origin}/x.gguf`), { partFile }, quick), (event) => {
    if (event.type === "message") server.options = { content, etag: '"new"' };
  });
  await changing;
  expect((await readFile(partFile)).equals(content)).toBe(true);
});

test("a server that ignores ranges, and one without a validator, are begun again", async () => {
  await using directory = await makeTempDir();
  const partFile = join(directory.path, "part");
  for (const options of [{ etag: '"v"', ignoresRange: true }, {}, { etag: 'W/"weak"' }]) {
    await using server = await serveFile({ content, cuts: 1, cutAfterBytes: 100_000, ...options });
    await download(server, partFile);
    expect((await readFile(partFile)).equals(content)).toBe(true);
    if (options.etag !== '"v"') expect(server.requests.at(-1)!.headers.range).toBeUndefined();
  }
});

test("a part that is already whole needs no more bytes", async () => {
  await using directory = await makeTempDir();
  await using server = await serveFile({ content, etag: '"v"' });
  const partFile = join(directory.path, "part");
  await writeFile(partFile, content);
  await writeFile(`${partFile}.json`, JSON.stringify({ url: `${server.origin}/x.gguf`, validator: '"v"' }));
  await download(server, partFile);
  expect((await readFile(partFile)).equals(content)).toBe(true);
});

test("a server that sends another range than was asked for is begun again", async () => {
  await using directory = await makeTempDir();
  await using server = await serveFile({ content, etag: '"v"', cuts: 1, cutAfterBytes: 100_000, rangeShift: 1000 });
  const partFile = join(directory.path, "part");
  await download(server, partFile);
  expect(server.requests.map(({ headers }) => headers.range)).toEqual([undefined, "bytes=100000-", undefined]);
  expect((await readFile(partFile)).equals(content)).toBe(true);
});

test("a part longer than the file is begun again", async () => {
  await using directory = await makeTempDir();
  await using server = await serveFile({ content, etag: '"v"' });
  const partFile = join(directory.path, "part");
  await writeFile(partFile, Buffer.alloc(content.length + 5));
  await writeFile(`${partFile}.json`, JSON.stringify({ url: `${server.origin}/x.gguf`, validator: '"v"' }));
  await download(server, partFile);
  expect((await readFile(partFile)).equals(content)).toBe(true);
});

test("a server that falls silent, or breaks off every time, is given up with the reason", async () => {
  await using directory = await makeTempDir();
  await using silent = await serveFile({ content, stallsAfterBytes: 0 });
  await expect(download(silent, join(directory.path, "a"))).rejects.toMatchObject({
    code: "HTTP_BROKEN",
    message: expect.stringContaining("no data for too long"),
  });
  expect(silent.requests.length).toBe(5);
});

test("an error status is not retried", async () => {
  await using directory = await makeTempDir();
  await using server = await serveFile({ content, status: 404 });
  await expect(download(server, join(directory.path, "part"))).rejects.toMatchObject({
    code: "HTTP_STATUS",
    message: expect.stringContaining("404"),
  });
  expect(server.requests.length).toBe(1);
});

test("a host that does not answer is given up after the connect timeout", async () => {
  await using directory = await makeTempDir();
  const sockets: Socket[] = [];
  const server = createServer((socket) => sockets.push(socket)).listen(0, "127.0.0.1");
  await new Promise((done) => server.once("listening", done));
  const url = new URL(`http://127.0.0.1:${(server.address() as { port: number }).port}/x.gguf`);
  const startedAt = performance.now();
  await expect(
    runWork(downloadHttp(url, { partFile: join(directory.path, "part") }, { connectTimeoutMs: 200 })),
  ).rejects.toMatchObject({ code: "HTTP_UNREACHABLE", message: expect.stringContaining("no answer in time") });
  expect(performance.now() - startedAt).toBeLessThan(2000);
  for (const socket of sockets) socket.destroy();
  server.close();
});
