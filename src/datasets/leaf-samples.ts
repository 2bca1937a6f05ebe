/** A leaf's generated rows and seed pairs as training samples in the messages format. */
import type { GeneratedLeaf, MessagesSample, QuestionAnswer, Row } from "../artifacts.ts";
import { sha256 } from "../util/hash.ts";

/** What a sample is made of; kept in its metadata. */
export type SampleDataset = "seed" | "qa" | "about" | "sentence" | string;

export interface LeafSamples {
  /** Question and answer, or a text to be learned as it stands: what a model is tuned on without its documents. */
  closedBook: MessagesSample[];
  /** Questions behind the document that answers them (upstream's knowledge phase). Empty for skills. */
  withDocument: MessagesSample[];
  /** Pairs left out because they are held out for the test. */
  heldOutCount: number;
}

export function leafSamples({ leaf, generated }: GeneratedLeaf): LeafSamples {
  const heldOut = new Set(leaf.heldOut.map(({ question }) => normaliseQuestion(question)));
  const closedBook: MessagesSample[] = [];
  const withDocument: MessagesSample[] = [];
  const seen = new Set<string>();
  let heldOutCount = 0;

  const add = (list: MessagesSample[], messages: MessagesSample["messages"], metadata: Row, unmask: boolean) => {
    const id = sampleId(leaf.taxonomyPath, messages);
    if (seen.has(id)) return;
    seen.add(id);
    list.push({ messages, metadata: JSON.stringify({ leaf: leaf.taxonomyPath, ...metadata }), id, unmask });
  };
  const isHeldOut = (question: string) => {
    const found = heldOut.has(normaliseQuestion(question)) || mentionsHeldOut(question, heldOut);
    if (found) heldOutCount += 1;
    return found;
  };
  const addPair = (pair: QuestionAnswer, context: string, metadata: Row) => {
    const question = pair.question.trim();
    const answer = pair.answer.trim();
    if (question === "" || answer === "" || isHeldOut(question)) return;
    const user = context === "" || question.includes(context) ? question : `${question}\n${context}`;
    add(
      closedBook,
      [
        { role: "user", content: user },
        { role: "assistant", content: answer },
      ],
      metadata,
      false,
    );
  };

  for (const { context, pairs } of leaf.seedExamples)
    for (const pair of pairs)
      addPair(pair, leaf.kind === "grounded_skill" ? (context ?? "") : "", { dataset: "seed", source: context ?? "" });

  for (const row of generated) {
    const metadata: Row = {
      dataset: text(row, "dataset_type") || "qa",
      source: text(row, "sentence") || text(row, "document"),
    };
    const plain = text(row, "text");
    if (plain !== "" && text(row, "question") === "") {
      add(closedBook, [{ role: "pretraining", content: plain }], metadata, true);
      continue;
    }
    const pair = { question: text(row, "question"), answer: text(row, "response") };
    addPair(pair, text(row, "context"), metadata);
    const document = text(row, "document");
    if (
      leaf.kind !== "knowledge" ||
      document === "" ||
      metadata["dataset"] !== "qa" ||
      mentionsHeldOut(pair.question, heldOut)
    )
      continue;
    add(
      withDocument,
      [
        { role: "user", content: `${document}\n\n${pair.question}` },
        { role: "assistant", content: pair.answer },
      ],
      { dataset: "document_knowledge_qa", sdg_document: document, domain: text(row, "domain") },
      true,
    );
  }
  return { closedBook, withDocument, heldOutCount };
}

function text(row: Row, column: string): string {
  const value = row[column];
  return typeof value === "string" ? value : "";
}

/** The question as people mean it: case, punctuation and spacing aside. */
function normaliseQuestion(question: string): string {
  return question
    .normalize("NFKC")
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, " ")
    .trim();
}

/** A held-out question also hides behind an introduction: "About Tarnwick: who founded it?". */
function mentionsHeldOut(question: string, heldOut: ReadonlySet<string>): boolean {
  const normal = ` ${normaliseQuestion(question)} `;
  for (const held of heldOut) if (held !== "" && normal.includes(` ${held} `)) return true;
  return false;
}

/** The same sample has the same id in every run; written as a UUID because upstream's readers expect one. */
function sampleId(leaf: string, messages: MessagesSample["messages"]): string {
  const hex = sha256(JSON.stringify([leaf, messages]));
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join("-");
}
