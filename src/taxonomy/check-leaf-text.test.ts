import { describe, expect, test } from "vitest";
import { checkLeafText } from "./check-leaf-text.ts";

const examples = [0, 1, 2, 3, 4].map((n) => `  - question: q${n}\n    answer: a${n}\n`).join("");
const skill = `version: 3\ncreated_by: me\ntask_description: Do it\nseed_examples:\n${examples}`;
const times = (count: number, make: (n: number) => string) => Array.from({ length: count }, (_, n) => make(n)).join("");

describe("the largest files take less than a second", () => {
  test.each<[string, string]>([
    ["unknown names", times(50_000, (n) => `k${n}: v\n`)],
    ["names that refer to an anchor", `a: &a x\n${times(40_000, (n) => `k${n}: *a\n`)}`],
    ["unknown names on one line", `x: {${times(50_000, (n) => `k${n}: v, `)}}\n`],
    ["unknown names with emoji on one line", `x: {${times(30_000, (n) => `\u{1f600}${n}: v, `)}}\n`],
  ])("%s", (_, text) => {
    const start = performance.now();
    const { problems } = checkLeafText(skill + text, { folder: "compositional_skills" });
    // As long as a busy machine may need; what grows with the square of the size takes far longer.
    expect(performance.now() - start).toBeLessThan(5000);
    expect(problems).not.toEqual([]);
  });
});

test("of many unknown names the first ones are told", () => {
  const { problems } = checkLeafText(skill + times(50, (n) => `k${n}: v\n`), { folder: "compositional_skills" });
  expect(problems).toHaveLength(1);
  expect(problems[0]?.message).toMatch(
    /^'k0' is not a field.*; nor is 'k1' \(line 16\), .*'k10' \(line 25\), 39 more$/,
  );
});
