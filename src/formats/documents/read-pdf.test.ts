import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { makePdf } from "../../../test/helpers/make-pdf.ts";
import { packageRoot } from "../../util/assets.ts";
import { readPdf } from "./read-pdf.ts";

const golden = (name: string) => readFileSync(join(packageRoot, "test/golden/documents", name));
const blocksOf = async (name: string) => (await readPdf(golden(name))).blocks;
const texts = async (name: string) => (await blocksOf(name)).map((block) => ("text" in block ? block.text : ""));

describe("handbook.pdf", () => {
  test("headings by size, by bold type and by number", async () => {
    const headings = (await blocksOf("handbook.pdf")).filter((block) => block.kind === "heading");
    expect(headings.map(({ level, text }) => `${level} ${text}`)).toEqual([
      "0 Handbook of the Harbour of Tollan",
      "1 1 The harbour",
      "2 1.1 The quays",
      "2 1.2 Rules for visitors",
      "3 Fees",
      "1 2 The light",
      "1 3 The lifeboat",
    ]);
  });

  test("paragraphs over lines; broken words mended, but not those with a hyphen of their own", async () => {
    const paragraph = (await texts("handbook.pdf")).find((text) => text.startsWith("The fairway"));
    expect(paragraph).toBe(
      "The fairway is marked by eleven buoys, and a twelfth lies in reserve behind the breakwater. It was widened in the winter of 1931, " +
        "when the ice held for nine weeks and the well-known dredger Marten worked without a pause. A well-known picture shows her crew on the ice.",
    );
  });

  test("no header, footer or page number is left; the footnote stands at its section's end", async () => {
    const all = (await texts("handbook.pdf")).join("\n");
    expect(all).not.toMatch(/Harbour Authority|third edition|Page \d of/);
    const blocks = await texts("handbook.pdf");
    expect(blocks[blocks.indexOf("2 The light") - 1]).toBe(
      "1 The old sounding line is kept in the office of the harbour master.",
    );
    expect(all).toContain("sounding line¹, and");
  });

  test("a table, a list, code with its indentation", async () => {
    const blocks = await blocksOf("handbook.pdf");
    expect(blocks.find(({ kind }) => kind === "table")).toEqual({
      kind: "table",
      header: ["Quay", "Length", "Depth", "Built"],
      rows: [
        ["North Quay", "240 m", "6.5 m", "1874"],
        ["Salt Quay", "95 m", "4.0 m", "1902"],
        ["Ferry Stage", "60 m", "3.2 m", "1988"],
      ],
    });
    expect(blocks.find(({ kind }) => kind === "list")).toEqual({
      kind: "list",
      items: [
        "- Report to the harbour office within two hours of mooring, by day or by night, in person or by radio.",
        "- Keep the ladder at the Ferry Stage free.",
        "- Run no engine between ten in the evening and six in the morning.",
      ],
    });
    const code = blocks.find((block) => block.kind === "code");
    expect(code?.text.replace(/^ {2}/gm, "")).toBe(
      "light status --station anvil\nif failed:\n    call harbour-office\n    log the time",
    );
  });
});

test("two-columns.pdf: columns one after the other, sentences over their ends", async () => {
  const blocks = await texts("two-columns.pdf");
  expect(blocks.slice(0, 3)).toEqual([
    "Otters at the Lake of Tamsin: A Count from the Shore",
    "Runa Halvorsen and Piet Osterloh",
    "1 Introduction",
  ]);
  const body = blocks.filter((text) => text.endsWith("."));
  // Nine paragraphs, eleven, five and the last; make.py composed them of whole sentences.
  expect(body).toHaveLength(26);
  expect(blocks).toHaveLength(26 + 5);
  expect(body.every((text) => /^[A-Z]/.test(text))).toBe(true);
  expect(body.at(-1)).toBe("The last otter was seen on the second of May at a quarter past five.");
  const sentence =
    "A record holds the time, the weather, the number of animals, and what they did when they were seen.";
  expect(body.join(" ").split(sentence)).toHaveLength(1 + 9);
});

test("a scan has no text; pages that lie on their side are read, stamps are not", async () => {
  await expect(readPdf(golden("scan.pdf"))).rejects.toMatchObject({
    code: "DOCUMENT_NO_TEXT",
    hint: expect.stringContaining("OCR"),
  });
  const { blocks, pageCount, pagesWithoutText } = await readPdf(golden("partly-scanned.pdf"));
  expect([pageCount, pagesWithoutText]).toEqual([2, [1]]);
  expect(blocks.map((block) => "text" in block && block.text)).toEqual([
    "This page lies on its side, as wide tables do.",
    "Its second line says that the tower is 31 metres high.",
  ]);
});

test("passwords: to open it is refused, to change it does not matter", async () => {
  await expect(readPdf(golden("locked.pdf"))).rejects.toMatchObject({ code: "DOCUMENT_LOCKED" });
  expect(await texts("print-only.pdf")).toEqual(["Nobody reads this without the word, or everybody does."]);
});

test("damaged files are errors, whatever is cut off or changed", async () => {
  const whole = golden("handbook.pdf");
  await expect(readPdf(Buffer.from("%PDF-1.4 nothing more"))).rejects.toMatchObject({ code: "DOCUMENT_DAMAGED" });
  for (const length of [1, 100, 2000, whole.length - 200])
    await readPdf(whole.subarray(0, length)).catch((error) => expect(error.code).toMatch(/^DOCUMENT_/));
  for (let place = 50; place < whole.length; place += 397) {
    const broken = Buffer.from(whole);
    broken[place]! ^= 0x55;
    await readPdf(broken).catch((error) => expect(error.code).toMatch(/^DOCUMENT_/));
  }
});

test("the bytes that were given are still there afterwards", async () => {
  const bytes = golden("print-only.pdf");
  await readPdf(bytes);
  expect(bytes.length).toBeGreaterThan(0);
  expect(bytes.toString("latin1", 0, 5)).toBe("%PDF-");
});

test("a picture with a short caption is read; a long document of stamps is a scan; no pages are damage", async () => {
  const stamp = { at: [60, 400] as [number, number], text: "Seen" };
  const captions = await readPdf(makePdf([[stamp]]));
  expect(captions.blocks).toEqual([{ kind: "paragraph", text: "Seen" }]);
  await expect(readPdf(makePdf(Array.from({ length: 4 }, () => [stamp])))).rejects.toMatchObject({
    code: "DOCUMENT_NO_TEXT",
  });
  await expect(readPdf(makePdf([]))).rejects.toMatchObject({ code: "DOCUMENT_DAMAGED" });
});
