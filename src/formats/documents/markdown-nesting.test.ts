import { expect, test } from "vitest";
import { markdownNesting } from "./markdown-nesting.ts";
import { readMarkdown } from "./read-markdown.ts";

/** A list of so many levels, with a line of each kind between them. */
const staircase = (levels: number, between = "") =>
  Array.from({ length: levels }, (_, level) => `${"  ".repeat(level)}- item ${level}\n${between}`).join("");

test.each<[string, number]>([
  ["text\n\n- a\n- b\n\n1. c\n2) d", 1],
  ["- a\n  - b\n    1. c\n- d\n  - e", 3],
  ["- a\n\t* b\n\t\t+ c", 3],
  ["> > quoted\n> - a\n>   - b\n>     - c", 4],
  ["- a\n  > b\n  > - c\n  >   d", 3],
  ["- - - -\n\n* * * * * *\n- 1. x", 2],
  ["- a\nlazy\n  - b\nlazy\n    - c", 3],
  ["- a\n  - b\n\ntext\n\n    - code", 2],
  ["2024. was\n-a\n1.5 m\n**b**", 1],
])("%j", (text, depth) => {
  expect(markdownNesting(text)).toBe(depth);
});

test("lists of fifty levels are read; deeper ones are refused before the parser sees them", () => {
  expect(readMarkdown(staircase(50))).toHaveLength(1);
  const started = performance.now();
  for (const text of [
    staircase(51),
    staircase(3000),
    staircase(300, "lazy\n"),
    "> ".repeat(51),
    `${"1. ".repeat(60)}x`,
  ])
    expect(() => readMarkdown(text)).toThrow(
      expect.objectContaining({ code: "DOCUMENT_TOO_NESTED", message: expect.stringMatching(/levels deep.*50/) }),
    );
  expect(performance.now() - started).toBeLessThan(2000);
});

test("it takes one pass, whatever the text", () => {
  const started = performance.now();
  for (const piece of ["- ", ">", "-", " ", "1", "\t", "* a\n", "- - - x\n"])
    markdownNesting(`${piece.repeat(300_000)}x`);
  expect(performance.now() - started).toBeLessThan(5000);
});
