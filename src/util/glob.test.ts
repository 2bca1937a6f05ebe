import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { matchesPattern, patternProblem } from "./glob.ts";

const files = [
  "a.md",
  "b.MD",
  "ab.md",
  "a b.md",
  "[x].md",
  "-.md",
  ".hidden.md",
  "docs/c.md",
  "docs/deep/er/d.md",
  "docs/.git/e.md",
  "docs/f.txt",
  "é.md",
];

/** What Python 3's `glob.glob(pattern, recursive=True)` finds among these files, which is what taxonomies were written for. */
const cases: [string, string[]][] = [
  ["*.md", ["-.md", "[x].md", "a b.md", "a.md", "ab.md", "é.md"]],
  ["?.md", ["-.md", "a.md", "é.md"]],
  ["[ab].md", ["a.md"]],
  ["[!a].md", ["-.md", "é.md"]],
  ["[a-c].[mM][dD]", ["a.md", "b.MD"]],
  ["[[]x].md", ["[x].md"]],
  ["[-a].md", ["-.md", "a.md"]],
  [".*.md", [".hidden.md"]],
  ["docs/*.md", ["docs/c.md"]],
  ["docs/**/*.md", ["docs/c.md", "docs/deep/er/d.md"]],
  ["**/*.md", ["-.md", "[x].md", "a b.md", "a.md", "ab.md", "docs/c.md", "docs/deep/er/d.md", "é.md"]],
  ["**/er/*", ["docs/deep/er/d.md"]],
  ["docs/**", ["docs/c.md", "docs/deep/er/d.md", "docs/f.txt"]],
  ["./a.md", ["a.md"]],
  ["*/*/*/*", ["docs/deep/er/d.md"]],
  ["*a*b*", ["a b.md", "ab.md"]],
  ["docs", []],
  ["A.md", []],
];

describe("matchesPattern", () => {
  test.each(cases)("%s", (pattern, expected) => {
    expect(files.filter((file) => matchesPattern(pattern, file)).sort()).toEqual([...expected].sort());
  });

  test("agrees with Python where there is one", ({ skip }) => {
    const root = mkdtempSync(join(tmpdir(), "ilab-glob-"));
    try {
      for (const file of files) {
        mkdirSync(dirname(join(root, file)), { recursive: true });
        writeFileSync(join(root, file), "");
      }
      const script =
        "import glob,json,os,sys\nos.chdir(sys.argv[1])\n" +
        "print(json.dumps([sorted(os.path.normpath(f) for f in glob.glob(p,recursive=True) if os.path.isfile(f)) for p in json.loads(sys.argv[2])]))";
      let output: string;
      try {
        const patterns = cases.map(([pattern]) => pattern);
        output = execFileSync("python3", ["-c", script, root, JSON.stringify(patterns)], { encoding: "utf8" });
      } catch {
        return skip("python3 is not there");
      }
      const expected = cases.map(([, matched]) => [...matched].sort());
      expect(JSON.parse(output).map((list: string[]) => list.sort())).toEqual(expected);
    } finally {
      rmSync(root, { recursive: true, force: true });
    }
  });

  test("takes no longer for hostile patterns", () => {
    const start = performance.now();
    expect(matchesPattern(`${"*a".repeat(200)}b`, "a".repeat(250))).toBe(false);
    expect(matchesPattern(`${"**/a/".repeat(80)}b`, "a/".repeat(400))).toBe(false);
    expect(performance.now() - start).toBeLessThan(1000);
  });
});

test.each(["", " ", "/etc/*", "../x", "a/../../x", "a\\..\\x", "C:\\x", "~/x", "..", "x".repeat(501), "a\0b"])(
  "refuses %j",
  (pattern) => {
    expect(patternProblem(pattern)).toBeDefined();
  },
);

test.each(["*.md", "docs/**/*.md", "a..b.md", "..a/b", "[!.]*"])("allows %s", (pattern) => {
  expect(patternProblem(pattern)).toBeUndefined();
});
