import { expect, test } from "vitest";
import { makePdf } from "../../../../test/helpers/make-pdf.ts";
import { readPdf } from "../read-pdf.ts";

/** Lines of hexadecimal codes in a font that is not in the file, as word processors of East Asia leave it out. */
const pdfIn = (encoding: string, ordering: string, codes: string[]) =>
  makePdf([codes.map((code, index) => ({ at: [60, 60 + 20 * index], text: `<${code}>`, size: 12, font: "F9" }))], {
    fonts: { F9: "10 0 R" },
    objects: [
      `<< /Type /Font /Subtype /Type0 /BaseFont /Song /Encoding /${encoding} /DescendantFonts [11 0 R] >>`,
      `<< /Type /Font /Subtype /CIDFontType0 /BaseFont /Song /DW 1000 /FontDescriptor 12 0 R /CIDSystemInfo << /Registry (Adobe) /Ordering (${ordering}) /Supplement 2 >> >>`,
      "<< /Type /FontDescriptor /FontName /Song /Flags 4 /Ascent 880 /Descent -120 /CapHeight 880 /ItalicAngle 0 /StemV 80 /FontBBox [0 0 1000 1000] >>",
    ],
  });
const utf16 = (text: string) => Buffer.from(text, "utf16le").swap16().toString("hex");

// The codes are what Python's codecs of these names make of the texts.
test.each([
  ["UniGB-UCS2-H", "GB1", utf16("港口的灯在早晨以前一直亮着"), "港口的灯在早晨以前一直亮着"],
  ["GBK-EUC-H", "GB1", "b8dbbfdab5c4b5c6d4dad4e7b3bfd2d4c7b0d2bbd6b1c1c1d7c53132", "港口的灯在早晨以前一直亮着12"],
  ["90ms-RKSJ-H", "Japan1", "8d6082cc939482cd92a982dc82c58f4182a282c482a282e9b1b2", "港の灯は朝まで就いているｱｲ"],
  ["EUC-H", "Japan1", "b9c1a4cec5f4a4cfc4aba4dea4c7", "港の灯は朝まで"],
  ["H", "Japan1", "3941244e4574244f442b245e2447", "港の灯は朝まで"],
  ["UniJIS-UTF16-H", "Japan1", utf16("港の灯は朝までAB"), "港の灯は朝までAB"],
  ["ETen-B5-H", "CNS1", "b4e4a466aababf4fa662a6ada8e0a548ab65", "港口的燈在早兒以前"],
  ["KSCms-UHC-H", "Korea1", "c7d7b1b8c0c720b5eebad2c0ba20b9e3bbf520c4d1c1ae", "항구의 등불은 밤새 켜져"],
])("%s without the font", async (encoding, ordering, code, text) => {
  const { blocks } = await readPdf(pdfIn(encoding, ordering, [code, code]));
  expect(blocks.map((block) => ("text" in block ? block.text : "")).join(" ")).toContain(text);
  expect(blocks[0]!.kind).toBe("paragraph");
});

test("glyphs by number without their letters are unreadable, not other letters", async () => {
  const codes = ["012301240125012601270128", "012901300131013201330134"];
  await expect(readPdf(pdfIn("Identity-H", "GB1", [...codes, ...codes]))).rejects.toMatchObject({
    code: "DOCUMENT_NO_TEXT",
    message: expect.stringContaining("fonts"),
  });
});

test("text in an encoding that is not read is unreadable; it does not vanish", async () => {
  const code = Buffer.from("港の灯は朝まで").toString("hex");
  await expect(readPdf(pdfIn("UniJIS-UTF8-H", "Japan1", [code, code]))).rejects.toMatchObject({
    code: "DOCUMENT_NO_TEXT",
    message: expect.stringContaining("fonts"),
  });
});
