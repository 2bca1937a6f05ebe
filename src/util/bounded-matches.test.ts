import { expect, test } from "vitest";
import { boundedMatches } from "./bounded-matches.ts";

test("matches are those of matchAll, watched or not", () => {
  const text = "[Q] a [A] b [Q] c [A] d ";
  const pattern = /\[Q\](.*?)\[A\](.*?)(?=\[Q\]|$)/gs;
  const pairs = (found: RegExpExecArray[] | undefined) => found?.map(([, question, answer]) => [question, answer]);
  expect(pairs(boundedMatches(text, pattern, 1000))).toEqual([
    [" a ", " b "],
    [" c ", " d "],
  ]);
  const long = text.repeat(2000);
  expect(boundedMatches(long, pattern, 5000)).toEqual([...long.matchAll(pattern)]);
});

test.each([
  ["nested repetition", /(?:a+)+$/g, `${"a".repeat(40)}b`],
  [
    "blanks between two lazy parts, as upstream's own pattern has them",
    /\[Q\]\s*(.*?)\s*\[A\]\s*(.*?)\s*$/gs,
    `[Q]${"\n".repeat(6000)}`,
  ],
])("%s ends in time", (_, pattern, text) => {
  const startedAt = performance.now();
  expect(boundedMatches(text, pattern, 100)).toBeUndefined();
  expect(performance.now() - startedAt).toBeLessThan(3000);
});
