/** `ilab taxonomy new`, `fix` and `diff` as they are run, one after the other. */
import { execFile, execFileSync, spawn } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { packageRoot } from "../../src/util/assets.ts";

let home: string;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), "ilab-taxonomy-e2e-"));
});
afterAll(async () => {
  await rm(home, { recursive: true, force: true });
});

function ilab(...args: string[]): Promise<{ exitCode: number; stdout: string; stderr: string }> {
  const env = { PATH: process.env["PATH"], HOME: home };
  const command = [join(packageRoot, "dist", "cli", "main.js"), "taxonomy", ...args];
  return new Promise((done) => {
    execFile(process.execPath, command, { env, cwd: home }, (error, stdout, stderr) => {
      done({ exitCode: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}

const leaf = "compositional_skills/arts/haiku";
const flags = ["--taxonomy-path", "tree", "--created-by", "me", "--task-description", "Write: a haiku"];
const examples = ["Q: 1?", "yes", "*.md", "two\nlines\n", 'it\'s "quoted" '];

test("a leaf from flags is valid, says what was given, and is not overwritten", async () => {
  const list = examples.map((question, n) => ({ question, answer: `Answer ${n}` }));
  await writeFile(join(home, "examples.json"), JSON.stringify(list));
  const made = await ilab("new", leaf, ...flags, "--examples", "examples.json", "--licence", "MIT", "--json");
  expect(made).toMatchObject({ exitCode: 0, stderr: "" });
  const { file } = JSON.parse(made.stdout) as { file: string };
  expect(await readFile(join(file, "..", "attribution.txt"), "utf8")).toContain("License of the work: MIT\n");
  const checked = await ilab("diff", "--taxonomy-path", "tree", "--strict", "--json");
  expect(JSON.parse(checked.stdout)).toMatchObject({ issues: [], leaves: [{ seedExamples: 5 }] });
  const again = await ilab("new", leaf, ...flags, "--examples", "examples.json");
  expect(again).toMatchObject({ exitCode: 1, stderr: expect.stringContaining("exists already") });
});

test.each([
  [["new", "elsewhere/x", ...flags, "--examples", "examples.json"], 2, "is no path of a leaf"],
  [["new", "knowledge/../x", ...flags, "--examples", "examples.json"], 2, "is no path of a leaf"],
  [["new", `${leaf}2`, ...flags], 2, "--examples"],
  [["new", "knowledge/x", ...flags, "--examples", "examples.json"], 1, "'domain' is missing"],
  [["diff", "--taxonomy-path", "tree", "--yaml-rules", "nowhere.yaml"], 2, "nowhere.yaml"],
  [["diff", "--taxonomy-path", "tree", "--format", "xml"], 2, "no format 'xml'"],
  [["diff", "--taxonomy-path", "nowhere", "--taxonomy-base", "empty"], 2, "does not exist"],
])("%j ends in status %i", async (args, exitCode, words) => {
  expect(await ilab(...args)).toMatchObject({ exitCode, stderr: expect.stringContaining(words) });
});

test("fix shows and mends; diff finds nothing then; rules and shapes are heeded", async () => {
  const directory = join(home, "messy", "compositional_skills", "x");
  await mkdir(directory, { recursive: true });
  const pairs = ["a", "b", "c", "d", "e"].map((word) => `-   question:  ${word}\r\n    answer: no \r\n`).join("");
  const file = join(directory, "qna.yaml");
  const messy = `created_by: me\r\nversion: 2\r\ntask_description: t\r\nseed_examples:\r\n${pairs}`;
  await writeFile(file, messy);
  const target = ["--taxonomy-path", "messy"];
  const found = await ilab("diff", ...target, "--format", "standard");
  expect(found.exitCode).toBe(1);
  expect(found.stdout).toContain("ERROR: messy/compositional_skills/x/qna.yaml:6:15 trailing spaces (trailing-spaces)");
  expect(found.stdout).toContain(":6:13 [.seed_examples[0].answer] ");
  const shown = await ilab("fix", ...target, "--dry-run");
  expect(shown.stdout).toContain('6 +   answer: "no"');
  expect(await readFile(file, "utf8")).toBe(messy);
  expect(await ilab("fix", ...target)).toMatchObject({
    exitCode: 0,
    stdout: expect.stringContaining("1 of 1 leaves mended"),
  });
  expect(await readFile(file, "utf8")).toContain("version: 3\n");
  const mended = await ilab("diff", ...target);
  expect(mended).toMatchObject({ exitCode: 0, stdout: expect.stringContaining("0 errors, 1 warning") });
  expect(mended.stdout).toContain("[attribution-missing]");
  expect((await ilab("diff", ...target, "--strict", "--quiet")).exitCode).toBe(1);
  await writeFile(
    join(home, "rules.yaml"),
    "extends: default\nrules: {line-length: {max: 10, allow-non-breakable-words: false}, document-start: disable}\n",
  );
  const long = await ilab("diff", ...target, "--yaml-rules", "rules.yaml", "--format", "json");
  expect(long.exitCode).toBe(1);
  const first = JSON.parse(long.stdout.split("\n")[0]!) as object;
  expect(first).toMatchObject({ code: "line-length", severity: "error", line: 1, column: 11 });
});

/** Types into the program as a person does: each answer once its question is there. `script` (util-linux) gives it a terminal. */
async function inTerminal(
  args: string,
  dialogue: readonly (readonly [question: string, answer: string])[],
): Promise<string> {
  const program = `${process.execPath} ${join(packageRoot, "dist", "cli", "main.js")} taxonomy ${args}`;
  const child = spawn("script", ["-qec", `stty cols 120 rows 50; ${program}`, "/dev/null"], {
    env: { PATH: process.env["PATH"], HOME: home, TERM: "xterm", NO_COLOR: "1" },
    cwd: home,
  });
  let screen = "";
  let seen = 0;
  child.stdout.on("data", (piece) => {
    screen += piece;
  });
  const ended = new Promise((resolve) => child.once("close", resolve));
  for (const [question, answer] of dialogue) {
    const deadline = Date.now() + 10_000;
    while (screen.indexOf(question, seen) < 0) {
      if (Date.now() > deadline) throw new Error(`no '${question}' in: ${screen.slice(seen)}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    seen = screen.length;
    child.stdin.write(answer);
  }
  await ended;
  return screen;
}

const hasScript = (() => {
  try {
    return execFileSync("script", ["--version"]).includes("util-linux");
  } catch {
    return false;
  }
})();

test.runIf(hasScript)(
  "new asks in a terminal, refuses what cannot be at once, and keeps answers when it is left",
  async () => {
    const enter = "\r";
    const beginning = [
      ["What shall the model learn?", `j${enter}`],
      ["Where in the taxonomy?", `two words${enter}`],
      ["is no path of a leaf", `${"\x7f".repeat(9)}arts/limerick${enter}`],
      ["Your name", `me${enter}`],
      ["Title of the work", `Limericks${enter}`],
      ["Where is it?", `https://example.org${enter}`],
      ["What shall the model be able to do?", `Write a limerick${enter}`],
      ["have a text to answer from?", enter],
    ] as const;
    const pair = (number: number) =>
      [
        [`Example ${number} of 5: question`, `About ${number}?${enter}`],
        [`Example ${number} of 5: answer`, `There was ${number}.${enter}`],
      ] as const;
    const left = await inTerminal("new --taxonomy-path asked", [
      ...beginning,
      ...pair(1),
      ["Example 2 of 5: question", `About 1?${enter}`],
      ["You asked that already", "\x03"],
    ]);
    // Beside an examples.json of an earlier test another name is taken.
    const kept = /(\S+examples(?:-\d+)?\.json)/.exec(left)?.[1] ?? left;
    expect(JSON.parse(await readFile(kept, "utf8"))).toEqual([{ question: "About 1?", answer: "There was 1." }]);
    const whole = await inTerminal("new --taxonomy-path asked", [...beginning, ...[1, 2, 3, 4, 5].flatMap(pair)]);
    expect(whole).toContain("wrote ");
    const checked = await ilab("diff", "--taxonomy-path", "asked", "--taxonomy-base", "empty");
    expect(checked).toMatchObject({ exitCode: 0 });
  },
);
