import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { packageRoot } from "../../util/assets.ts";
import { readDocument } from "./read-document.ts";

const golden = (name: string) => readFileSync(join(packageRoot, "test/golden/documents", name));
const bytes = (text: string) => Buffer.from(text, "latin1");

test.each<[string, Buffer, RegExp, RegExp]>([
  ["a.PDF", golden("almanac.docx"), /ends in \.pdf, but it is a DOCX/, /\.docx/],
  ["a.docx", golden("print-only.pdf"), /ends in \.docx, but it is a PDF/, /\.pdf/],
  ["a.md", golden("print-only.pdf"), /a PDF/, /\.pdf/],
  ["a.txt", golden("almanac.docx"), /a DOCX/, /\.docx/],
  ["a.pdf", bytes("\n<!DOCTYPE html><p>404"), /an HTML page/, /\.html/],
  ["a.pdf", bytes("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), /old Office/, /Convert/],
  ["a.docx", bytes("{\\rtf1 x}"), /RTF/, /Convert/],
  ["a.md", bytes("PK\x03\x04\x14"), /packed/, /Convert/],
  ["a.pdf", bytes("\x89PNG\r\n"), /picture/, /Convert/],
])("%s", async (name, content, message, hint) => {
  await expect(readDocument(name, content)).rejects.toMatchObject({
    code: "DOCUMENT_OTHER_FORMAT",
    message: expect.stringMatching(message),
    hint: expect.stringMatching(hint),
  });
});

test("texts may begin with anything else; pages declare their encoding", async () => {
  for (const text of ["<!doctype html><p>About HTML", "PKs and %PDF- are read", "GIFs"])
    expect((await readDocument("a.md", bytes(text))).blocks).toHaveLength(1);
  const { blocks } = await readDocument("a.html", bytes("<meta charset=windows-1252><p>T\xe5r"));
  expect(blocks).toEqual([{ kind: "paragraph", text: "Tår" }]);
});
