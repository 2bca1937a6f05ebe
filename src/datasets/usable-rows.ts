/** What of a leaf's generated rows may be trained on: pairs and plain texts, without questions that are held out, and an account of the rest. */
import type { DropRecord, GeneratedLeaf, QuestionAnswer, Row } from "../artifacts.ts";
import { createHeldOutCheck } from "./held-out.ts";

export interface GeneratedPair extends QuestionAnswer {
  /** What the question is about; empty when there is nothing. */
  context: string;
  row: Row;
}

/** A text to be learned as it stands. */
export interface GeneratedText {
  text: string;
  row: Row;
}

export interface UsableRows {
  seeds: (QuestionAnswer & { context: string })[];
  /** In the order in which they were generated. */
  rows: (GeneratedPair | GeneratedText)[];
  drops: DropRecord[];
  /** Pairs left out because they are held out for the test. */
  heldOutCount: number;
}

/** Named in the account of dropped rows. */
const STAGE = "datasets";

export function usableRows({ leaf, generated }: GeneratedLeaf): UsableRows {
  const isHeldOut = createHeldOutCheck(leaf.heldOut);
  const result: UsableRows = { seeds: [], rows: [], drops: [], heldOutCount: 0 };
  const drop = (row: Row, reason: string) => {
    const known = result.drops.find((record) => record.reason === reason);
    if (known === undefined) result.drops.push({ block: STAGE, reason, count: 1, example: row });
    else known.count += 1;
  };
  for (const { context = "", pairs } of leaf.seedExamples)
    for (const pair of pairs) {
      const [question, answer] = [pair.question.trim(), pair.answer.trim()];
      if (isHeldOut(question)) result.heldOutCount += 1;
      else if (question !== "" && answer !== "") result.seeds.push({ question, answer, context });
    }
  for (const row of generated) {
    const text = rowText(row, "text");
    if (text !== "" && rowText(row, "question") === "") {
      result.rows.push({ text, row });
      continue;
    }
    const { question, answer } = readPair(row);
    if (question === "" || answer === "") drop(row, question === "" ? "no question" : "no answer");
    else if (isHeldOut(question)) result.heldOutCount += 1;
    else {
      // Pipelines with one output column make no new context: theirs is the seed's.
      const context = rowText(row, "context") || ("output" in row ? rowText(row, "seed_context") : "");
      result.rows.push({ question, answer, context, row });
    }
  }
  return result;
}

export function isPair(row: GeneratedPair | GeneratedText): row is GeneratedPair {
  return "question" in row;
}

/** The question with its context, once. */
export function questionInContext({ question, context }: { question: string; context: string }): string {
  return context === "" || question.includes(context.trim()) ? question : `${question}\n${context.trim()}`;
}

/** The text in a column; empty when it holds none. */
export function rowText(row: Row, column: string): string {
  const value = row[column];
  return typeof value === "string" ? value : "";
}

/** Pipelines for small teachers write both into `output`: the question is what ends at its first question mark. */
function readPair(row: Row): QuestionAnswer {
  if ("question" in row || "response" in row)
    return { question: rowText(row, "question").trim(), answer: rowText(row, "response").trim() };
  const output = rowText(row, "output");
  const end = output.indexOf("?") + 1;
  return { question: output.slice(0, end).trim(), answer: output.slice(end).trim() };
}
