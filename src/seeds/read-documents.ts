/** The documents of one knowledge leaf, read into blocks: from its git repository or from the folder beside its `qna.yaml`. */
import { readFile, realpath, stat } from "node:fs/promises";
import { dirname, extname, isAbsolute, join, relative } from "node:path";
import type { DocumentSource, LeafNode } from "../artifacts.ts";
import { convertByDocling, type DoclingOptions, doclingEndings } from "../formats/documents/convert-by-docling.ts";
import { blockText, type DocumentBlock } from "../formats/documents/document-block.ts";
import { maxDocumentBytes, readableEndings, readDocument } from "../formats/documents/read-document.ts";
import { readMarkdown } from "../formats/documents/read-markdown.ts";
import { IlabError, throwIfAborted } from "../util/errors.ts";
import { writeFileAtomic } from "../util/fs.ts";
import { redactCredentials } from "../util/git.ts";
import { sha256 } from "../util/hash.ts";
import { fetchRepository } from "./fetch-repository.ts";
import { listDocuments } from "./list-documents.ts";

export interface SourceDocument {
  /** Path inside the document source, with `/`. */
  name: string;
  blocks: DocumentBlock[];
  /** The blocks as Markdown. */
  text: string;
  /** What a reader should know, such as pages that hold no text. */
  warnings: string[];
}

export interface ReadDocumentsOptions {
  /** Checkouts of document repositories are kept here; every run may share it. */
  cacheDirectory: string;
  /** A docling-serve server that converts everything but texts. */
  docling?: Pick<DoclingOptions, "url" | "apiKey">;
  /** Repositories are not fetched: what is not cached is `DOCUMENT_NOT_CACHED`. */
  isOffline?: boolean;
  signal?: AbortSignal;
}

/** Of files that only docling-serve reads. */
const MAX_CONVERTED_BYTES = 128 * 1024 * 1024;

/** Throws `IlabError` with a code `DOCUMENT_…` that names the leaf; empty for a leaf without documents. */
export async function readDocuments(leaf: LeafNode, options: ReadDocumentsOptions): Promise<SourceDocument[]> {
  if (leaf.document === undefined) return [];
  try {
    return await read(leaf, leaf.document, options);
  } catch (error) {
    if (!(error instanceof IlabError) || !error.code.startsWith("DOCUMENT_")) throw error;
    const { code, message, hint } = error;
    throw new IlabError({ code, message: `${leaf.taxonomyPath}: ${message}`, hint, cause: error });
  }
}

async function read(leaf: LeafNode, source: DocumentSource, options: ReadDocumentsOptions): Promise<SourceDocument[]> {
  const { patterns } = source;
  const { root, words, warning } = await rootOf(leaf, source, options);
  const names = await listDocuments(root, patterns, options.signal);
  if (names.length === 0)
    throw new IlabError({
      code: "DOCUMENT_NOT_FOUND",
      message: `no document in ${words} matches ${patterns.map((pattern) => `'${pattern}'`).join(", ")}`,
      hint: "Check the spelling, and that the file is committed or lies in the folder. '**/*.md' also looks into subfolders.",
    });
  const documents = await readNamed(root, names, options);
  if (warning !== undefined) documents[0]!.warnings.push(warning);
  return documents;
}

/** Documents by their paths below `root`, in this order. */
export async function readNamed(
  root: string,
  names: readonly string[],
  options: ReadDocumentsOptions,
): Promise<SourceDocument[]> {
  const endings = [...readableEndings, ...(options.docling === undefined ? [] : doclingEndings)];
  const unreadable = names.filter((name) => !endings.includes(extname(name).toLowerCase()));
  if (unreadable.length > 0)
    throw new IlabError({
      code: "DOCUMENT_FORMAT_UNSUPPORTED",
      message: `cannot read ${nameSome(unreadable)}; documents are ${readableEndings.join(", ")}`,
      hint: unreadable.some((name) => doclingEndings.includes(extname(name).toLowerCase()))
        ? "A docling-serve server reads it: set generate.docling_url. Or convert it to Markdown, or narrow the patterns."
        : "Convert them to Markdown, or narrow the patterns, for example to '*.md'.",
    });
  const documents: SourceDocument[] = [];
  for (const name of names) {
    throwIfAborted(options.signal);
    try {
      documents.push(await readOne(root, name, options));
    } catch (error) {
      if (!(error instanceof IlabError) || !error.code.startsWith("DOCUMENT_")) throw error;
      const { code, message, hint } = error;
      throw new IlabError({ code, message: `the document '${name}': ${message}`, hint, cause: error });
    }
  }
  return documents;
}

async function rootOf(
  leaf: LeafNode,
  source: DocumentSource,
  { cacheDirectory, isOffline, signal }: ReadDocumentsOptions,
): Promise<{ root: string; words: string; warning?: string }> {
  const baseDirectory = dirname(leaf.file);
  if ("repo" in source) {
    const options = { cacheDirectory, baseDirectory, isOffline, signal };
    const { directory, warning } = await fetchRepository(source.repo, source.commit, options);
    return { root: directory, words: `${redactCredentials(source.repo)} at ${source.commit}`, warning };
  }
  const root = join(baseDirectory, source.folder);
  const real = await realpath(root).catch(() => undefined);
  if (real === undefined)
    throw new IlabError({
      code: "DOCUMENT_NOT_FOUND",
      message: `the document folder ${root} does not exist`,
      hint: "Create it beside the qna.yaml and put the documents there.",
    });
  const way = relative(await realpath(baseDirectory), real);
  if (way.split(/[\\/]/)[0] === ".." || isAbsolute(way))
    throw new IlabError({
      code: "DOCUMENT_OUTSIDE",
      message: `the document folder '${source.folder}' is not inside the leaf's directory`,
      hint: "Put the documents into a folder beside the qna.yaml and give its name alone.",
    });
  return { root, words: `the folder ${root}` };
}

/** Asks docling-serve where there is one, except for texts, which need no recognising. */
async function readOne(root: string, name: string, options: ReadDocumentsOptions): Promise<SourceDocument> {
  const bytes = await readBytes(join(root, name), maxDocumentBytes(name) ?? MAX_CONVERTED_BYTES);
  if (bytes.subarray(0, LFS_POINTER.length).toString() === LFS_POINTER)
    throw new IlabError({
      code: "DOCUMENT_LFS_POINTER",
      message: "it is kept by Git LFS, so the repository holds only a pointer to it",
      hint: `Install git-lfs ('git lfs install'), remove ${root} and try again, or put the document itself into the repository.`,
    });
  const { docling, signal } = options;
  const isConverted = docling !== undefined && !isText(name);
  const { blocks, warnings } = isConverted
    ? { blocks: readMarkdown(await convertOnce(name, bytes, docling, options)), warnings: [] }
    : await readDocument(name, bytes, signal);
  if (blocks.length === 0)
    throw new IlabError({
      code: "DOCUMENT_EMPTY",
      message: "it is empty",
      hint: "Write its text, or take it out of the patterns.",
    });
  return { name, blocks, text: blocks.map(withHeadingMark).join("\n\n"), warnings };
}

const LFS_POINTER = "version https://git-lfs.github.com/spec/";

function isText(name: string): boolean {
  return /\.(?:md|markdown|txt|html?|xhtml)$/i.test(name);
}

function withHeadingMark(block: DocumentBlock): string {
  return block.kind === "heading" ? `${"#".repeat(Math.max(1, block.level))} ${block.text}` : blockText(block);
}

/** A conversion takes minutes: its result is kept by what was converted. */
async function convertOnce(
  name: string,
  bytes: Buffer,
  docling: NonNullable<ReadDocumentsOptions["docling"]>,
  { cacheDirectory, signal }: ReadDocumentsOptions,
): Promise<string> {
  const place = join(cacheDirectory, `converted-${sha256(bytes)}.md`);
  const known = await readFile(place, "utf8").catch(() => undefined);
  if (known !== undefined) return known;
  const markdown = await convertByDocling(name, bytes, { ...docling, signal });
  await writeFileAtomic(place, markdown);
  return markdown;
}

async function readBytes(file: string, maxBytes: number): Promise<Buffer> {
  try {
    const status = await stat(file);
    if (!status.isFile()) throw new IlabError({ code: "DOCUMENT_NOT_TEXT", message: "it is not a file" });
    if (status.size > maxBytes)
      throw new IlabError({
        code: "DOCUMENT_TOO_LARGE",
        message: `it has ${status.size} bytes; the limit is ${maxBytes}`,
        hint: "Split it into several files.",
      });
    return await readFile(file);
  } catch (error) {
    if (error instanceof IlabError) throw error;
    throw new IlabError({
      code: "DOCUMENT_NOT_FOUND",
      message: `it cannot be read: ${(error as Error).message}`,
      hint: "Check that it exists.",
      cause: error,
    });
  }
}

function nameSome(names: readonly string[]): string {
  const shown = names.slice(0, 5).map((name) => `'${name}'`);
  return names.length > shown.length ? `${shown.join(", ")} and ${names.length - shown.length} more` : shown.join(", ");
}
