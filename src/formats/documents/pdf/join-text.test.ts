import { expect, test } from "vitest";
import { makePdf, placeLines } from "../../../../test/helpers/make-pdf.ts";
import { readPdf } from "../read-pdf.ts";
import { joinText } from "./join-text.ts";

const words = new Set([
  "well",
  "known",
  "five",
  "minute",
  "in",
  "form",
  "twofold",
  "two-fold",
  "breakwater",
  "break",
  "water",
]);

test.each([
  ["a conti-", "nuation", "a continuation"],
  ["a well-", "known picture", "a well-known picture"],
  ["they in-", "form us", "they inform us"],
  ["the break-", "water", "the breakwater"],
  ["a two-", "fold wall", "a two-fold wall"],
  ["an e-", "mail", "an e-mail"],
  ["her mother-in-", "law", "her mother-in-law"],
  ["with Jean-", "Paul", "with Jean-Paul"],
  ["a 30-", "day stay", "a 30-day stay"],
  ["the long-", "and short-term plans", "the long- and short-term plans"],
  ["SUS-", "TAINED", "SUSTAINED"],
  ["what-", "ever comes", "whatever comes"],
  ["a dic-", "New gates", "a dic- New gates"],
  ["a case-insensi-", "tive name", "a case-insensitive name"],
  ["a foun\u00ad", "dation", "a foundation"],
  ["two", "lines", "two lines"],
])("%s + %s", (text, more, joined) => {
  expect(joinText(text, more, { words })).toBe(joined);
});

test("the words of the document tell a compound from a broken word", async () => {
  const lines = [
    "The picture is well known to everybody who has ever asked for the well-",
    "known lamp, and it shows how the harbour guild lit the quay in a conti-",
    "nuation of what the fishermen had begun when they came home from sea.",
  ];
  const { blocks } = await readPdf(makePdf([placeLines([60, 60], lines)]));
  expect(blocks).toEqual([
    { kind: "paragraph", text: expect.stringMatching(/the well-known lamp, .* in a continuation of what/) },
  ]);
});
