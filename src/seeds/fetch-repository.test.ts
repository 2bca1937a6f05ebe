import { execFile, execFileSync } from "node:child_process";
import { createReadStream } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rename, rm, utimes, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { packageRoot } from "../util/assets.ts";
import { fetchRepository } from "./fetch-repository.ts";

let root: string;
let origin: string;
let cache: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "ilab-fetch-"));
  origin = join(root, "origin");
  cache = join(root, "cache");
  await mkdir(origin);
  git("init", "-q", "-b", "main");
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(root, { recursive: true, force: true });
});

const git = (...args: string[]) =>
  execFileSync("git", ["-C", origin, "-c", "user.name=T", "-c", "user.email=t@example.org", ...args], {
    encoding: "utf8",
    env: { ...process.env, GIT_CONFIG_GLOBAL: "/dev/null" },
  }).trim();
async function commit(path: string, content: string): Promise<string> {
  await mkdir(dirname(join(origin, path)), { recursive: true });
  await writeFile(join(origin, path), content);
  git("add", "-A");
  git("commit", "-qm", path);
  return git("rev-parse", "HEAD");
}
const fetch = (repository: string, name: string, signal?: AbortSignal) =>
  fetchRepository(repository, name, { cacheDirectory: cache, baseDirectory: root, signal });
const content = async (name: string) => {
  const { directory, wasCached } = await fetch(origin, name);
  return { text: await readFile(join(directory, "a.md"), "utf8"), wasCached, names: await readdir(directory) };
};

test("one commit, old or new, kept without git's own files and found again without the repository", async () => {
  const first = await commit("a.md", "one");
  const second = await commit("a.md", "two");
  expect(await content(first)).toEqual({ text: "one", wasCached: false, names: ["a.md"] });
  expect(await content(second)).toMatchObject({ text: "two", wasCached: false });
  await rm(join(origin, ".git"), { recursive: true });
  expect(await content(first.toUpperCase())).toMatchObject({ text: "one", wasCached: true });
  expect(await readdir(cache)).toHaveLength(2);
});

test("a branch is looked up anew, a tag and a short id work", async () => {
  const first = await commit("a.md", "one");
  git("tag", "-a", "v1", "-m", "v1");
  expect(await content("main")).toMatchObject({ text: "one", wasCached: false });
  expect(await content("main")).toMatchObject({ text: "one", wasCached: true });
  await commit("a.md", "two");
  expect(await content("main")).toMatchObject({ text: "two", wasCached: false });
  expect(await content("HEAD")).toMatchObject({ text: "two", wasCached: true });
  expect(await content("v1")).toMatchObject({ text: "one", wasCached: true });
  expect(await content(first.slice(0, 8))).toMatchObject({ text: "one" });
  expect(await content("main~1")).toMatchObject({ text: "one" });
  git("checkout", "-qb", "topic/x");
  await commit("a.md", "three");
  expect(await content("topic/x")).toMatchObject({ text: "three" });
});

test("a file address, and a path relative to the leaf", async () => {
  const id = await commit("a.md", "one");
  for (const address of [pathToFileURL(origin).href, "origin"]) {
    const { directory } = await fetch(address, id);
    expect(await readFile(join(directory, "a.md"), "utf8")).toBe("one");
  }
});

test("what is not there is told, and nothing half-made stays", async () => {
  await commit("a.md", "one");
  const missing = "0123456789012345678901234567890123456789";
  await expect(fetch(origin, missing)).rejects.toMatchObject({ code: "DOCUMENT_COMMIT_NOT_FOUND" });
  await expect(fetch(origin, "nowhere")).rejects.toMatchObject({ code: "DOCUMENT_COMMIT_NOT_FOUND" });
  await expect(fetch("nowhere", "main")).rejects.toMatchObject({ code: "DOCUMENT_REPOSITORY_NOT_FOUND" });
  await expect(fetch("file:///nowhere", missing)).rejects.toMatchObject({ code: "DOCUMENT_REPOSITORY_FAILED" });
  await mkdir(join(root, "plain"));
  await expect(fetch("plain", "main")).rejects.toMatchObject({ code: "DOCUMENT_REPOSITORY_FAILED" });
  expect(await readdir(cache)).toEqual([]);
});

test("passwords of an address are in no message", async () => {
  const address = "http://user:secret@127.0.0.1:9/x.git";
  const error = await fetch(address, "main").catch((thrown: Error) => thrown);
  expect(error).toMatchObject({ code: "DOCUMENT_REPOSITORY_FAILED" });
  expect(String((error as Error).message)).not.toContain("secret");
});

test("nothing that could run a program or be an option reaches git", async () => {
  const marker = join(root, "owned");
  for (const [repository, name] of [
    [`ext::sh -c "touch ${marker}"`, "main"],
    [`--upload-pack=touch ${marker}`, "main"],
    [origin, `--upload-pack=touch ${marker}`],
    [`ssh://-oProxyCommand=touch%20${marker}/x`, "main"],
  ] as const)
    await expect(fetch(repository, name)).rejects.toMatchObject({ code: expect.stringMatching(/^DOCUMENT_/) });
  expect(await readdir(root)).not.toContain("owned");
});

test("hooks and templates of the user do not run", async () => {
  const id = await commit("a.md", "one");
  const marker = join(root, "owned");
  const hooks = join(root, "template", "hooks");
  await mkdir(hooks, { recursive: true });
  await writeFile(join(hooks, "post-checkout"), `#!/bin/sh\ntouch ${marker}\n`, { mode: 0o755 });
  process.env["GIT_TEMPLATE_DIR"] = join(root, "template");
  try {
    await fetch(origin, id);
  } finally {
    delete process.env["GIT_TEMPLATE_DIR"];
  }
  expect(await readdir(root)).not.toContain("owned");
});

test("Git LFS knows its remote; where its files cannot be had, all others can", async () => {
  // Stands in for git-lfs: gives a file out only where it knows the remote, and pointers where it shall.
  const filter = join(root, "filter.sh");
  await writeFile(
    filter,
    `#!/bin/sh\n[ -n "$GIT_LFS_SKIP_SMUDGE" ] && exec cat\ncat >/dev/null\n[ -e "${root}/down" ] && { echo "smudge filter lfs failed" >&2; exit 1; }\ngit config remote.origin.url\n`,
    { mode: 0o755 },
  );
  const config = join(root, "gitconfig");
  await writeFile(config, `[filter "lfs"]\n\tsmudge = ${filter}\n\tclean = cat\n\trequired = true\n`);
  vi.stubEnv("GIT_CONFIG_GLOBAL", config);
  vi.stubEnv("GIT_CONFIG_NOSYSTEM", "1");
  await commit(".gitattributes", "*.pdf filter=lfs\n");
  await commit("a.pdf", "version https://git-lfs.github.com/spec/v1\n");
  const first = await commit("b.md", "Plain.\n");
  const { directory } = await fetch(origin, first);
  expect(await readFile(join(directory, "a.pdf"), "utf8")).toBe(`${origin}\n`);
  await writeFile(join(root, "down"), "");
  const second = await commit("b.md", "Plainer.\n");
  const without = await fetch(origin, second);
  expect(await readFile(join(without.directory, "b.md"), "utf8")).toBe("Plainer.\n");
  expect(await readFile(join(without.directory, "a.pdf"), "utf8")).toContain("git-lfs");
});

test("an interrupted fetch leaves nothing; leftovers are swept when they are a day old, not before", async () => {
  const id = await commit("a.md", "one");
  await expect(fetch(origin, id, AbortSignal.abort())).rejects.toMatchObject({ code: "CANCELLED" });
  expect(await readdir(cache)).toEqual([]);
  for (const [name, hours] of [
    [".part-old", 25],
    [".part-new", 1],
  ] as const) {
    await mkdir(join(cache, name));
    await utimes(join(cache, name), new Date(), new Date(Date.now() - hours * 3_600_000));
  }
  await fetch(origin, id);
  expect((await readdir(cache)).filter((name) => name.startsWith(".part-"))).toEqual([".part-new"]);
});

test("a server that gives single commits to nobody: the branch alone, else everything", async () => {
  const first = await commit("a.md", "one");
  git("tag", "-a", "v1", "-m", "v1");
  await commit("b.md", "another file");
  // Version 0 of git's protocol refuses ids that no branch ends in.
  const log = join(root, "git.log");
  Object.assign(process.env, {
    GIT_CONFIG_COUNT: "1",
    GIT_CONFIG_KEY_0: "protocol.version",
    GIT_CONFIG_VALUE_0: "0",
    GIT_TRACE: log,
  });
  try {
    const address = pathToFileURL(origin).href;
    const { directory } = await fetch(address, first);
    expect(await readdir(directory)).toEqual(["a.md"]);
    await rm(cache, { recursive: true });
    const { directory: tagged } = await fetch(address, "v1");
    expect(await readdir(tagged)).toEqual(["a.md"]);
  } finally {
    for (const name of ["GIT_CONFIG_COUNT", "GIT_CONFIG_KEY_0", "GIT_CONFIG_VALUE_0", "GIT_TRACE"])
      delete process.env[name];
  }
  const fetches = (await readFile(log, "utf8")).split("\n").filter((line) => /trace: built-in: git fetch/.test(line));
  expect(fetches.filter((line) => !/--depth 1/.test(line))).toHaveLength(1);
  expect(fetches.at(-1)).toMatch(/--depth 1 .*v1$/);
});

test("without a network, names mean what they meant last time, with a warning; what never was fetched fails", async () => {
  const first = await commit("a.md", "one");
  git("tag", "v1");
  const address = pathToFileURL(origin).href;
  for (const name of ["main", "v1", first.slice(0, 7)]) await fetch(address, name);
  await rename(origin, `${origin}-gone`);
  for (const name of ["main", "v1", first.slice(0, 7)])
    expect(await fetch(address, name)).toMatchObject({
      wasCached: true,
      warning: expect.stringContaining("cannot be reached"),
    });
  expect(await fetch(address, first)).not.toHaveProperty("warning", expect.anything());
  await expect(fetch(address, "v2")).rejects.toMatchObject({ code: "DOCUMENT_REPOSITORY_FAILED" });
});

test("a short id is fetched once", async () => {
  const first = await commit("a.md", "one");
  await commit("a.md", "two");
  expect(await content(first.slice(0, 8))).toMatchObject({ text: "one", wasCached: false });
  expect(await content(first.slice(0, 8))).toMatchObject({ text: "one", wasCached: true });
});

test("two processes at once fetch once", async () => {
  const id = await commit("a.md", "one");
  const log = join(root, "git.log");
  const script = `import { fetchRepository } from ${JSON.stringify(join(import.meta.dirname, "fetch-repository.ts"))};
console.log((await fetchRepository(process.argv[2], process.argv[3], { cacheDirectory: process.argv[4], baseDirectory: "/" })).directory);`;
  await writeFile(join(root, "run.mts"), script);
  const run = () =>
    promisify(execFile)("npx", ["tsx", join(root, "run.mts"), origin, id, cache], {
      cwd: packageRoot,
      env: { ...process.env, GIT_TRACE: log },
    });
  const [one, two] = await Promise.all([run(), run()]);
  expect(one.stdout).toBe(two.stdout);
  expect((await readFile(log, "utf8")).match(/trace: built-in: git fetch/g)).toHaveLength(1);
});

test("two at once share the result", async () => {
  const id = await commit("a.md", "one");
  const [one, two] = await Promise.all([fetch(origin, id), fetch(origin, id)]);
  expect(one.directory).toBe(two.directory);
  expect(await readdir(cache)).toHaveLength(1);
});

test("over HTTP, from a server that can only send everything", async () => {
  const id = await commit("a.md", "one");
  await commit("a.md", "two");
  git("update-server-info");
  const requests: string[] = [];
  const server = createServer((request, response) => {
    const path = decodeURIComponent(request.url!.split("?")[0]!);
    requests.push(path);
    createReadStream(join(origin, ".git", path))
      .on("error", () => response.writeHead(404).end())
      .pipe(response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    const { directory } = await fetch(address, id);
    expect(await readFile(join(directory, "a.md"), "utf8")).toBe("one");
    expect(requests).toContain("/info/refs");
  } finally {
    server.close();
  }
});

test("a server that never answers can be left", async () => {
  const server = createServer(() => {});
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/x.git`;
    const started = performance.now();
    const id = "0123456789012345678901234567890123456789";
    await expect(fetch(address, id, AbortSignal.timeout(500))).rejects.toMatchObject({ code: "CANCELLED" });
    expect(performance.now() - started).toBeLessThan(4000);
    expect(await readdir(cache)).toEqual([]);
  } finally {
    server.closeAllConnections();
    server.close();
  }
});

test("a cache that cannot be made is named", async () => {
  const id = await commit("a.md", "one");
  await writeFile(cache, "a file");
  await expect(fetch(origin, id)).rejects.toMatchObject({ message: expect.stringContaining(cache) });
});
