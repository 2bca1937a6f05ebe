import { execFileSync } from "node:child_process";
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { DocumentSource, LeafNode } from "../artifacts.ts";
import { packageRoot } from "../util/assets.ts";
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
    expect(await read("b.md")).toMatchObject([{ name: "b.md", text: "Text of b.md", warnings: [] }]);
  });

  test("formats of every kind in one leaf, whatever the case of their endings", async () => {
    const golden = join(packageRoot, "test/golden/documents");
    await put("documents/a.MD", "\uFEFF# A\n\nText.");
    await put("documents/b.Txt", Buffer.from("\uFEFFText of two words", "utf16le"));
    await put("documents/c.HTML", "<title>C</title><p>Text of a page.");
    for (const [from, to] of [
      ["handbook.pdf", "d.PDF"],
      ["almanac.docx", "e.DocX"],
      ["partly-scanned.pdf", "f.pdf"],
    ] as const)
      await cp(join(golden, from), join(root, "leaf", "documents", to));
    const documents = await read("**/*");
    expect(documents.map(({ name }) => name)).toEqual(["a.MD", "b.Txt", "c.HTML", "d.PDF", "e.DocX", "f.pdf"]);
    expect(documents.map(({ text }) => text.slice(0, 30))).toEqual([
      "# A\n\nText.",
      "Text of two words",
      "# C\n\nText of a page.",
      "# Handbook of the Harbour of T",
      "# Almanac of Veldermoor\n\nThe a",
      "This page lies on its side, as",
    ]);
    expect(documents.at(-1)!.warnings).toEqual(["1 of 2 pages hold no text (1); pictures are not read"]);
  });

  test("a scan says that it has no text, and what would read it", async () => {
    await mkdir(join(root, "leaf", "documents"), { recursive: true });
    await cp(join(packageRoot, "test/golden/documents/scan.pdf"), join(root, "leaf", "documents", "scan.pdf"));
    expect(await failsWith("DOCUMENT_NO_TEXT", "*")).toContain("'scan.pdf': it has no text");
    await expect(read("*")).rejects.toMatchObject({ hint: expect.stringContaining("docling_url") });
  });

  test.each<[string, string, string | Uint8Array]>([
    ["DOCUMENT_EMPTY", "a.md", " \n"],
    ["DOCUMENT_NOT_UTF8", "a.md", new Uint8Array([0x63, 0xe9])],
    ["DOCUMENT_NOT_TEXT", "a.txt", "a\0b"],
    ["DOCUMENT_TOO_LARGE", "a.md", "a".repeat(16 * 1024 * 1024 + 1)],
    ["DOCUMENT_NOT_TEXT", "a.md", new Uint8Array([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 1, 2, 0xff])],
    ["DOCUMENT_FORMAT_UNSUPPORTED", "a.odt", "x"],
    ["DOCUMENT_DAMAGED", "a.pdf", "%PDF"],
    ["DOCUMENT_DAMAGED", "a.docx", "PK"],
    ["DOCUMENT_LFS_POINTER", "a.pdf", "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n"],
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
  expect(await readDocuments(leaf("a*"), { cacheDirectory })).toMatchObject([{ name: "a.md", text: "A" }]);
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
      { leaf: leaves[1], chunks: [{ source: "a.md", headings: ["A"], text: "Text.", tokens: 4 }] },
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
