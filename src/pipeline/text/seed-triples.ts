/** A leaf's seed pairs, each with the sentences of its context that the pair is about: the examples of few-shot prompts. */
import type { LeafNode } from "../../artifacts.ts";
import { splitSentences } from "../../util/sentences.ts";
import { contentStems } from "./words.ts";

export interface SeedTriple {
  /** The whole context; empty for freeform skills. */
  context: string;
  /** The sentence of the context that shares most with the pair. */
  text: string;
  question: string;
  response: string;
}

export function seedTriples(leaf: LeafNode): SeedTriple[] {
  return leaf.seedExamples.flatMap(({ context = "", pairs }) =>
    pairs.map(({ question, answer }) => ({
      context,
      text: nearestSentence(context, `${question} ${answer}`),
      question: question.trim(),
      response: answer.trim(),
    })),
  );
}

function nearestSentence(context: string, pair: string): string {
  const wanted = contentStems(pair);
  let best = "";
  let bestShared = -1;
  for (const sentence of splitSentences(context)) {
    const shared = [...contentStems(sentence)].filter((stem) => wanted.has(stem)).length;
    if (shared > bestShared) [best, bestShared] = [sentence, shared];
  }
  return best;
}
