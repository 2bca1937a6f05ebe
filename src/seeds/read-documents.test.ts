import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { DocumentSource, LeafNode } from "../artifacts.ts";
import { runWork, type WorkEvent } from "../util/events.ts";
import { collectSeeds } from "./collect-seeds.ts";
import { readDocuments } from "./read-documents.ts";

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "ilab-documents-"));
});
afterEach(async () => {
  await rm(root, { recursive: true, force: true });
});

function leafWith(document?: DocumentSource): LeafNode {
  return {
    file: join(root, "leaf", "qna.yaml"),
    taxonomyPath: "knowledge->thing",
    name: "knowledge_thing",
    kind: document === undefined ? "freeform_skill" : "knowledge",
    createdBy: "somebody",
    seedExamples: [],
    document,
    heldOut: [],
  };
}
async function put(path: string, content: string | Uint8Array) {
  await mkdir(dirname(join(root, "leaf", path)), { recursive: true });
  await writeFile(join(root, "leaf", path), content);
}
const read = async (...patterns: string[]) =>
  await readDocuments(leafWith({ folder: "documents", patterns }), { cacheDirectory: join(root, "cache") });
const names = async (...patterns: string[]) => (await read(...patterns)).map(({ name }) => name);
const failsWith = async (code: string, ...patterns: string[]) => {
  const error = await read(...patterns).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code, hint: expect.stringMatching(/./) });
  return (error as Error).message;
};

describe("a folder", () => {
  test("sorted, each once, whatever the case of the extension", async () => {
    for (const name of ["b.md", "a.MD", "c.txt", "sub/d.md", ".hidden.md"])
      await put(`documents/${name}`, `Text of ${name}`);
    expect(await names("*.md", "*", "b.md")).toEqual(["a.MD", "b.md", "c.txt"]);
    expect(await names("**/*.md")).toEqual(["b.md", "sub/d.md"]);
    expect(await read("b.md")).toEqual([{ name: "b.md", text: "Text of b.md" }]);
  });

  test("a byte order mark is not text", async () => {
    await put("documents/a.md", "\uFEFF# A");
    expect(await read("*")).toEqual([{ name: "a.md", text: "# A" }]);
  });

  test.each<[string, string, string | Uint8Array]>([
    ["DOCUMENT_EMPTY", "a.md", " \n"],
    ["DOCUMENT_NOT_UTF8", "a.md", new Uint8Array([0x63, 0xe9])],
    ["DOCUMENT_NOT_TEXT", "a.txt", "a\0b"],
    ["DOCUMENT_TOO_LARGE", "a.md", "a".repeat(16 * 1024 * 1024 + 1)],
    ["DOCUMENT_FORMAT_UNSUPPORTED", "a.pdf", "%PDF"],
  ])("%s", async (code, name, content) => {
    await put(`documents/${name}`, content);
    const message = await failsWith(code, "*");
    expect(message).toContain(`'${name}'`);
    expect(message).toContain("knowledge->thing");
  });

  test("nothing matches, no folder", async () => {
    await mkdir(join(root, "leaf"));
    await failsWith("DOCUMENT_NOT_FOUND", "*.md");
    await put("documents/a.md", "A");
    expect(await failsWith("DOCUMENT_NOT_FOUND", "*.txt", "x/*")).toContain("'*.txt', 'x/*'");
  });

  test("links: inside is fine and counts once, outside is refused, into directories is not followed, broken is told", async () => {
    await put("documents/a.md", "A");
    await put("secret.md", "S");
    await put("elsewhere/x.md", "X");
    const link = (target: string, name: string) => symlink(target, join(root, "leaf", "documents", name));
    await link("a.md", "b.md");
    await link("../elsewhere", "dir");
    expect(await names("**/*")).toEqual(["a.md"]);
    await link("../secret.md", "c.md");
    expect(await failsWith("DOCUMENT_OUTSIDE", "*.md")).toContain("'c.md'");
    await rm(join(root, "leaf", "documents", "c.md"));
    await link("nowhere.md", "d.md");
    expect(await failsWith("DOCUMENT_NOT_FOUND", "*.md")).toContain("'d.md'");
  });

  test("a folder or pattern that leaves is refused here too", async () => {
    await put("documents/a.md", "A");
    await failsWith("DOCUMENT_PATTERN_UNSAFE", "../*.md");
    const leaf = leafWith({ folder: "../leaf/..", patterns: ["*"] });
    await expect(readDocuments(leaf, { cacheDirectory: root })).rejects.toMatchObject({ code: "DOCUMENT_OUTSIDE" });
  });
});

test("a git repository at a commit, a link in it that leaves it refused", async () => {
  const origin = join(root, "origin");
  const git = (...args: string[]) =>
    execFileSync("git", ["-C", origin, "-c", "user.name=T", "-c", "user.email=t@example.org", ...args], {
      encoding: "utf8",
    });
  await mkdir(origin);
  git("init", "-q");
  await writeFile(join(origin, "a.md"), "A");
  await symlink("/etc/passwd", join(origin, "b.md"));
  git("add", "-A");
  git("commit", "-qm", "x");
  const commit = git("rev-parse", "HEAD").trim();
  const cacheDirectory = join(root, "cache");
  const leaf = (pattern: string) => leafWith({ repo: "../origin", commit, patterns: [pattern] });
  expect(await readDocuments(leaf("a*"), { cacheDirectory })).toEqual([{ name: "a.md", text: "A" }]);
  await expect(readDocuments(leaf("*.md"), { cacheDirectory })).rejects.toMatchObject({ code: "DOCUMENT_OUTSIDE" });
  await expect(readDocuments(leaf("c.md"), { cacheDirectory })).rejects.toMatchObject({
    code: "DOCUMENT_NOT_FOUND",
    message: expect.stringContaining(commit),
  });
});

describe("collectSeeds", () => {
  test("one result a leaf, in order, with events to the end", async () => {
    await put("documents/a.md", "# A\n\nText.");
    const leaves = [leafWith(), leafWith({ folder: "documents", patterns: ["*"] })];
    const events: WorkEvent[] = [];
    const seeds = await runWork(collectSeeds(leaves, { cacheDirectory: root }), (event) => events.push(event));
    expect(seeds).toEqual([
      { leaf: leaves[0], chunks: [] },
      { leaf: leaves[1], chunks: [{ source: "a.md", headings: ["A"], text: "Text." }] },
    ]);
    expect(events.map(({ type }) => type)).toEqual(["step-start", "step-progress", "step-progress", "step-end"]);
  });

  test("documents without text, and an aborted signal", async () => {
    await put("documents/a.md", "# Only\n\n![a picture](x.png)\n");
    const leaves = [leafWith({ folder: "documents", patterns: ["*"] })];
    await expect(runWork(collectSeeds(leaves, { cacheDirectory: root }))).rejects.toMatchObject({
      code: "DOCUMENT_EMPTY",
    });
    const signal = AbortSignal.abort();
    await expect(runWork(collectSeeds(leaves, { cacheDirectory: root, signal }))).rejects.toMatchObject({
      code: "CANCELLED",
    });
  });
});
