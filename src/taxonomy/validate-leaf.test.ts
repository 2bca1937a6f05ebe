import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { MAX_YAML_BYTES } from "./read-text.ts";
import { validateLeaf } from "./validate-leaf.ts";

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "ilab-leaf-"));
});
afterEach(async () => {
  await rm(root, { recursive: true, force: true });
});

const pair = (n: string) => `      - question: What is ${n}?\n        answer: It is ${n}.\n`;
const knowledge = `version: 3
created_by: somebody
domain: geography
document_outline: A place
document:
  folder: documents
  patterns: ["*.md"]
seed_examples:
${[1, 2, 3, 4, 5].map((n) => `  - context: Passage ${n}.\n    questions_and_answers:\n${pair(`a${n}`)}${pair(`b${n}`)}${pair(`c${n}`)}`).join("")}`;
const skill = `version: 3
created_by: somebody
task_description: Do it
seed_examples:
${[1, 2, 3, 4, 5].map((n) => `  - question: Do ${n}\n    answer: Done ${n}\n`).join("")}`;

async function check(content: string | Uint8Array, kind: "knowledge" | "skill" = "knowledge", heldOut?: string) {
  const directory = join(root, kind === "knowledge" ? "knowledge" : "compositional_skills", "arts", "thing");
  await mkdir(join(directory, "documents"), { recursive: true });
  await writeFile(join(directory, "attribution.txt"), "Title of work: X\nLicense of the work: MIT\n");
  await writeFile(join(directory, "qna.yaml"), content);
  if (heldOut !== undefined) await writeFile(join(directory, "held_out.yaml"), heldOut);
  return validateLeaf(join(directory, "qna.yaml"), { root });
}

describe("a good leaf", () => {
  test("knowledge with a folder and held-out questions", async () => {
    const { leaf, issues } = await check(knowledge, "knowledge", "- question: How old?\n  answer: 1482\n");
    expect(issues).toEqual([]);
    expect(leaf).toMatchObject({
      taxonomyPath: "knowledge->arts->thing",
      name: "knowledge_arts_thing",
      kind: "knowledge",
      createdBy: "somebody",
      domain: "geography",
      documentOutline: "A place",
      document: { folder: "documents", patterns: ["*.md"] },
      // Everything in held_out.yaml is text: a year needs no quotes.
      heldOut: [{ question: "How old?", answer: "1482" }],
    });
    expect(leaf?.seedExamples).toHaveLength(5);
    expect(leaf?.seedExamples[1]).toEqual({
      context: "Passage 2.",
      pairs: ["a2", "b2", "c2"].map((n) => ({ question: `What is ${n}?`, answer: `It is ${n}.` })),
    });
  });

  test("skills are grounded when every example has a context", async () => {
    const freeform = await check(skill, "skill");
    expect(freeform.leaf).toMatchObject({ kind: "freeform_skill", taskDescription: "Do it" });
    expect(freeform.leaf?.seedExamples[0]).toEqual({ pairs: [{ question: "Do 1", answer: "Done 1" }] });
    const grounded = await check(skill.replaceAll("  - question", "  - context: Text\n    question"), "skill");
    expect(grounded.leaf?.kind).toBe("grounded_skill");
    expect(grounded.leaf?.seedExamples[0]?.context).toBe("Text");
  });

  test.each([
    ["document: {repo: https://example.org/x.git, commit: abc1234, patterns: [a/*.md]}", "a git repository"],
    ["document: {repo: ../docs, commit: main, patterns: ['**/*.md', b.md]}", "a path and a branch"],
  ])("%s (%s)", async (document) => {
    const { issues, leaf } = await check(knowledge.replace(/document:\n.*\n.*\n/, `${document}\n`));
    expect(issues).toEqual([]);
    expect(leaf?.document).toHaveProperty("repo");
  });

  test("YAML as it is written elsewhere: anchors, merges, y, a byte order mark, Windows lines", async () => {
    const content = skill
      .replace("created_by: somebody", "created_by: &me y")
      .replace("Done 1", "*me")
      .replaceAll("\n", "\r\n");
    const { issues, leaf } = await check(`\uFEFF${content}`, "skill");
    expect(issues).toEqual([]);
    expect(leaf?.createdBy).toBe("y");
    expect(leaf?.seedExamples[0]?.pairs[0]?.answer).toBe("y");
  });
});

/** `edit` makes the good file bad in one way; the finding must say so at that place and offer a way out. */
describe("a bad file", () => {
  const replace = (from: string | RegExp, to: string) => (text: string) => {
    const result = text.replace(from, to);
    if (result === text) throw new Error("the edit changed nothing");
    return result;
  };
  test.each<[string, (text: string) => string, { code: string; line: number; column: number; path?: string }]>([
    ["missing field", replace("domain: geography\n", ""), { code: "missing-field", line: 1, column: 1, path: "" }],
    [
      "missing answer",
      replace("        answer: It is b1.\n", ""),
      { code: "missing-field", line: 13, column: 9, path: "seed_examples[0].questions_and_answers[1]" },
    ],
    [
      "missing version",
      replace("version: 3\n", ""),
      { code: "deprecated-version", line: 1, column: 1, path: "version" },
    ],
    ["version 1", replace("version: 3", "version: 1"), { code: "deprecated-version", line: 1, column: 10 }],
    ["version 2", replace("version: 3", "version: 2"), { code: "deprecated-version", line: 1, column: 10 }],
    ["version 4", replace("version: 3", "version: 4"), { code: "unsupported-version", line: 1, column: 10 }],
    ["version as text", replace("version: 3", 'version: "3"'), { code: "wrong-type", line: 1, column: 10 }],
    ["yes", replace("It is a1.", "yes"), { code: "wrong-type", line: 12, column: 17 }],
    ["off", replace("domain: geography", "domain: off"), { code: "wrong-type", line: 3, column: 9, path: "domain" }],
    ["date", replace("It is a1.", "2024-01-01"), { code: "wrong-type", line: 12, column: 17 }],
    ["1:30", replace("It is a1.", "1:30"), { code: "wrong-type", line: 12, column: 17 }],
    ["number", replace("Passage 2.", "1482"), { code: "wrong-type", line: 17, column: 14 }],
    ["list for text", replace("domain: geography", "domain: [a]"), { code: "wrong-type", line: 3, column: 1 }],
    [
      "text for a list",
      replace(/seed_examples:[\s\S]*/, "seed_examples: none\n"),
      { code: "wrong-type", line: 8, column: 16 },
    ],
    ["no value", replace("domain: geography", "domain:"), { code: "missing-value", line: 3, column: 1 }],
    ["empty text", replace("domain: geography", 'domain: ""'), { code: "empty-text", line: 3, column: 9 }],
    [
      "unknown field",
      replace("domain:", "colour: red\ndomain:"),
      { code: "unknown-field", line: 3, column: 1, path: "colour" },
    ],
    [
      "unknown field of an example",
      replace("  - context: Passage 2.", "  - context: Passage 2.\n    extra: x"),
      { code: "unknown-field", line: 18, column: 5, path: "seed_examples[1].extra" },
    ],
    [
      "too few pairs",
      replace(pair("c1"), ""),
      { code: "too-few-items", line: 10, column: 5, path: "seed_examples[0].questions_and_answers" },
    ],
    ["too few examples", replace(/ {2}- context: Passage 5[\s\S]*/, ""), { code: "too-few-items", line: 8, column: 1 }],
    [
      "the same pair twice",
      replace(pair("c1"), pair("a1")),
      { code: "duplicate-item", line: 15, column: 9, path: "seed_examples[0].questions_and_answers[2]" },
    ],
    ["duplicate key", (text) => `${text}domain: twice\n`, { code: "key-duplicates", line: 49, column: 1 }],
    ["tab", replace("  folder:", "\tfolder:"), { code: "tab-indentation", line: 6, column: 1 }],
    ["open quote", replace("domain: geography", "domain: 'geography"), { code: "yaml-syntax", line: 3, column: 9 }],
    ["colon in text", replace("domain: geography", "domain: a: b"), { code: "yaml-syntax", line: 3, column: 10 }],
    ["star", replace('["*.md"]', "\n    - *.md"), { code: "yaml-syntax", line: 8, column: 7 }],
    ["alias", replace("domain: geography", "domain: *x"), { code: "unknown-alias", line: 3, column: 9 }],
    ["tag", replace("domain: geography", "domain: !thing x"), { code: "yaml-tag", line: 3, column: 9 }],
    ["two documents", (text) => `${text}---\na: b\n`, { code: "multiple-documents", line: 49, column: 1 }],
    ["a list", () => "- a\n", { code: "not-a-mapping", line: 1, column: 1 }],
    ["a word", () => "hello\n", { code: "not-a-mapping", line: 1, column: 1 }],
    ["a date", () => "2024-01-01\n", { code: "not-a-mapping", line: 1, column: 1 }],
    ["pattern leaving", replace("*.md", "../*.md"), { code: "unsafe-pattern", line: 7, column: 14 }],
    ["absolute pattern", replace("*.md", "/etc/*"), { code: "unsafe-pattern", line: 7, column: 14 }],
    [
      "folder leaving",
      replace("folder: documents", "folder: ../thing/documents"),
      { code: "folder-outside", line: 6, column: 11 },
    ],
    ["no folder", replace("folder: documents", "folder: papers"), { code: "folder-not-found", line: 6, column: 11 }],
    ["folder and repo", replace("  folder:", "  repo: x\n  folder:"), { code: "unknown-field", line: 6, column: 3 }],
    [
      "commit that is a number",
      replace(/document:\n.*\n/, "document:\n  repo: https://example.org/x\n  commit: 1234567\n"),
      { code: "wrong-type", line: 7, column: 11, path: "document.commit" },
    ],
  ])("%s", async (_, edit, expected) => {
    const { leaf, issues } = await check(edit(knowledge));
    expect(leaf).toBeUndefined();
    expect(issues[0]).toMatchObject({ severity: "error", ...expected });
    expect(issues[0]?.file).toMatch(/qna\.yaml$/);
    expect(issues[0]?.message).not.toBe("");
    expect(issues[0]?.hint).not.toBe("");
  });

  test("a trap's hint shows what to write", async () => {
    const { issues } = await check(knowledge.replace("It is a1.", "1:30"));
    expect(issues).toHaveLength(1);
    expect(issues[0]?.hint).toContain('"1:30"');
    expect(issues[0]?.message).toContain("90");
  });

  test.each<[string, (text: string) => string, object[]]>([
    ["empty", () => "", [{ code: "empty-file", line: 1, column: 1 }]],
    ["comment only", () => "# nothing\n", [{ code: "empty-file" }]],
    ["an empty list", () => "[]\n", [{ code: "empty-file" }]],
  ])("%s is a warning, and no leaf", async (_, edit, expected) => {
    const { leaf, issues } = await check(edit(knowledge));
    expect(leaf).toBeUndefined();
    expect(issues).toMatchObject(expected.map((one) => ({ severity: "warning", ...one })));
  });

  test.each([
    ["--upload-pack=x", "-x", ["unsafe-repository 6:9", "unsafe-commit 7:11"]],
    ["ext::sh -c x", "main", ["unsafe-repository 6:9"]],
  ])("repository %s at %s is a warning: whoever fetches it refuses", async (repo, commit, expected) => {
    const { leaf, issues } = await check(
      knowledge.replace(/document:\n.*\n/, `document:\n  repo: ${repo}\n  commit: ${commit}\n`),
    );
    expect(leaf).toBeDefined();
    expect(issues.map(({ code, line, column }) => `${code} ${line}:${column}`)).toEqual(expected);
    expect(new Set(issues.map(({ severity }) => severity))).toEqual(new Set(["warning"]));
  });

  test("mixed contexts in a skill, at the first example that has none", async () => {
    const { issues } = await check(skill.replace("  - question: Do 1", "  - context: C\n    question: Do 1"), "skill");
    expect(issues).toMatchObject([
      { code: "mixed-contexts", severity: "warning", line: 8, column: 5, path: "seed_examples[1]" },
    ]);
  });

  test("an unknown field inside a pair is a warning, as files of others have it", async () => {
    const { leaf, issues } = await check(knowledge.replace("answer: It is a1.", "answer: It is a1.\n        note: x"));
    expect(issues).toMatchObject([{ code: "unknown-field", severity: "warning", line: 13, column: 9 }]);
    expect(leaf).toBeDefined();
  });

  test("not UTF-8, at the line", async () => {
    const { issues } = await check(Buffer.concat([Buffer.from("version: 3\n"), Buffer.from([0x61, 0xe9, 0x0a])]));
    expect(issues).toMatchObject([{ code: "not-utf-8", line: 2 }]);
  });

  test("too large, an alias bomb, endless nesting, endless lists: refused quickly", async () => {
    const start = performance.now();
    expect((await check("a".repeat(MAX_YAML_BYTES + 1))).issues).toMatchObject([{ code: "file-too-large" }]);
    let bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n";
    for (let i = 1; i < 10; i++)
      bomb += `a${i}: &a${i} [${Array(9)
        .fill(`*a${i - 1}`)
        .join(", ")}]\n`;
    expect((await check(bomb)).issues).toMatchObject([{ code: "too-many-aliases" }]);
    expect((await check("[".repeat(100_000))).issues).toMatchObject([{ code: "nested-too-deeply" }]);
    expect((await check("- ".repeat(100_000))).issues).toMatchObject([{ code: "nested-too-deeply" }]);
    const many = `version: 3\nseed_examples:\n${"  - {}\n".repeat(60_000)}`;
    expect((await check(many)).issues).toMatchObject([{ code: "too-many-items", line: 2 }]);
    const wrong = await check(`version: 3\n${Array.from({ length: 2000 }, (_, i) => `k${i}: 1\n`).join("")}`);
    expect(wrong.issues.length).toBeLessThan(10);
    expect(performance.now() - start).toBeLessThan(5000);
  });

  test("not there, a directory, a link, another name", async () => {
    const at = async (name: string) => validateLeaf(join(root, name)).issues;
    expect(await at("qna.yaml")).toMatchObject([{ code: "file-not-found" }]);
    await mkdir(join(root, "d", "qna.yaml"), { recursive: true });
    expect(await at("d/qna.yaml")).toMatchObject([{ code: "not-a-file" }]);
    await writeFile(join(root, "qna.yml"), skill);
    expect(await at("qna.yml")).toMatchObject([{ code: "wrong-file-name" }]);
    await symlink(join(root, "qna.yml"), join(root, "qna.yaml"));
    expect(await at("qna.yaml")).toMatchObject([{ code: "not-a-file" }]);
  });

  test("a folder behind a link that leaves the leaf", async () => {
    const directory = join(root, "knowledge", "arts", "thing");
    await mkdir(directory, { recursive: true });
    await symlink(tmpdir(), join(directory, "papers"));
    const { issues } = await check(knowledge.replace("folder: documents", "folder: papers"));
    expect(issues).toMatchObject([{ code: "folder-outside" }]);
  });
});

describe("held_out.yaml", () => {
  test.each<[string, string, { code: string; line: number; column: number }]>([
    [
      "a seed question",
      "- question: ' what is  A3 '\n  answer: x\n",
      { code: "held-out-is-seed", line: 1, column: 13 },
    ],
    [
      "a question twice",
      "- question: Q\n  answer: a\n- question: q?\n  answer: b\n",
      { code: "duplicate-item", line: 3, column: 13 },
    ],
    ["no answer", "- question: Q\n", { code: "missing-field", line: 1, column: 3 }],
    ["an empty answer", "- question: Q\n  answer:\n", { code: "empty-text", line: 2, column: 3 }],
    ["another field", "- question: Q\n  answer: a\n  anwser: b\n", { code: "unknown-field", line: 3, column: 3 }],
    ["a mapping", "question: Q\nanswer: a\n", { code: "wrong-type", line: 1, column: 1 }],
    ["an empty list", "[]\n", { code: "too-few-items", line: 1, column: 1 }],
    ["an empty file", "", { code: "empty-file", line: 1, column: 1 }],
    ["a tab", "- question: Q\n\tanswer: a\n", { code: "tab-indentation", line: 2, column: 1 }],
    ["a nested answer", "- question: Q\n  answer: [a]\n", { code: "wrong-type", line: 2, column: 3 }],
  ])("%s", async (_, heldOut, expected) => {
    const { leaf, issues } = await check(knowledge, "knowledge", heldOut);
    expect(leaf).toBeUndefined();
    expect(issues).toMatchObject([{ severity: "error", ...expected }]);
    expect(issues[0]?.file).toMatch(/held_out\.yaml$/);
  });

  test("yes, dates and times are what is written", async () => {
    const answers = ["yes", "2024-01-01", "1:30", "007", "~", "1e3"];
    const heldOut = answers.map((answer, n) => `- question: Q${n}\n  answer: ${answer}\n`).join("");
    const { leaf } = await check(knowledge, "knowledge", heldOut);
    expect(leaf?.heldOut.map(({ answer }) => answer)).toEqual(answers);
  });
});

test("without a root, the last taxonomy folder on the way decides; outside of any, the content does", async () => {
  const file = join(root, "knowledge", "x", "compositional_skills", "y", "qna.yaml");
  await mkdir(join(file, ".."), { recursive: true });
  await writeFile(file, skill);
  expect(validateLeaf(file).leaf?.taxonomyPath).toBe("compositional_skills->y");
  const lone = join(root, "lone", "qna.yaml");
  await mkdir(join(root, "lone", "documents"), { recursive: true });
  await writeFile(lone, knowledge);
  expect(validateLeaf(lone).leaf).toMatchObject({ taxonomyPath: "knowledge->lone", kind: "knowledge" });
});
