/** A leaf's seeds as the rows that pipelines start from; columns as upstream names them. */
import type { LeafKind, LeafNode, LeafSeeds, Row, SeedExample } from "../artifacts.ts";

/**
 * Knowledge: one row per chunk and seed example, chunk by chunk. Skills: one row per pair, of the kind that this seed is.
 * @param hasHeadings whether `document` begins with the headings above the chunk, as upstream's does.
 */
export function sampleRows({ leaf, chunks }: LeafSeeds, hasHeadings = false): Row[] {
  if (leaf.kind === "knowledge")
    return chunks.flatMap((chunk) =>
      leaf.seedExamples.map((example): Row => {
        const row: Row = {
          document: (hasHeadings ? [...chunk.headings, chunk.text] : [chunk.text]).join("\n"),
          document_source: chunk.source,
          document_headings: chunk.headings,
          icl_document: example.context ?? "",
          document_outline: leaf.documentOutline ?? "",
          domain: leaf.domain ?? "",
          leaf_node_type: leaf.kind,
          leaf_node_path: leaf.name,
        };
        example.pairs.forEach((pair, index) => {
          row[`icl_query_${index + 1}`] = pair.question;
          row[`icl_response_${index + 1}`] = pair.answer;
        });
        return row;
      }),
    );
  return leaf.seedExamples.flatMap((example) =>
    example.pairs.map(
      (pair): Row => ({
        task_description: leaf.taskDescription ?? "",
        ...(example.context === undefined ? {} : { seed_context: example.context }),
        seed_question: pair.question,
        seed_response: pair.answer,
        leaf_node_type: skillKind(example),
        leaf_node_path: leaf.name,
      }),
    ),
  );
}

/** Of a leaf's rows, in order of appearance: a skill's seeds may be of both kinds. */
export function rowKinds({ kind, seedExamples }: LeafNode): LeafKind[] {
  return kind === "knowledge" ? [kind] : [...new Set(seedExamples.map(skillKind))];
}

function skillKind({ context }: SeedExample): LeafKind {
  return context === undefined ? "freeform_skill" : "grounded_skill";
}

/** Columns that every row of a kind has; a pipeline is checked against them before anything runs. */
export function sampleColumns(kind: LeafSeeds["leaf"]["kind"]): string[] {
  const common = ["leaf_node_type", "leaf_node_path"];
  if (kind !== "knowledge")
    return [
      "task_description",
      ...(kind === "grounded_skill" ? ["seed_context"] : []),
      "seed_question",
      "seed_response",
      ...common,
    ];
  return [
    "document",
    "document_source",
    "document_headings",
    "icl_document",
    "document_outline",
    "domain",
    ...common,
    "icl_query_1",
    "icl_response_1",
    "icl_query_2",
    "icl_response_2",
    "icl_query_3",
    "icl_response_3",
  ];
}
