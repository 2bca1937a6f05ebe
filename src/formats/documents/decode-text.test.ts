import { expect, test } from "vitest";
import { decodeText } from "./decode-text.ts";

const bytes = (text: string, encoding: BufferEncoding) => Buffer.from(text, encoding);

test("UTF-8 with and without a byte order mark, UTF-16 of both orders", () => {
  expect(decodeText(bytes("Tår", "utf8"))).toBe("Tår");
  expect(decodeText(bytes("\ufeffTår", "utf8"))).toBe("Tår");
  expect(decodeText(bytes("\ufeffTår €", "utf16le"))).toBe("Tår €");
  expect(decodeText(bytes("\ufeffTår €", "utf16le").swap16())).toBe("Tår €");
});

test.each<[string, Buffer]>([
  ["DOCUMENT_NOT_UTF8", bytes("Tår i havnen, og mere tekst end det.", "latin1")],
  ["DOCUMENT_NOT_TEXT", Buffer.from([0xff, 0xfe, 0x00, 0xd8])],
  ["DOCUMENT_NOT_TEXT", bytes("a\0b", "utf8")],
  ["DOCUMENT_NOT_TEXT", Buffer.from([0x50, 0x4b, 3, 4, 0x14, 0, 6, 0, 8, 0, 0xfa, 0xfb])],
])("%s", (code, content) => {
  expect(() => decodeText(content)).toThrow(expect.objectContaining({ code, hint: expect.any(String) }));
});
