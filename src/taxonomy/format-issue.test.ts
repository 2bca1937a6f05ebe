import { expect, test } from "vitest";
import type { Issue } from "../artifacts.ts";
import { automaticFormat, formatIssue } from "./format-issue.ts";

const issue: Issue = {
  file: "knowledge/a,b/qna.yaml",
  line: 3,
  column: 9,
  severity: "error",
  code: "wrong-type",
  path: "domain",
  message: "100% wrong: 'x'",
  hint: "Do this.",
};

test("text is file:line:column, as editors link it", () => {
  expect(formatIssue(issue, "text")).toBe(
    "knowledge/a,b/qna.yaml:3:9: error: 100% wrong: 'x' [wrong-type]\n    Do this.",
  );
  expect(formatIssue({ ...issue, hint: undefined, severity: "warning" }, "text")).toBe(
    "knowledge/a,b/qna.yaml:3:9: warning: 100% wrong: 'x' [wrong-type]",
  );
});

test("upstream's shapes", () => {
  expect(formatIssue(issue, "standard")).toBe(
    "ERROR: knowledge/a,b/qna.yaml:3:9 [.domain] 100% wrong: 'x' (wrong-type)",
  );
  expect(formatIssue({ ...issue, severity: "warning", path: "" }, "standard")).toBe(
    "WARN: knowledge/a,b/qna.yaml:3:9 100% wrong: 'x' (wrong-type)",
  );
  expect(formatIssue(issue, "logging")).toBe("knowledge/a,b/qna.yaml:3:9 [.domain] 100% wrong: 'x' (wrong-type)");
  expect(formatIssue({ ...issue, code: "missing-field", path: "" }, "logging")).toContain("qna.yaml:3:9 [.] 100%");
  const unknown = { ...issue, code: "unknown-field", message: "'a.b' is not a field of this file" };
  expect(formatIssue({ ...unknown, path: "a.b" }, "github")).toContain("::3:9 [.] 'a.b' is");
  expect(formatIssue({ ...unknown, path: "seed_examples[1].a.b" }, "standard")).toContain(
    " [.seed_examples[1]] 'a.b' is",
  );
  expect(JSON.parse(formatIssue(issue, "json"))).toEqual(issue);
});

test("a GitHub annotation escapes what would end it", () => {
  expect(formatIssue(issue, "github")).toBe(
    "::error file=knowledge/a%2Cb/qna.yaml,line=3,col=9::3:9 [.domain] 100%25 wrong: 'x' (wrong-type)%0ADo this.",
  );
});

test("the automatic shape is GitHub's where both of its variables are set", () => {
  expect(automaticFormat({})).toBe("text");
  expect(automaticFormat({ GITHUB_ACTIONS: "true" })).toBe("text");
  expect(automaticFormat({ GITHUB_ACTIONS: "true", GITHUB_WORKFLOW: "x" })).toBe("github");
});

test.each(["text", "standard", "github", "logging"] as const)(
  "what a file says cannot begin a line or colour the terminal (%s)",
  (format) => {
    const hostile = { ...issue, message: "a\n::add-mask::x\u001b[31m", file: "a\nb", hint: "c\rd" };
    const lines = formatIssue(hostile, format).split("\n");
    expect(lines.some((line) => line.startsWith("::add-mask"))).toBe(false);
    expect(formatIssue(hostile, format)).not.toContain("\r");
    expect(formatIssue(hostile, format)).not.toContain("\u001b");
  },
);
