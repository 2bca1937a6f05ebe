/** One document, or all that lie in a folder, cut into pieces without a taxonomy around them. */
import { stat } from "node:fs/promises";
import { basename, dirname } from "node:path";
import type { DocumentChunk } from "../artifacts.ts";
import { doclingEndings } from "../formats/documents/convert-by-docling.ts";
import { readableEndings } from "../formats/documents/read-document.ts";
import { UsageError } from "../util/errors.ts";
import type { Work, WorkEvent } from "../util/events.ts";
import { chunkDocument } from "./chunk-document.ts";
import type { CollectSeedsOptions } from "./collect-seeds.ts";
import { listDocuments } from "./list-documents.ts";
import { readNamed } from "./read-documents.ts";

const warn = (name: string, text: string): WorkEvent => ({
  type: "message",
  stage: "seeds",
  level: "warning",
  text: `the document '${name}': ${text}`,
});

/** Throws `UsageError` when there is nothing to read, and what `readNamed` throws. */
export async function* chunkFiles(path: string, options: CollectSeedsOptions): Work<DocumentChunk[]> {
  const { chunking, docling, signal } = options;
  const status = await stat(path).catch(() => undefined);
  if (status === undefined) throw new UsageError(`there is no file or folder ${path}`);
  const isFolder = status.isDirectory();
  const root = isFolder ? path : dirname(path);
  const endings = [...readableEndings, ...(docling === undefined ? [] : doclingEndings)];
  const isReadable = (name: string) => endings.some((ending) => name.toLowerCase().endsWith(ending));
  const names = isFolder ? (await listDocuments(root, ["**/*"], signal)).filter(isReadable) : [basename(path)];
  if (names.length === 0)
    throw new UsageError(`no document lies in ${path}`, `Documents are ${readableEndings.join(", ")}.`);
  await chunking?.counter?.prepare();
  const chunks: DocumentChunk[] = [];
  for (const document of await readNamed(root, names, options)) {
    for (const warning of document.warnings) yield warn(document.name, warning);
    const pieces = await chunkDocument(document, chunking);
    if (pieces.length === 0) yield warn(document.name, "it holds no text, only headings or pictures");
    chunks.push(...pieces);
  }
  return chunks;
}
