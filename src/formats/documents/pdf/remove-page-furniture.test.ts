import { expect, test } from "vitest";
import { makePdf, type PlacedLine, placeLines } from "../../../../test/helpers/make-pdf.ts";
import { readPdf } from "../read-pdf.ts";

const body = (word: string) => [
  `The ${word} of Merrowby is older than its walls, which the masons raised in the`,
  `third winter after the flood. Whoever comes to see the ${word} asks for the key at`,
  "the house of the warden, where a lantern burns until the morning.",
];
const words = ["harbour", "mill", "tower", "well", "chapel", "bridge", "market", "orchard"];
const blocksOf = async (pages: PlacedLine[][]) =>
  (await readPdf(makePdf(pages))).blocks.map((block) => ("text" in block ? block.text : block.kind));

test("titles that come back on page after page stay, with their numbers", async () => {
  const titles = ["The harbour", "Exercises", "The mill", "Exercises", "Lesson 5", "Lesson 6", "Lesson 7", "1998"];
  const blocks = await blocksOf(
    titles.map((text, page) => [
      { at: [60, 60], text, size: 18, font: "F2" },
      ...placeLines([60, 90], body(words[page]!)),
    ]),
  );
  for (const title of new Set(titles)) expect(blocks.filter((text) => text === title)).not.toHaveLength(0);
  expect(blocks.filter((text) => text === "Exercises")).toHaveLength(2);
  expect(blocks).toHaveLength(8 + 8);
});

test("text that begins several pages stays: it is not apart, or it is a sentence", async () => {
  const letter = await blocksOf(
    words.map((word) => [
      { at: [60, 60], text: "The rent of this house is due on the first of May." },
      ...placeLines([60, 84], body(word)),
    ]),
  );
  expect(letter.filter((text) => text.startsWith("The rent"))).toHaveLength(8);
  const catalogue = await blocksOf(
    words.map((word) => placeLines([60, 60], ["To be seen by day and by night, without a fee", ...body(word)])),
  );
  expect(catalogue.join("\n").match(/To be seen/g)).toHaveLength(8);
});

test("running titles that change, page numbers on alternating sides and footers go", async () => {
  const blocks = await blocksOf(
    words.map((word, page) => [
      { at: [60, 40], text: page < 4 ? "The town and its buildings" : "Beyond the walls", size: 9 },
      { at: [page % 2 === 0 ? 500 : 60, 52], text: `${page + 11}`, size: 9 },
      ...placeLines([60, 90], body(word)),
      { at: [60, 760], text: `Merrowby guide, page ${page + 11} of 40`, size: 9 },
    ]),
  );
  expect(blocks.join("\n")).not.toMatch(/buildings|Beyond|guide|\d/);
  expect(blocks).toHaveLength(8);
});

test("a big line on nearly every page goes; text that reaches down to the footer stays, and the footer goes", async () => {
  const blocks = await blocksOf(
    words.map((word, page) => [
      { at: [60, 40], text: "Merrowby Guide", size: 14 },
      ...placeLines([60, 90], body(word)),
      ...(page === 2 ? placeLines([60, 736], ["A note that reaches down to the footer"]) : []),
      { at: [60, 748], text: "www.merrowby.example", size: 8 },
    ]),
  );
  expect(blocks.join("\n")).not.toMatch(/Guide|www/);
  expect(blocks).toContain("A note that reaches down to the footer");
});
