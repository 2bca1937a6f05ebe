/** A leaf's seed pairs, generated pairs and texts as samples without their documents: what a model is tuned on by default (`messages_…jsonl`). */
import type { GeneratedLeaf, MessagesSample, Row } from "../artifacts.ts";
import { sampleId } from "./sample-id.ts";
import { isPair, questionInContext, rowText, type UsableRows } from "./usable-rows.ts";

/** The pipeline's own kinds of rows; other values of the column `dataset_type` say which form of the document a pair was written from. */
const rowKinds = new Set(["qa", "echo", "keywords", "about", "sentence"]);

export function leafSamples(
  { leaf, preprocessed }: GeneratedLeaf,
  { seeds, rows }: UsableRows,
  systemPrompt?: string,
): MessagesSample[] {
  const samples = new Map<string, MessagesSample>();
  const add = (messages: MessagesSample["messages"], origin: Row, unmask: boolean) => {
    const id = sampleId(leaf.taxonomyPath, messages);
    if (samples.has(id)) return;
    const metadata = {
      ...(systemPrompt === undefined ? {} : { system: systemPrompt }),
      leaf: leaf.taxonomyPath,
      ...origin,
    };
    samples.set(id, { messages, metadata: JSON.stringify(metadata), id, unmask });
  };
  const addPair = (user: string, assistant: string, origin: Row) =>
    add(
      [
        { role: "user", content: user },
        { role: "assistant", content: assistant },
      ],
      origin,
      false,
    );

  for (const { question, answer, context } of seeds)
    addPair(questionInContext({ question, context: leaf.kind === "knowledge" ? "" : context }), answer, {
      dataset: "seed",
      source: context,
    });
  // Not every pipeline hands on which document a piece is from.
  const chunks = new Map(preprocessed.map((row) => [rowText(row, "document"), row]));
  for (const row of rows) {
    const chunk = chunks.get(rowText(row.row, "raw_document")) ?? chunks.get(rowText(row.row, "document"));
    const { document_source, document_headings } = chunk ?? {};
    const origin = originOf({
      document_source: document_source ?? "",
      document_headings: document_headings ?? [],
      ...row.row,
    });
    if (isPair(row)) addPair(questionInContext(row), row.answer, origin);
    else add([{ role: "pretraining", content: row.text }], origin, true);
  }
  return [...samples.values()];
}

/** Where a sample came from, for people; texts that are empty are left out. */
export interface SampleOrigin {
  leaf?: string;
  /** What kind of sample: `seed`, `qa`, `echo`, `about`, `sentence`, … */
  dataset?: string;
  /** From which form of the document it was written: `spellcheck`, `base_document`, … */
  dataset_type?: string;
  /** File name and headings of the document. */
  document?: string;
  headings?: string;
  /** The question that was given as an example. */
  seed?: string;
  /** The sentence or piece of the document that it was written from. */
  source?: string;
}

export function originOf(row: Row): Row & SampleOrigin {
  const type = rowText(row, "dataset_type");
  const isKind = rowKinds.has(type);
  const headings = row["document_headings"];
  const optional = {
    dataset_type: isKind ? "" : type,
    document: rowText(row, "document_source"),
    headings: Array.isArray(headings) ? headings.join(" > ") : "",
    seed: rowText(row, "seed_question") || rowText(row, "icl_query_1"),
  };
  return {
    dataset: isKind ? type : "qa",
    source: rowText(row, "sentence") || rowText(row, "document"),
    ...Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== "")),
  };
}

/** Whether the row is a pair that was written from its document, as opposed to one that leads to it by any words. */
export function isDocumentPair(row: Row): boolean {
  return rowText(row, "document") !== "" && originOf(row)["dataset"] === "qa";
}
