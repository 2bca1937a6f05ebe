/** The content of a `qna.yaml` that its schema has made sure of -> a leaf node. */
import { resolve } from "node:path";
import type { DocumentSource, LeafKind, LeafNode, QuestionAnswer, SeedExample } from "../artifacts.ts";

export interface LeafContent {
  version?: number;
  created_by: string;
  domain?: string;
  document_outline?: string;
  task_description?: string;
  document?: DocumentSource;
  seed_examples: ({ context?: string } & (QuestionAnswer | { questions_and_answers: QuestionAnswer[] }))[];
}

export function toLeaf(content: LeafContent, file: string, parts: readonly string[]): LeafNode {
  const taxonomyPath = parts.join("->");
  const seedExamples = content.seed_examples.map((example): SeedExample => {
    const pairs = "questions_and_answers" in example ? example.questions_and_answers : [example];
    return {
      ...(example.context === undefined ? {} : { context: example.context }),
      pairs: pairs.map(({ question, answer }) => ({ question, answer })),
    };
  });
  const kind: LeafKind =
    content.document !== undefined
      ? "knowledge"
      : seedExamples.some(({ context }) => context !== undefined)
        ? "grounded_skill"
        : "freeform_skill";
  return {
    file: resolve(file),
    taxonomyPath,
    name: taxonomyPath.replaceAll("->", "_"),
    kind,
    createdBy: content.created_by,
    domain: content.domain,
    documentOutline: content.document_outline,
    taskDescription: content.task_description,
    seedExamples,
    document: content.document,
    heldOut: [],
  };
}
