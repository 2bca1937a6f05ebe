import { expect, test } from "vitest";
import { decodeHtml } from "./decode-html.ts";

const page = (head: string, word: readonly number[]) =>
  Buffer.concat([Buffer.from(`${head}<p>`, "latin1"), Buffer.from(word), Buffer.from("</p>", "latin1")]);

test.each<[string, readonly number[], string]>([
  ["<meta charset=windows-1252>", [0x80, 0x35, 0x20, 0x93, 0x54, 0xe5, 0x72, 0x94], "€5 “Tår”"],
  ['<META http-equiv="Content-Type" content="text/html; charset=ISO-8859-1">', [0x54, 0xe5, 0x72], "Tår"],
  ["<meta charset='iso-8859-2'>", [0xb3], "ł"],
  ['<?xml version="1.0" encoding="koi8-r"?>', [0xd4], "т"],
  ["<meta charset=shift_jis>", [0x93, 0xfa], "日"],
  ["<meta charset=iso-2022-jp>", [0x1b, 0x24, 0x42, 0x46, 0x7c, 0x1b, 0x28, 0x42], "日"],
  // Many a server's template says so of pages that are not.
  ["<meta charset=iso-8859-1>", [0xc3, 0xa5], "å"],
])("%s", (head, word, expected) => {
  expect(decodeHtml(page(head, word))).toBe(`${head}<p>${expected}</p>`);
});

test.each(["", "<meta charset=utf-8>", "<meta charset=klingon>", `${" ".repeat(1024)}<meta charset=windows-1252>`])(
  "%j says nothing about bytes that are not UTF-8",
  (head) => {
    expect(() => decodeHtml(page(head, [0xe5]))).toThrow(expect.objectContaining({ code: "DOCUMENT_NOT_UTF8" }));
  },
);

test("what is no text stays none", () => {
  const picture = Buffer.concat([
    Buffer.from("<meta charset=windows-1252>"),
    Buffer.alloc(500, 0x03),
    Buffer.from([0xe5]),
  ]);
  expect(() => decodeHtml(picture)).toThrow(expect.objectContaining({ code: "DOCUMENT_NOT_TEXT" }));
});
