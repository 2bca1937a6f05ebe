import { deflateSync } from "node:zlib";
import { expect, test } from "vitest";
import { makePdf, streamObject } from "../../../../test/helpers/make-pdf.ts";
import { readPdf } from "../read-pdf.ts";

const text = Buffer.from("BT /F1 10 Tf 60 700 Td (The lamp burns until the morning.) Tj ET\n");
const packed = (bytes: number) => deflateSync(Buffer.concat([text, Buffer.alloc(bytes, " ")]));

test("a page that unpacks to more than 64 MiB is refused before it is unpacked; a long one is read", async () => {
  const bomb = makePdf([streamObject(packed(100 * 1024 * 1024), "/Filter /FlateDecode")]);
  expect(bomb.length).toBeLessThan(150_000);
  await expect(readPdf(bomb)).rejects.toMatchObject({
    code: "DOCUMENT_TOO_LARGE",
    message: "one of its streams unpacks to more than 64 MiB",
  });
  const { blocks } = await readPdf(makePdf([streamObject(packed(1024 * 1024), "/Filter /FlateDecode")]));
  expect(blocks).toEqual([{ kind: "paragraph", text: "The lamp burns until the morning." }]);
});

test("big pictures and attachments do not matter: they are not read", async () => {
  const entries = "/Filter /FlateDecode /Type /EmbeddedFile";
  const pdf = makePdf([streamObject(packed(0), "/Filter /FlateDecode")], {
    objects: [streamObject(deflateSync(Buffer.alloc(100 * 1024 * 1024)), entries)],
  });
  expect((await readPdf(pdf)).blocks).toHaveLength(1);
});
