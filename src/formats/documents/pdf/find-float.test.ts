import { expect, test } from "vitest";
import { makePdf, type PlacedLine, placeLines } from "../../../../test/helpers/make-pdf.ts";
import { readPdf } from "../read-pdf.ts";

const story = [
  "Merrowby is a town on the eastern shore that is",
  "known for its lanterns, which burn along the quay",
  "until the morning, and for the guild that lights",
  "them. The guild was founded in a winter without",
  "oil, when the fishermen gave what they had, and it",
  "has kept its seat in the old customs house since,",
  "and every third year its members choose a warden,",
  "who carries the long key and may not leave town.",
];
const whole = [
  "The walls of the town were raised by masons from the south in the third winter after the flood,",
  "and they were paid in salt, which was worth more than silver on this shore until the canal came.",
  "What is left of them is the north gate, where the market is held on the first day of the month.",
];
const box = [
  ["Country", "Veldermoor"],
  ["Founded", "1482"],
  ["People", "8,211"],
  ["River", "Tamsin"],
  ["Height", "38 m"],
];
const cells = (rows: string[][], [left, down]: [number, number], leading: number, size = 9): PlacedLine[] =>
  rows.flatMap((row, index) =>
    row.map((text, column): PlacedLine => ({ at: [left + 70 * column, down + leading * index], text, size })),
  );
const blocksOf = async (...pages: PlacedLine[][]) => (await readPdf(makePdf(pages))).blocks;

test("an infobox beside the text: the text in one piece, the box after it as a table, and no heading of it", async () => {
  const blocks = await blocksOf([
    { at: [60, 60], text: "Merrowby", size: 20 },
    { at: [360, 80], text: "Merrowby Town", size: 13 },
    ...placeLines([60, 90], story, { leading: 15 }),
    ...cells(box, [360, 97], 22),
    { at: [60, 235], text: "The walls", size: 16 },
    ...placeLines([60, 260], whole, { leading: 15 }),
  ]);
  expect(blocks).toEqual([
    { kind: "heading", level: 0, text: "Merrowby" },
    { kind: "paragraph", text: story.join(" ") },
    { kind: "paragraph", text: "Merrowby Town" },
    { kind: "table", header: box[0], rows: box.slice(1) },
    { kind: "heading", level: 1, text: "The walls" },
    { kind: "paragraph", text: whole.join(" ") },
  ]);
});

test("text that goes on below the box, and a caption on the left: paragraphs in one piece", async () => {
  const blocks = await blocksOf(
    [
      ...placeLines([60, 60], story, { leading: 15 }),
      ...cells(box.slice(0, 3), [360, 65], 20),
      ...placeLines(
        [60, 190],
        ["The warden is seldom seen by day. When the lanterns are lit, the warden walks the quay and", ...whole],
        { leading: 15 },
      ),
    ],
    [
      ...placeLines([200, 60], story, { leading: 15 }),
      ...placeLines([60, 95], ["The long key,", "drawn in 1930"], { leading: 13 }),
      ...placeLines([60, 190], whole, { leading: 15 }),
    ],
  );
  const texts = blocks.map((block) => ("text" in block ? block.text : block.kind));
  const below = `The warden is seldom seen by day. When the lanterns are lit, the warden walks the quay and ${whole.join(" ")}`;
  expect(texts).toEqual([
    story.join(" "),
    "table",
    below,
    story.join(" "),
    "The long key, drawn in 1930",
    whole.join(" "),
  ]);
});

test("a table whose first column is text stays a table: its cells have one height", async () => {
  const blocks = await blocksOf([
    ...story.flatMap((text, index): PlacedLine[] => [
      { at: [60, 60 + 24 * index], text },
      { at: [400, 60 + 24 * index], text: `${index * 7 + 3} m` },
    ]),
  ]);
  expect(blocks).toEqual([expect.objectContaining({ kind: "table", header: [story[0], "3 m"] })]);
});
