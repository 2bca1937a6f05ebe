/** Leaf nodes -> what a pipeline starts from: each leaf with its documents read and cut into pieces. */
import type { DocumentChunk, LeafNode, LeafSeeds } from "../artifacts.ts";
import { IlabError, throwIfAborted } from "../util/errors.ts";
import type { Work } from "../util/events.ts";
import { type ChunkingOptions, chunkDocument } from "./chunk-document.ts";
import { type ReadDocumentsOptions, readDocuments } from "./read-documents.ts";

export interface CollectSeedsOptions extends ReadDocumentsOptions {
  /** How documents are cut into pieces. */
  chunking?: ChunkingOptions;
}

/** One result for each leaf, in the same order; throws `IlabError` with a code `DOCUMENT_…` at the first leaf that has none to read. */
export async function* collectSeeds(leaves: readonly LeafNode[], options: CollectSeedsOptions): Work<LeafSeeds[]> {
  const started = performance.now();
  const step = "documents";
  if (leaves.some(({ document }) => document !== undefined)) await options.chunking?.counter?.prepare();
  const total = leaves.length;
  yield { type: "step-start", stage: "seeds", step, total, unit: "leaf" };
  const seeds: LeafSeeds[] = [];
  for (const leaf of leaves) {
    throwIfAborted(options.signal);
    const documents = await readDocuments(leaf, options);
    const chunks: DocumentChunk[] = [];
    for (const document of documents) {
      for (const warning of document.warnings)
        yield {
          type: "message",
          stage: "seeds",
          level: "warning",
          text: `${leaf.taxonomyPath}: the document '${document.name}': ${warning}`,
        };
      chunks.push(...(await chunkDocument(document, options.chunking)));
    }
    if (leaf.document !== undefined && chunks.length === 0)
      throw new IlabError({
        code: "DOCUMENT_EMPTY",
        message: `${leaf.taxonomyPath}: the documents hold no text, only headings or pictures`,
        hint: "Write text below the headings.",
      });
    seeds.push({ leaf, chunks });
    yield {
      type: "step-progress",
      stage: "seeds",
      step,
      done: seeds.length,
      total,
      unit: "leaf",
      note: leaf.taxonomyPath,
    };
  }
  const chunkCount = seeds.reduce((count, { chunks }) => count + chunks.length, 0);
  const seconds = (performance.now() - started) / 1000;
  yield { type: "step-end", stage: "seeds", step, seconds, note: `${chunkCount} pieces of ${total} leaves` };
  return seeds;
}
