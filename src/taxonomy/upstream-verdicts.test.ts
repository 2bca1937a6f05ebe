/** The verdicts of the original parser (golden/make-upstream-verdicts.py) on small files: as many errors, and the same places in the rules of form. */
import { readFileSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { lintRules } from "./lint/rules.ts";
import { validateLeaf } from "./validate-leaf.ts";

interface Verdict {
  folder: string;
  text: string;
  errors: number;
  warnings: number;
  isUnreadable?: boolean;
  /** Line, column, rule. */
  lint: [number, number, string][];
}

const verdicts = readFileSync(new URL("./golden/upstream-verdicts.jsonl", import.meta.url), "utf8")
  .trimEnd()
  .split("\n")
  .map((line) => JSON.parse(line) as Verdict);

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "ilab-verdicts-"));
  for (const folder of ["compositional_skills", "knowledge", "elsewhere"])
    await mkdir(join(root, folder, "leaf"), { recursive: true });
});
afterAll(async () => {
  await rm(root, { recursive: true, force: true });
});

async function check({ folder, text }: Verdict) {
  const file = join(root, folder, "leaf", "qna.yaml");
  await writeFile(file, text);
  return validateLeaf(file);
}

describe("the original's verdicts", () => {
  test("there are enough of them, good and bad", () => {
    expect(verdicts.length).toBeGreaterThan(350);
    expect(verdicts.filter(({ errors }) => errors === 0).length).toBeGreaterThan(50);
    expect(verdicts.filter(({ isUnreadable }) => isUnreadable).length).toBeGreaterThan(50);
  });

  test("as many errors in every file, and a leaf where there are none", async () => {
    for (const verdict of verdicts) {
      const { issues, leaf } = await check(verdict);
      const errors = issues.filter(({ severity }) => severity === "error");
      expect(errors, `${verdict.text}\n${JSON.stringify(errors, null, 1)}`).toHaveLength(verdict.errors);
      // An empty file is a warning there and here.
      const isEmpty = issues.some(({ code }) => code === "empty-file");
      expect(isEmpty, verdict.text).toBe(verdict.warnings > 0);
      expect(leaf !== undefined, verdict.text).toBe(verdict.errors === 0 && !isEmpty);
    }
  });

  test("the rules of form find the same at the same places", async () => {
    for (const verdict of verdicts) {
      const { issues } = await check(verdict);
      const found = issues.flatMap(({ code, line, column }) =>
        lintRules[code] === undefined ? [] : [`${line}:${column} ${code}`],
      );
      expect(found.sort(), verdict.text).toEqual(verdict.lint.map((one) => `${one[0]}:${one[1]} ${one[2]}`).sort());
    }
  });
});
