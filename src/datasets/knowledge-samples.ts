/**
 * The two phases of upstream's knowledge training. p07: pairs behind their document, learned whole. p10: the same pairs behind documents that
 * distract (RAFT, arXiv 2403.10131), p07's pairs again, and how documents are rewritten.
 */
import type { GeneratedLeaf, MessagesSample } from "../artifacts.ts";
import { toAsciiJson } from "../formats/jsonl-styles.ts";
import { createRandomSource, deriveSeed } from "../util/rng.ts";
import { isDocumentPair } from "./leaf-samples.ts";
import { sampleId } from "./sample-id.ts";
import { type GeneratedPair, isPair, rowText, type UsableRows } from "./usable-rows.ts";

/** Share of the questions that find the right document among the others. */
const GOLDEN_SHARE = 0.4;
const DOCUMENTS_PER_QUESTION = 4;

export interface KnowledgeSamples {
  p07: MessagesSample[];
  p10: MessagesSample[];
}

export function knowledgeSamples(generated: GeneratedLeaf, { rows }: UsableRows, seed: number): KnowledgeSamples {
  const { leaf, auxiliaryInstructions = {} } = generated;
  const make = (user: string, assistant: string, metadata: object, unmask: boolean): MessagesSample => {
    const messages = [
      { role: "user", content: user },
      { role: "assistant", content: assistant },
    ];
    return { messages, metadata: toAsciiJson(metadata), id: sampleId(leaf.taxonomyPath, messages, unmask), unmask };
  };
  const documentPairs = rows.filter(isPair).filter(({ row }) => isDocumentPair(row));
  const documents = [...new Set(documentPairs.map(({ row }) => rowText(row, "document")))];

  const whole = documentPairs.map((pair) =>
    make(`${rowText(pair.row, "document")}\n\n${pair.question}`, pair.answer, metadataOf(pair), true),
  );
  const raft = documentPairs.map((pair) => {
    const shown = pickDocuments(rowText(pair.row, "document"), documents, seedOf(seed, leaf.name, pair));
    const context = shown.map((document) => `Document:\n${document}\n\n`).join("\n");
    const metadata = metadataOf(pair, `_raft_p${GOLDEN_SHARE}`);
    return make(`${context}\n\n${pair.question}`, pair.answer, metadata, false);
  });
  const rewritten = (unmask: boolean) =>
    rewrittenDocuments(documentPairs, auxiliaryInstructions).map(({ row, type, instructions }) => {
      const raw = rowText(row, "raw_document");
      const random = createRandomSource(seedOf(seed, leaf.name, { row, question: type, answer: "" }));
      const instruction = instructions[random.integer(instructions.length)]!;
      const metadata = {
        dataset_type: type,
        raw_document: raw,
        dataset: `document_${type}`,
        domain: rowText(row, "domain"),
      };
      return make(`${raw}\n\n${instruction}`, rowText(row, "document"), metadata, unmask);
    });
  const asTheyStand = rows.flatMap((generatedRow): MessagesSample[] => {
    if (isPair(generatedRow)) return [];
    const messages = [{ role: "pretraining", content: generatedRow.text }];
    const metadata = toAsciiJson({ dataset: "document_sentence", domain: rowText(generatedRow.row, "domain") });
    return [{ messages, metadata, id: sampleId(leaf.taxonomyPath, messages, true), unmask: true }];
  });
  return {
    p07: distinct([...asTheyStand, ...whole, ...rewritten(true)]),
    p10: distinct([...raft, ...whole, ...rewritten(false)]),
  };
}

function metadataOf({ row }: GeneratedPair, suffix = ""): object {
  const isRewritten = "raw_document" in row && "dataset_type" in row;
  return {
    sdg_document: row["document"],
    domain: row["domain"] ?? "",
    dataset: `document_knowledge_qa${suffix}`,
    ...(isRewritten ? { raw_document: row["raw_document"], dataset_type: row["dataset_type"] } : {}),
  };
}

/** Other documents of the leaf, with the right one or without it, in random order. */
function pickDocuments(golden: string, documents: readonly string[], seed: number): string[] {
  if (documents.length === 1) return [golden];
  const random = createRandomSource(seed);
  const isGolden = random.next() < GOLDEN_SHARE;
  const wanted = Math.min(DOCUMENTS_PER_QUESTION - (isGolden ? 1 : 0), documents.length - 1);
  const others = new Set<string>();
  while (others.size < wanted) {
    const document = documents[random.integer(documents.length)]!;
    if (document !== golden) others.add(document);
  }
  return random.shuffle(isGolden ? [golden, ...others] : [...others]);
}

/** Every document that the pipeline wrote anew, once, where it says how such a document is asked for. */
function rewrittenDocuments(pairs: readonly GeneratedPair[], instructionsByType: Record<string, string[]>) {
  const seen = new Set<string>();
  return pairs.flatMap(({ row }) => {
    const type = rowText(row, "dataset_type");
    const document = rowText(row, "document");
    const instructions = instructionsByType[type] ?? [];
    const isNew = type !== "base_document" && instructions.length > 0 && rowText(row, "raw_document") !== "";
    if (!isNew || seen.has(document)) return [];
    seen.add(document);
    return [{ row, type, instructions }];
  });
}

/** What is drawn for one sample depends on nothing but the run's seed and the sample. */
function seedOf(seed: number, leafName: string, { row, question, answer }: Omit<GeneratedPair, "context">): number {
  const id = sampleId(leafName, rowText(row, "document"), question, answer);
  return deriveSeed(seed, Number.parseInt(id.slice(0, 8), 16));
}

function distinct(samples: readonly MessagesSample[]): MessagesSample[] {
  return [...new Map(samples.map((sample) => [sample.id, sample])).values()];
}
