import { expect, test } from "vitest";
import type { Issue } from "../artifacts.ts";
import { formatIssue } from "./format-issue.ts";

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

test("a GitHub annotation escapes what would end it", () => {
  expect(formatIssue(issue, "github")).toBe(
    "::error file=knowledge/a%2Cb/qna.yaml,line=3,col=9,title=wrong-type::100%25 wrong: 'x'%0ADo this.",
  );
});

test.each(["text", "github"] as const)("what a file says cannot begin a line or colour the terminal (%s)", (format) => {
  const hostile = { ...issue, message: "a\n::add-mask::x\u001b[31m", file: "a\nb", hint: "c\rd" };
  const lines = formatIssue(hostile, format).split("\n");
  expect(lines.some((line) => line.startsWith("::add-mask"))).toBe(false);
  expect(formatIssue(hostile, format)).not.toContain("\r");
  expect(formatIssue(hostile, format)).not.toContain("\u001b");
});
