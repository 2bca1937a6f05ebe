import { expect, test } from "vitest";
import { checkLeafText } from "../check-leaf-text.ts";
import { parseYaml } from "../parse-yaml.ts";
import { fixLeafText } from "./fix-leaf-text.ts";
import { lineDiff } from "./line-diff.ts";

const messy = `# who wrote it\r
created_by: a\r
task_description: b  \r
\r
\r
\r
\r
seed_examples:\r
    -   question: yes  # a trap\r
        answer :  1482\r
    # the second\r
    -   question: |\r
            some\r
              text\r
        answer: [a]\r
`;

const skill = (answer: string) =>
  `version: 3\ncreated_by: a\ntask_description: b\nseed_examples:\n${["c", "d", "e", "f", "g"].map((word, n) => `  - question: ${word}\n    answer: ${n === 0 ? answer : "x"}\n`).join("")}`;

test("mends form and version, keeps comments and what is said", () => {
  const rest = ["c", "d", "e"].map((word) => `    -   {question: ${word},answer: x }\r\n`).join("");
  const { text, steps } = fixLeafText(messy.replace("[a]", "x") + rest, "compositional_skills");
  expect(text).toBe(
    `# who wrote it
version: 3
created_by: a
task_description: b



seed_examples:
  - question: "yes"  # a trap
    answer: "1482"
  # the second
  - question: |
        some
          text
    answer: x
  - {question: c, answer: x }
  - {question: d, answer: x }
  - {question: e, answer: x }
`.replace("\n\n\n\n", "\n\n\n"),
  );
  expect(checkLeafText(text).problems).toEqual([]);
  expect(steps).toContain("version");
  expect(fixLeafText(text, "compositional_skills")).toEqual({ text, steps: [] });
});

test("the version stays where the file is not what version 3 wants", () => {
  const { text } = fixLeafText(messy, "compositional_skills");
  expect(text).not.toContain("version: 3");
  expect((parseYaml(text).yaml!.value as { seed_examples: unknown[] }).seed_examples[1]).toEqual({
    question: "some\n  text\n",
    answer: ["a"],
  });
});

test("tabs at the beginning of lines; what nobody can read is left alone", () => {
  expect(fixLeafText("a:\n\tb: 1\n", "knowledge").text).toBe("a:\n  b: 1\n");
  expect(fixLeafText("a: 'b\n", "knowledge")).toEqual({ text: "a: 'b\n", steps: [] });
});

test("the other breaks of YAML end no line: what stands before them stays", () => {
  const text = skill('"a \u2028 b"');
  expect(fixLeafText(text, "compositional_skills")).toEqual({ text, steps: [] });
});

test("what stays unreadable is not changed by halves", () => {
  const text = "a: b \nc: 'd\n\n\n\n\n";
  expect(fixLeafText(text, "compositional_skills")).toEqual({ text, steps: [] });
});

test.each(["0\n", "no\n", "!!set {}\n", "!!set {a}\n", "!!str {=: a}\n", "&a [*a]\n", "- 1\n"])(
  "%j is no leaf and stays",
  (text) => {
    expect(fixLeafText(text, "compositional_skills")).toEqual({ text, steps: [] });
  },
);

test("further lines of a text in brackets move along with the line of the bracket, once", () => {
  const { text } = fixLeafText("a:\n    b: [\n        'c\n        d']\n", "knowledge");
  expect(text).toBe("a:\n  b: [\n    'c\n      d']\n");
  expect(fixLeafText(text, "knowledge").steps).toEqual([]);
});

test("inside of texts, blanks at the ends of lines and more than two blank lines go, as the rules of form want it", () => {
  const { text } = fixLeafText(skill("|\n      a  \n\n\n\n\n      b"), "compositional_skills");
  expect(text).toBe(skill("|\n      a\n\n\n      b"));
});

test.each<[string, string]>([
  ["a run of blanks inside a line", `x: a${" ".repeat(400_000)}b\n`],
  ["numbers on one line", `x: [${"1, ".repeat(150_000)}1]\n`],
  ["emoji and numbers on one line", `x: [\u{1f600}, ${"1, ".repeat(150_000)}1]\n`],
  ["blanks to be moved on one line", `x: {${"a : b,".repeat(70_000)}a: b}\n`],
  ["comments between entries", Array.from({ length: 40_000 }, (_, n) => `k${n}: 1\n# c\n`).join("")],
  ["tabs before entries", `x:\n${Array.from({ length: 50_000 }, (_, n) => `\tk${n}: y\n`).join("")}`],
  ["a long text named often", `x: &a ${"x ".repeat(100_000)}\ny: [${"*a, ".repeat(50_000)}*a]\n`],
])("the largest files take about a second: %s", (_, rest) => {
  const start = performance.now();
  fixLeafText(skill("x") + rest, "compositional_skills");
  expect(performance.now() - start).toBeLessThan(5000);
});

test("what changed, line by line", () => {
  expect(lineDiff("a\nb\nc\nd\n", "a\nx\nc\nd")).toEqual([
    { sign: "-", line: 2, text: "b" },
    { sign: "+", line: 2, text: "x" },
  ]);
  expect(lineDiff("a\r\nb\r\n", "a\nb\n")).toEqual([]);
});
