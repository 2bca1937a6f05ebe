import { expect, test } from "vitest";
import { makePdf, type PlacedLine, streamObject } from "../../../../test/helpers/make-pdf.ts";
import { readPdf } from "../read-pdf.ts";

/** Its codes are the letters' own. */
const unicodeFont = {
  fonts: { F9: "10 0 R" },
  objects: [
    "<< /Type /Font /Subtype /Type0 /BaseFont /Naskh /Encoding /Identity-H /DescendantFonts [11 0 R] /ToUnicode 13 0 R >>",
    "<< /Type /Font /Subtype /CIDFontType2 /BaseFont /Naskh /DW 500 /W [32 [400 300]] /FontDescriptor 12 0 R /CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >> >>",
    "<< /Type /FontDescriptor /FontName /Naskh /Flags 4 /Ascent 880 /Descent -120 /CapHeight 880 /ItalicAngle 0 /StemV 80 /FontBBox [0 0 1000 1000] >>",
    streamObject(
      Buffer.from(
        "1 begincodespacerange <0000> <ffff> endcodespacerange 2 beginbfrange <0000> <00ff> <0000> <0600> <06ff> <0600> endbfrange endcmap",
      ),
    ),
  ],
};

/** Words that stand one left of the other from the right margin on; their letters are drawn from left to right. */
function arabicLine(down: number, words: string[]): PlacedLine[] {
  let left = 540;
  return words.map((word) => {
    left -= 5 * word.length + 4;
    const drawn = /[\u0600-\u06ff]/.test(word) ? [...word].reverse().join("") : word;
    const code = Buffer.from(drawn, "utf16le").swap16().toString("hex");
    return { at: [left, down], text: `<${code}>`, font: "F9" };
  });
}

test("lines from right to left: their words in order, foreign ones too, and a paragraph to its short last line", async () => {
  const lines = [
    ["يضيء", "المصباح", "على", "الرصيف", "حتى", "الصباح", "ويحرسه", "رجل", "من", "أهل", "المدينة", "القديمة"],
    ["ولا", "يطفئه", "أحد", "قبل", "أن", "يعود", "الصيادون", "من", "البحر", "إلى", "بيوتهم", "في"],
    ["الميناء", "القديم."],
  ];
  const pages = lines.flatMap((words, index) => arabicLine(60 + 14 * index, words));
  const { blocks } = await readPdf(makePdf([pages], unicodeFont));
  expect(blocks).toEqual([{ kind: "paragraph", text: lines.flat().join(" ") }]);
});

test("a name of two words in another script keeps its order", async () => {
  // "Merrowby Quay" stands from left to right, so its second word is drawn first when words go to the left.
  const pages = arabicLine(60, ["يسمى", "الرصيف", "Quay", "Merrowby", "منذ", "الفيضان"]);
  const { blocks } = await readPdf(makePdf([pages], unicodeFont));
  expect(blocks).toEqual([{ kind: "paragraph", text: "يسمى الرصيف Merrowby Quay منذ الفيضان" }]);
});
