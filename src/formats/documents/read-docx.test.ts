import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { makeZip } from "../../../test/helpers/make-zip.ts";
import { packageRoot } from "../../util/assets.ts";
import { readDocx } from "./read-docx.ts";

/** Word's namespace, whatever its prefix. */
const space = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"';
const docx = (body: string, parts: Record<string, string> = {}) =>
  makeZip(
    Object.entries({ "word/document.xml": `<w:document ${space}><w:body>${body}</w:body></w:document>`, ...parts }).map(
      ([name, content]) => ({ name, content: Buffer.from(content) }),
    ),
  );
const paragraph = (text: string) => `<w:p><w:r><w:t>${text}</w:t></w:r></w:p>`;

test("almanac.docx, made by python-docx, with everything that a document holds", () => {
  const blocks = readDocx(readFileSync(join(packageRoot, "test/golden/documents/almanac.docx")));
  expect(blocks).toEqual([
    { kind: "heading", level: 0, text: "Almanac of Veldermoor" },
    { kind: "paragraph", text: "The almanac is printed every autumn." },
    { kind: "heading", level: 1, text: "The year" },
    {
      kind: "paragraph",
      text: "The year has thirteen fairs; the first is held on the ice of the Moor Pond, whose area is 3 km².",
    },
    { kind: "heading", level: 2, text: "Spring" },
    {
      kind: "list",
      items: [
        "- Sow the peas before the swallows come.",
        "- Whitewash the trees:\n   - first the apple trees\n   - then the pears",
        "- Open the hives.",
        "1. Take the boat out of the shed.",
        "2. Tar its keel.",
      ],
    },
    { kind: "heading", level: 2, text: "Fairs" },
    {
      kind: "table",
      header: ["Fair", "Month", "Place"],
      rows: [
        ["Ice Fair", "January", "Moor Pond"],
        ["Wool Fair", "May", "Market | Square"],
        ["Lantern Fair", "May", "Harbour"],
      ],
    },
    { kind: "paragraph", text: "A framed note: bring small coins." },
    { kind: "heading", level: 1, text: "Winter" },
    { kind: "paragraph", text: "The mill stands still for three months; see the miller." },
    { kind: "paragraph", text: "Text in a box." },
    { kind: "code", text: "for day in winter:\n    feed(birds)", language: "" },
  ]);
});

test("notes follow the paragraph, list or cell that points to them", () => {
  const pointing = (text: string, kind: string, id: number) =>
    `<w:p><w:r><w:t>${text}</w:t></w:r><w:r><w:${kind}Reference w:id="${id}"/></w:r></w:p>`;
  const notes = (kind: string, ...texts: string[]) =>
    `<w:${kind}s ${space}><w:${kind} w:type="separator" w:id="-1"><w:p><w:r><w:separator/></w:r></w:p></w:${kind}>${texts
      .map(
        (text, id) =>
          `<w:${kind} w:id="${id}"><w:p><w:r><w:${kind}Ref/></w:r><w:r><w:t> ${text}</w:t></w:r></w:p></w:${kind}>`,
      )
      .join("")}</w:${kind}s>`;
  const body =
    pointing("The mill is old.", "footnote", 1) +
    paragraph("It stands still.") +
    `<w:tbl><w:tr><w:tc>${paragraph("Fair")}</w:tc><w:tc>${paragraph("Month")}</w:tc></w:tr>` +
    `<w:tr><w:tc>${pointing("Wool", "endnote", 0)}</w:tc><w:tc>${paragraph("May")}</w:tc></w:tr></w:tbl>` +
    pointing("Nobody knows.", "footnote", 9);
  const parts = {
    "word/footnotes.xml": notes("footnote", "Never shown.", "Built in 1702."),
    "word/endnotes.xml": notes("endnote", "Since 1810."),
  };
  expect(readDocx(docx(body, parts))).toEqual([
    { kind: "paragraph", text: "The mill is old." },
    { kind: "paragraph", text: "Built in 1702." },
    { kind: "paragraph", text: "It stands still." },
    { kind: "table", header: ["Fair", "Month"], rows: [["Wool Since 1810.", "May"]] },
    { kind: "paragraph", text: "Nobody knows." },
  ]);
});

describe("variants", () => {
  test("breaks, tabs, contents, and a document part with another name", () => {
    const body =
      `<w:p><w:pPr><w:pStyle w:val="TOC1"/></w:pPr><w:r><w:t>Contents 1</w:t></w:r></w:p>` +
      `<w:p><w:r><w:t xml:space="preserve">One </w:t><w:t>line</w:t><w:br/><w:t>next &amp; last</w:t><w:tab/><w:t>end</w:t></w:r></w:p>`;
    const file = docx(body, {
      "word/styles.xml": `<w:styles ${space}><w:style w:styleId="TOC1"><w:name w:val="toc 1"/></w:style></w:styles>`,
    });
    expect(readDocx(file)).toEqual([{ kind: "paragraph", text: "One line\nnext & last end" }]);
    const moved = makeZip([
      {
        name: "_rels/.rels",
        content: Buffer.from(
          '<Relationships><Relationship Type="http://x/officeDocument" Target="/main/doc.xml"/></Relationships>',
        ),
      },
      { name: "main/doc.xml", content: Buffer.from(`<x:document><x:body>${paragraph("Moved")}</x:body></x:document>`) },
    ]);
    expect(readDocx(moved)).toEqual([{ kind: "paragraph", text: "Moved" }]);
  });

  test("readings above words, symbols, and what stands twice for new and old programs", () => {
    const twice = (choice: string, fallback: string) =>
      `<mc:AlternateContent><mc:Choice>${choice}</mc:Choice><mc:Fallback>${fallback}</mc:Fallback></mc:AlternateContent>`;
    const run = (inside: string) => `<w:r>${inside}</w:r>`;
    const words = (text: string) => run(`<w:t>${text}</w:t>`);
    const body =
      `<w:p>${words("The ")}${run(`<w:ruby><w:rt>${words("miru")}</w:rt><w:rubyBase>${words("見")}</w:rubyBase></w:ruby>`)}` +
      `${run('<w:t>る </w:t><w:sym w:font="Symbol" w:char="F061"/>')}` +
      `${run('<w:rPr><w:rFonts w:ascii="Symbol"/></w:rPr><w:t> = 5\uf0b0</w:t>')}</w:p>` +
      `<w:p>${run(twice("<w:t>New</w:t>", "<w:t>Old</w:t>"))}${twice(words(" way"), words(" path"))}</w:p>` +
      twice(paragraph("New paragraph"), paragraph("Old paragraph")) +
      `<w:p>${run(
        twice(
          "<w:drawing><wp:posOffset>7</wp:posOffset></w:drawing>",
          `<w:pict><w:txbxContent>${paragraph("Box")}</w:txbxContent></w:pict>`,
        ),
      )}</w:p>`;
    expect(readDocx(docx(body)).map((block) => "text" in block && block.text)).toEqual([
      "The 見る α = 5°",
      "New way",
      "New paragraph",
      "Box",
    ]);
  });

  test("a large first letter belongs to the paragraph behind it", () => {
    const framed = (text: string) =>
      paragraph(text).replace("<w:p>", '<w:p><w:pPr><w:framePr w:dropCap="drop"/></w:pPr>');
    const body = framed("O") + paragraph("nce upon a time.") + framed("Framed text.") + framed("X");
    expect(readDocx(docx(body)).map((block) => "text" in block && block.text)).toEqual([
      "Once upon a time.",
      "Framed text.",
      "X",
    ]);
  });

  test("lists count in letters and Roman figures", () => {
    const levels = ["lowerLetter", "upperRoman", "none"].map(
      (format, level) => `<w:lvl w:ilvl="${level}"><w:numFmt w:val="${format}"/></w:lvl>`,
    );
    const item = (level: number) =>
      `<w:p><w:pPr><w:numPr><w:ilvl w:val="${level}"/><w:numId w:val="1"/></w:numPr></w:pPr><w:r><w:t>text</w:t></w:r></w:p>`;
    const items = [0, 0, 1, 1, 2].map(item).join("");
    const row = `<w:tr><w:tc>${items}</w:tc><w:tc>${paragraph("b. x")}</w:tc></w:tr>`;
    const numbering =
      `<w:numbering ${space}><w:abstractNum w:abstractNumId="0">${levels.join("")}</w:abstractNum>` +
      '<w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num></w:numbering>';
    expect(readDocx(docx(`${items}<w:tbl>${row}</w:tbl>`, { "word/numbering.xml": numbering }))).toEqual([
      { kind: "list", items: ["a. text", "b. text\n   I. text\n   II. text\n      - text"] },
      { kind: "table", header: ["", ""], rows: [["text; text text text text", "b. x"]] },
    ]);
  });

  test("parts in UTF-16; embedded documents are told", () => {
    const xml = `\ufeff<w:document><w:body>${paragraph("Tår")}<w:altChunk r:id="r1"/></w:body></w:document>`;
    const little = Buffer.from(xml, "utf16le");
    for (const content of [little, Buffer.from(little).swap16()]) {
      const warnings: string[] = [];
      const blocks = readDocx(makeZip([{ name: "word/document.xml", content }]), (warning) => warnings.push(warning));
      expect(blocks).toEqual([{ kind: "paragraph", text: "Tår" }]);
      expect(warnings).toEqual([expect.stringMatching(/^1 embedded document not read/)]);
    }
  });

  test("styles that are based on each other in a circle", () => {
    const styles = `<w:styles ${space}><w:style w:styleId="A"><w:basedOn w:val="B"/></w:style><w:style w:styleId="B"><w:basedOn w:val="A"/></w:style></w:styles>`;
    const file = docx(`<w:p><w:pPr><w:pStyle w:val="A"/></w:pPr><w:r><w:t>Text</w:t></w:r></w:p>`, {
      "word/styles.xml": styles,
    });
    expect(readDocx(file)).toEqual([{ kind: "paragraph", text: "Text" }]);
  });
});

test.each([1, 2])("more rows of %d cells than a call may have arguments", (cells) => {
  const row = `<w:tr>${`<w:tc>${paragraph("a")}</w:tc>`.repeat(cells)}</w:tr>`;
  const blocks = readDocx(docx(`<w:tbl>${row.repeat(150_000)}</w:tbl>`));
  expect(blocks).toHaveLength(cells === 1 ? 150_000 : 1);
});

describe("what is refused", () => {
  const bomb = Buffer.alloc(65 * 1024 * 1024, " ");
  test.each<[string, string, Buffer]>([
    [
      "a part that unpacks to more than the limit",
      "DOCUMENT_TOO_LARGE",
      makeZip([{ name: "word/document.xml", content: bomb }]),
    ],
    [
      "one that lies about its size",
      "DOCUMENT_TOO_LARGE",
      makeZip([{ name: "word/document.xml", content: bomb, declaredBytes: 10 }]),
    ],
    ["more words than anyone reads", "DOCUMENT_TOO_LARGE", docx(paragraph("word ".repeat(4 * 1024 * 1024)))],
    [
      "a locked file",
      "DOCUMENT_LOCKED",
      Buffer.concat([Buffer.from([0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1]), Buffer.alloc(600)]),
    ],
    ["another kind of archive", "DOCUMENT_DAMAGED", makeZip([{ name: "a.txt", content: Buffer.from("x") }])],
    ["a file that is cut off", "DOCUMENT_DAMAGED", docx(paragraph("Text")).subarray(0, 80)],
    ["no archive", "DOCUMENT_DAMAGED", Buffer.from("PK")],
  ])("%s", (_, code, file) => {
    expect(() => readDocx(file)).toThrow(expect.objectContaining({ code, hint: expect.any(String) }));
  });

  test("no change of a byte does more than that", () => {
    const whole = docx(paragraph("Text").repeat(20));
    for (let place = 0; place < whole.length; place += 3) {
      const broken = Buffer.from(whole);
      broken[place]! ^= 0xff;
      try {
        readDocx(broken);
      } catch (error) {
        expect((error as { code: string }).code).toMatch(/^DOCUMENT_/);
      }
    }
  });
});
