/** The documents of one knowledge leaf as text, from its git repository or from the folder beside its `qna.yaml`. */
import { readFile, realpath, stat } from "node:fs/promises";
import { dirname, extname, isAbsolute, join, relative } from "node:path";
import type { DocumentSource, LeafNode } from "../artifacts.ts";
import { IlabError, throwIfAborted } from "../util/errors.ts";
import { redactCredentials } from "../util/git.ts";
import { fetchRepository } from "./fetch-repository.ts";
import { listDocuments } from "./list-documents.ts";

export interface SourceDocument {
  /** Path inside the document source, with `/`. */
  name: string;
  text: string;
}

export interface ReadDocumentsOptions {
  /** Checkouts of document repositories are kept here; every run may share it. */
  cacheDirectory: string;
  signal?: AbortSignal;
}

/** A long book has 2 MiB of text; the parser holds several copies. */
const MAX_DOCUMENT_BYTES = 16 * 1024 * 1024;
const readableExtensions = [".md", ".txt"];

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
  const { root, words } = await rootOf(leaf, source, options);
  const names = await listDocuments(root, patterns, options.signal);
  if (names.length === 0)
    throw new IlabError({
      code: "DOCUMENT_NOT_FOUND",
      message: `no document in ${words} matches ${patterns.map((pattern) => `'${pattern}'`).join(", ")}`,
      hint: "Check the spelling, and that the file is committed or lies in the folder. '**/*.md' also looks into subfolders.",
    });
  const unreadable = names.filter((name) => !readableExtensions.includes(extname(name).toLowerCase()));
  if (unreadable.length > 0)
    throw new IlabError({
      code: "DOCUMENT_FORMAT_UNSUPPORTED",
      message: `cannot read ${nameSome(unreadable)}; documents are Markdown (.md) or plain text (.txt)`,
      hint: "Convert them to Markdown, or narrow the patterns, for example to '*.md'.",
    });
  const documents: SourceDocument[] = [];
  for (const name of names) {
    throwIfAborted(options.signal);
    documents.push({ name, text: await readDocument(root, name) });
  }
  return documents;
}

async function rootOf(
  leaf: LeafNode,
  source: DocumentSource,
  { cacheDirectory, signal }: ReadDocumentsOptions,
): Promise<{ root: string; words: string }> {
  const baseDirectory = dirname(leaf.file);
  if ("repo" in source) {
    const { directory } = await fetchRepository(source.repo, source.commit, { cacheDirectory, baseDirectory, signal });
    return { root: directory, words: `${redactCredentials(source.repo)} at ${source.commit}` };
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

async function readDocument(root: string, name: string): Promise<string> {
  const file = join(root, name);
  const fail = (code: string, what: string, hint: string, cause?: unknown): never => {
    throw new IlabError({ code, message: `the document '${name}' ${what}`, hint, cause });
  };
  let bytes: Buffer;
  try {
    const { size } = await stat(file);
    if (size > MAX_DOCUMENT_BYTES)
      fail(
        "DOCUMENT_TOO_LARGE",
        `has ${size} bytes; the limit is ${MAX_DOCUMENT_BYTES}`,
        "Split it into several files.",
      );
    bytes = await readFile(file);
  } catch (error) {
    if (error instanceof IlabError) throw error;
    return fail("DOCUMENT_NOT_FOUND", `cannot be read: ${(error as Error).message}`, "Check that it exists.", error);
  }
  let text = "";
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    fail(
      "DOCUMENT_NOT_UTF8",
      "is not encoded in UTF-8",
      "Open it in an editor and save it with the encoding UTF-8.",
      error,
    );
  }
  if (text.includes("\0")) fail("DOCUMENT_NOT_TEXT", "is not a text: it holds NUL characters", "Give the text itself.");
  if (text.trim() === "") fail("DOCUMENT_EMPTY", "is empty", "Write its text, or take it out of the patterns.");
  return text;
}

function nameSome(names: readonly string[]): string {
  const shown = names.slice(0, 5).map((name) => `'${name}'`);
  return names.length > shown.length ? `${shown.join(", ")} and ${names.length - shown.length} more` : shown.join(", ");
}
