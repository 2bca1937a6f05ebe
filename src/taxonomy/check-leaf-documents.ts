/**
 * What can only be said with a leaf's documents at hand: that they can be had, and that the contexts stand in them word for word.
 * Whoever calls brings the reader, so that nothing is fetched from here.
 */
import type { Issue, LeafNode } from "../artifacts.ts";
import { IlabError } from "../util/errors.ts";
import { parseYaml } from "./parse-yaml.ts";
import { type Problem, problem, type YamlPath } from "./problem.ts";
import { readText } from "./read-text.ts";
import { toIssues } from "./to-issues.ts";

/** Undefined where the documents are not at hand. Throws `IlabError` with a code `DOCUMENT_…` for what is wrong with the leaf. */
export type ReadLeafDocuments = (leaf: LeafNode) => Promise<readonly { text: string }[] | undefined>;

/** Upstream's parser does not look at documents, so these are warnings; only in a folder of its own a leaf cannot do without them. */
export async function checkLeafDocuments(leaf: LeafNode, readDocuments: ReadLeafDocuments): Promise<Issue[]> {
  if (leaf.document === undefined) return [];
  const found: { path: YamlPath; make: (place: Pick<Problem, "line" | "column">) => Problem }[] = [];
  try {
    const documents = await readDocuments(leaf);
    if (documents === undefined) return [];
    const text = lettersOf(documents.map((document) => document.text).join("\n"));
    for (const [index, { context = "" }] of leaf.seedExamples.entries()) {
      if (text.includes(lettersOf(context))) continue;
      const path = ["seed_examples", index, "context"];
      const message = `the context does not stand in the documents word for word${firstMissing(context, text)}`;
      const hint =
        "Copy the passage from the document: questions are made from the document, and the examples shall be like it.";
      found.push({
        path,
        make: (place) => ({ ...problem("context-not-in-document", message, hint, place, path), severity: "warning" }),
      });
    }
  } catch (error) {
    // Other failures (disk, cancel) are not about the leaf.
    if (!(error instanceof IlabError) || !error.code.startsWith("DOCUMENT_")) throw error;
    const { message, hint = "" } = error;
    const severity = "folder" in leaf.document ? "error" : "warning";
    const code = error.code.toLowerCase().replaceAll("_", "-");
    const path = ["document"];
    found.push({ path, make: (place) => ({ ...problem(code, message, hint, place, path), severity }) });
  }
  if (found.length === 0) return [];
  const read = readText(leaf.file);
  const yaml = "problem" in read ? undefined : parseYaml(read.text).yaml;
  const placeOf = (path: YamlPath) => yaml?.locate(path, path.length === 1 ? "key" : "value") ?? { line: 1, column: 1 };
  return toIssues(
    leaf.file,
    found.map(({ path, make }) => make(placeOf(path))),
  );
}

/** Markup, blanks, hyphens at the end of a line and case make no difference. */
function lettersOf(text: string): string {
  return text
    .normalize("NFKC")
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, "");
}

function firstMissing(context: string, text: string): string {
  const sentence = context.split(/(?<=[.!?])\s+/).find((one) => !text.includes(lettersOf(one)));
  if (sentence === undefined) return "";
  const words = sentence.trim().split(/\s+/);
  return `: '${words.slice(0, 8).join(" ")}${words.length > 8 ? " …" : ""}'`;
}
