import { expect, test } from "vitest";
import { makePdf, type PlacedLine, placeLines } from "../../../../test/helpers/make-pdf.ts";
import { readPdf } from "../read-pdf.ts";

const text = [
  "The tide mill of Merrowby grinds twice a day, whenever the pond behind the wall",
  "is full, and its stones have been dressed by the same family for two centuries.",
];
const blocksOf = async (lines: PlacedLine[]) => (await readPdf(makePdf([lines]))).blocks;
const headings = (blocks: Awaited<ReturnType<typeof blocksOf>>) =>
  blocks.flatMap((block) => (block.kind === "heading" ? [block.text] : []));

test("small settings and numbered code outweigh the text: it stays text, and the code stays where it is", async () => {
  const settings = Array.from(
    { length: 20 },
    (_, index) => `stone_${index} = { gap: ${index}, note: "turned by hand"; }`,
  );
  const code = ["1 \\newif\\ifgrinds", "2 \\grindstrue", "3 \\def\\mill{Merrowby}"];
  const blocks = await blocksOf([
    { at: [60, 60], text: "The mill", size: 16, font: "F2" },
    ...placeLines([60, 90], text, { size: 12, leading: 14 }),
    ...placeLines([60, 130], settings, { size: 8, leading: 10 }),
    ...placeLines([60, 350], ["So much for the stones, of which the lower one does not turn."], { size: 12 }),
    ...placeLines([60, 380], code, { size: 8, leading: 10 }),
    { at: [60, 440], text: "The pond", size: 16, font: "F2" },
    ...placeLines([60, 470], text, { size: 12, leading: 14 }),
  ]);
  expect(headings(blocks)).toEqual(["The mill", "The pond"]);
  expect(blocks).toContainEqual({ kind: "paragraph", text: text.join(" ") });
});

test("a bigger paragraph is no heading, whether it is long or has several sentences; a long title is one", async () => {
  const title = [
    "A History of the Tide Mill of Merrowby from the Raising",
    "of the Wall to the Last Miller, and of Its Family",
  ];
  const lead = [
    "Twice a day the pond behind the wall fills with water from",
    "the sea, and twice a day the wheel below it turns the stones,",
    "which is why the millers of this town never slept for long",
  ];
  const motto = "Grind what comes. The tide does not wait.";
  const blocks = await blocksOf([
    ...placeLines([60, 60], title, { size: 18, leading: 22 }),
    ...placeLines([60, 120], lead, { size: 14, leading: 17 }),
    ...placeLines([60, 190], [motto], { size: 14 }),
    ...placeLines([60, 220], [...text, ...text, ...text, ...text]),
  ]);
  expect(headings(blocks)).toEqual([title.join(" ")]);
  expect(blocks).toContainEqual({ kind: "paragraph", text: motto });
});

test("an abstract in small type has its heading, a label in a drawing is none", async () => {
  const blocks = await blocksOf([
    { at: [60, 60], text: "The mill", size: 16, font: "F2" },
    { at: [90, 90], text: "Abstract", size: 9, font: "F2" },
    ...placeLines([90, 105], ["Of all mills on the eastern shore this is the last one that the tide drives."], {
      size: 9,
    }),
    ...placeLines([60, 140], [...text, ...text]),
    { at: [90, 220], text: "NBS", size: 9, font: "F2" },
    ...placeLines([90, 235], ["the wheel, seen from the pond"], { size: 9 }),
    ...placeLines([60, 260], [...text, ...text]),
  ]);
  expect(headings(blocks)).toEqual(["The mill", "Abstract"]);
});
