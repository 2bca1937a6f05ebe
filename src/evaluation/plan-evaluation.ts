/** What is asked of every model alike: held-out questions with their choices, and passages of general text. */
import type { LeafNode } from "../artifacts.ts";
import { IlabError } from "../util/errors.ts";
import { type Choice, pickChoices } from "./pick-choices.ts";

export const benchmarkNames = ["held_out", "forgetting"] as const;
export type BenchmarkName = (typeof benchmarkNames)[number];

export interface PlannedQuestion {
  leaf: string;
  question: string;
  reference: string;
  choices: Choice[];
}

export interface EvaluationPlan {
  /** Empty when `held_out` was not asked for. */
  questions: PlannedQuestion[];
  /** Empty when `forgetting` was not asked for. */
  passages: string[];
  seed: number;
}

export interface PlanOptions {
  benchmarks: readonly BenchmarkName[];
  /** For `held_out`. */
  leaves?: readonly LeafNode[];
  /** For `forgetting`: Markdown; every paragraph that is not a heading is a passage. */
  generalText?: string;
  seed?: number;
}

export const defaultEvaluationSeed = 1;

/** Throws `HELD_OUT_MISSING` when no leaf has questions, `GENERAL_TEXT_EMPTY` when the text has no paragraph. */
export function planEvaluation(options: PlanOptions): EvaluationPlan {
  const seed = options.seed ?? defaultEvaluationSeed;
  const questions = options.benchmarks.includes("held_out") ? planQuestions(options.leaves ?? [], seed) : [];
  const passages = options.benchmarks.includes("forgetting") ? splitPassages(options.generalText ?? "") : [];
  if (options.benchmarks.includes("forgetting") && passages.length === 0)
    throw new IlabError({
      code: "GENERAL_TEXT_EMPTY",
      message: "the general text for the benchmark forgetting has no paragraphs",
      hint: "Give it a text of several paragraphs, separated by empty lines.",
    });
  return { questions, passages, seed };
}

function planQuestions(leaves: readonly LeafNode[], seed: number): PlannedQuestion[] {
  const questions = leaves.flatMap((leaf) =>
    leaf.heldOut.map((item, index) => ({
      leaf: leaf.taxonomyPath,
      question: item.question,
      reference: item.answer,
      choices: pickChoices(leaf, item, seed + index),
    })),
  );
  if (questions.length > 0) return questions;
  throw new IlabError({
    code: "HELD_OUT_MISSING",
    message: `none of the ${leaves.length} leaf nodes has held-out questions`,
    hint: "Write a file held_out.yaml beside the qna.yaml: a list of `question` and `answer` that are never trained on.",
  });
}

function splitPassages(markdown: string): string[] {
  return markdown
    .split(/\r?\n\s*\r?\n/)
    .map((paragraph) => paragraph.replace(/\s+/g, " ").trim())
    .filter((paragraph) => paragraph !== "" && !paragraph.startsWith("#"));
}
