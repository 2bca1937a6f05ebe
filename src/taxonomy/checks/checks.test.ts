import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { validateLeaf } from "../validate-leaf.ts";
import { checkAttribution } from "./check-attribution.ts";

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "ilab-checks-"));
});
afterEach(async () => {
  await rm(root, { recursive: true, force: true });
});

/** Codes of the warnings about a skill whose first example is this; there must be no error. */
async function warnings(question: string, answer = "An answer", path = "compositional_skills/arts/thing") {
  const directory = join(root, path);
  await mkdir(directory, { recursive: true });
  const examples = [question, "Second", "Third", "Fourth", "Fifth"];
  const lines = examples.map(
    (text) => `  - question: ${JSON.stringify(text)}\n    answer: ${JSON.stringify(answer)}\n`,
  );
  const text = `version: 3\ncreated_by: me\ntask_description: Do it\nseed_examples:\n${lines.join("")}`;
  await writeFile(join(directory, "qna.yaml"), text);
  await writeFile(join(directory, "attribution.txt"), "License of the work: CC-BY-4.0\n");
  const { leaf, issues } = validateLeaf(join(directory, "qna.yaml"), { root });
  expect(leaf).toBeDefined();
  return [...new Set(issues.map(({ severity, code, line }) => `${severity} ${code} ${line}`))];
}

test.each([
  "Write to jane.doe@company.com please",
  "Call +49 30 1234567 now",
  "Call (212) 736-5000 now",
  "Pay to DE89 3704 0044 0532 0130 00 today",
  "Pay with 4111 1111 1111 1111 today",
])("personal data: %s", async (text) => {
  expect(await warnings(text)).toEqual(["warning personal-data 5"]);
});

test.each([
  "Write to jane@example.org please",
  "Call (212) 555-0123 now",
  "Pay to DE89 3704 0044 0532 0130 01 today",
  "Pay with 4111 1111 1111 1112 today",
  "Between 1482 and 1900, 3.14159265358979 of 100 000 000",
  "In 2024-01-01 10:00:00 the ratio was 12345678901234",
])("no personal data: %s", async (text) => {
  expect(await warnings(text)).toEqual([]);
});

test.each([
  ["the same question", "second?", "warning duplicate-seed 7"],
  ["nothing but blanks", "   ", "warning empty-text 5"],
])("%s", async (_, question, expected) => {
  expect(await warnings(question)).toEqual([expected]);
});

test("a question that differs by one word of many", async () => {
  const long = "Please tell me which of the two old harbour towns on the northern coast is larger";
  const directory = join(root, "compositional_skills", "x");
  await mkdir(directory, { recursive: true });
  const questions = [`${long} today`, `${long} now`, "Third", "Fourth", "Fifth"];
  const lines = questions.map((text) => `  - question: ${text}\n    answer: a\n`).join("");
  await writeFile(
    join(directory, "qna.yaml"),
    `version: 1\ncreated_by: me\ntask_description: t\nseed_examples:\n${lines}`,
  );
  const { issues } = validateLeaf(join(directory, "qna.yaml"));
  expect(issues).toMatchObject([{ code: "near-duplicate-seed", line: 7, column: 15, severity: "warning" }]);
});

test("too many words; names of folders", async () => {
  expect(await warnings("First", "word ".repeat(500).trim())).toEqual(["warning too-many-words 4"]);
  expect(await warnings("First", "a", "compositional_skills/my thing")).toEqual(["warning path-naming 1"]);
});

test.each([
  ["License of the work: CC-BY-SA-4.0", []],
  ["- License of the work: Creative Commons Attribution Share-Alike 4.0 (CC BY-SA 4.0)", []],
  ["Licence: Apache License 2.0", []],
  ["License of the work: MIT\nLicense of the work: GPL-3.0", ["licence-not-accepted 2"]],
  ["License of the work: CC BY-NC-SA 4.0", ["licence-not-accepted 1"]],
  ["License of the work:", ["licence-not-accepted 1"]],
  ["Title of work: X", ["licence-missing 1"]],
  [" \n", ["attribution-empty 1"]],
])("attribution %j", (text, expected) => {
  const found = checkAttribution({ text });
  expect(found.map(({ code, line }) => `${code} ${line}`)).toEqual(expected);
  expect(found.every(({ severity }) => severity === "warning")).toBe(true);
});
