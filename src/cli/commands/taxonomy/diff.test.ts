import { execFileSync } from "node:child_process";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command } from "commander";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { packageRoot } from "../../../util/assets.ts";
import { createBind } from "../../create-bind.ts";
import { addGlobalOptions } from "../../global-options.ts";
import { printError } from "../../print-error.ts";
import { register } from "./diff.ts";

let home: string;
let taxonomy: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "ilab-diff-"));
  taxonomy = join(home, "taxonomy");
  await cp(join(packageRoot, "examples", "taxonomy"), taxonomy, { recursive: true });
  vi.stubEnv("HOME", home);
  for (const name of [
    "XDG_CONFIG_HOME",
    "XDG_CACHE_HOME",
    "XDG_DATA_HOME",
    "ILAB_GLOBAL_CONFIG",
    "GITHUB_ACTIONS",
    "GITHUB_WORKFLOW",
  ])
    vi.stubEnv(name, undefined);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(home, { recursive: true, force: true });
});

function createStream() {
  const stream = {
    text: "",
    isTTY: false,
    write(piece: string) {
      stream.text += piece;
    },
  };
  return stream;
}

/** As `main.ts` runs it, with streams that are kept. */
async function diff(...args: string[]) {
  const stdout = createStream();
  const stderr = createStream();
  const program = new Command("ilab").exitOverride();
  const bind = createBind({ stdout, stderr, signal: new AbortController().signal });
  register(program.command("taxonomy"), bind);
  addGlobalOptions(program.commands[0]!.commands[0]!, false);
  let exitCode = 0;
  try {
    await program.parseAsync(["taxonomy", "diff", ...args], { from: "user" });
  } catch (thrown) {
    const json = args.includes("--json");
    exitCode = printError(thrown, { stdout, stderr, json, verbose: false, isCancelled: false });
  }
  return { exitCode, stdout: stdout.text, stderr: stderr.text };
}
const leafFile = () => join(taxonomy, "knowledge", "geography", "merrowby", "qna.yaml");
const breakLeaf = () => writeFile(leafFile(), "version: 3\n\tdomain: x\n");

test("lists the leaves and ends with a summary", async () => {
  const { exitCode, stdout, stderr } = await diff("--taxonomy-path", taxonomy, "--taxonomy-base", "empty");
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
  expect(stdout.trim().split("\n")).toEqual([
    "compositional_skills/linguistics/message_routing/qna.yaml",
    "knowledge/geography/merrowby/qna.yaml",
    `2 leaves in ${taxonomy}: 0 errors, 0 warnings`,
  ]);
});

test("a folder's name cannot colour the terminal", async () => {
  await cp(join(leafFile(), ".."), join(taxonomy, "knowledge", "a\u001b[31m\nb"), { recursive: true });
  const { stdout } = await diff("--taxonomy-path", taxonomy);
  expect(stdout).toContain("knowledge/a [31m b/qna.yaml\n");
  expect(stdout).not.toContain("\u001b");
});

test("a plain folder is checked whole by default; in git, what changed", async () => {
  expect((await diff("--taxonomy-path", taxonomy)).stdout).toContain("2 leaves");
  const git = (...args: string[]) =>
    execFileSync("git", ["-C", taxonomy, "-c", "user.name=T", "-c", "user.email=t@example.org", ...args]);
  git("init", "-q", "-b", "main");
  git("add", "-A");
  git("commit", "-qm", "x");
  const noBranch = await diff("--taxonomy-path", taxonomy);
  expect(noBranch).toMatchObject({ exitCode: 0, stdout: expect.stringContaining("2 leaves") });
  const missing = await diff("--taxonomy-path", taxonomy, "--taxonomy-base", "origin/main");
  expect(missing).toMatchObject({ exitCode: 1, stderr: expect.stringContaining("'origin/main'") });
  await writeFile(join(leafFile(), "..", "documents", "more.md"), "More.");
  const { stdout } = await diff("--taxonomy-path", taxonomy, "--taxonomy-base", "main");
  expect(stdout).toBe(`knowledge/geography/merrowby/qna.yaml\n1 changed leaf in ${taxonomy}: 0 errors, 0 warnings\n`);
});

test("errors are shown with their place and end in status 1", async () => {
  await breakLeaf();
  const { exitCode, stdout, stderr } = await diff("--taxonomy-path", taxonomy);
  expect(exitCode).toBe(1);
  expect(stdout).toContain(`${leafFile()}:2:1: error: a tab is used for indentation [tab-indentation]`);
  expect(stderr).toContain("1 error, 0 warnings");
});

test("annotations in GitHub Actions", async () => {
  await breakLeaf();
  vi.stubEnv("GITHUB_ACTIONS", "true");
  vi.stubEnv("GITHUB_WORKFLOW", "check");
  expect((await diff("--taxonomy-path", taxonomy)).stdout).toMatch(/^::error file=.*qna\.yaml,line=2,col=1::2:1 /m);
});

test("--quiet says nothing but the exit status", async () => {
  expect(await diff("--taxonomy-path", taxonomy, "--quiet")).toEqual({ exitCode: 0, stdout: "", stderr: "" });
  await breakLeaf();
  expect(await diff("--taxonomy-path", taxonomy, "--quiet")).toEqual({ exitCode: 1, stdout: "", stderr: "" });
});

test("--json is one value, with the issues in either case", async () => {
  const good = JSON.parse((await diff("--taxonomy-path", taxonomy, "--json")).stdout);
  expect(good.leaves).toMatchObject([
    { kind: "freeform_skill", seedExamples: 8, heldOutQuestions: 8 },
    { kind: "knowledge", seedExamples: 5, heldOutQuestions: 16 },
  ]);
  await breakLeaf();
  const bad = await diff("--taxonomy-path", taxonomy, "--json");
  expect(bad.exitCode).toBe(1);
  expect(JSON.parse(bad.stdout)).toMatchObject({
    error: { code: "TAXONOMY_INVALID", details: { issues: [{ code: "tab-indentation", line: 2 }] } },
  });
});

test("documents that are not there are findings at the leaf's document", async () => {
  await rm(join(leafFile(), "..", "documents", "merrowby.md"));
  const { exitCode, stdout } = await diff("--taxonomy-path", taxonomy);
  expect(exitCode).toBe(1);
  expect(stdout).toMatch(/qna\.yaml:5:1: error: .*no document.*matches '\*\.md' \[document-not-found\]/);
});

test("a path that is not there is a usage error", async () => {
  expect((await diff("--taxonomy-path", join(home, "nowhere"))).exitCode).toBe(2);
});

test("a repository of documents is looked into when it was fetched, and fetched when that is asked for", async () => {
  const repository = join(home, "documents");
  await cp(join(leafFile(), "..", "documents"), repository, { recursive: true });
  const git = (...args: string[]) =>
    execFileSync("git", ["-C", repository, "-c", "user.name=T", "-c", "user.email=t@example.org", ...args], {
      encoding: "utf8",
    });
  git("init", "-q");
  git("add", "-A");
  git("commit", "-qm", "x");
  const text = await readFile(leafFile(), "utf8");
  const commit = git("rev-parse", "HEAD").trim();
  const source = `repo: ${repository}\n  commit: ${commit}`;
  const changed = text
    .replace("folder: documents", source)
    .replace("context: >-\n      ", "context: >-\n      Invented here. ");
  expect(changed).toContain("Invented here");
  await writeFile(leafFile(), changed);
  expect((await diff("--taxonomy-path", taxonomy)).stdout).toContain("0 errors, 0 warnings");
  const fetched = await diff("--taxonomy-path", taxonomy, "--documents");
  expect(fetched.stdout).toMatch(/warning: .*word for word: 'Invented here\.' \[context-not-in-document\]/);
  expect((await diff("--taxonomy-path", taxonomy)).stdout).toContain("[context-not-in-document]");
  expect((await diff("--taxonomy-path", taxonomy, "--strict")).exitCode).toBe(1);
});
