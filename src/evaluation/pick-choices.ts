/** Makes a multiple-choice question: the right answer among other answers of the same leaf, of the same kind where there are enough. */
import type { LeafNode, QuestionAnswer } from "../artifacts.ts";
import { createRandomSource } from "../util/rng.ts";
import { matchAnswer } from "./match-answer.ts";
import { readNumbers } from "./read-numbers.ts";

export interface Choice {
  text: string;
  isRight: boolean;
}

export type AnswerShape = "number" | "name" | "phrase" | "sentence";

/** The right answer and at most `wrongCount` others, in random order. Fewer when the leaf has fewer answers that are surely wrong. */
export function pickChoices(leaf: LeafNode, item: QuestionAnswer, seed: number, wrongCount = 3): Choice[] {
  const random = createRandomSource(seed);
  const shape = answerShape(item.answer);
  const others = [...leaf.heldOut, ...leaf.seedExamples.flatMap(({ pairs }) => pairs)]
    .map(({ answer }) => answer.trim())
    .filter((answer, index, all) => all.findIndex((text) => plain(text) === plain(answer)) === index)
    .filter((answer) => isSurelyWrong(item, answer));
  const distance = (answer: string) => {
    const ratio = Math.abs(Math.log((answer.length + 1) / (item.answer.length + 1)));
    // Shape first; among answers of another shape, those of similar length.
    return answerShape(answer) === shape ? 0 : 1 + ratio;
  };
  const wrong = random
    .shuffle(others)
    .sort((a, b) => distance(a) - distance(b))
    .slice(0, wrongCount);
  return random.shuffle([
    { text: item.answer.trim(), isRight: true },
    ...wrong.map((text) => ({ text, isRight: false })),
  ]);
}

export function answerShape(answer: string): AnswerShape {
  const words = answer.trim().split(/\s+/);
  if (words.length > 6 || /[.!?]$/.test(answer.trim())) return "sentence";
  if (readNumbers(answer).length > 0) return "number";
  const content = words.filter((word) => !/^(the|a|an|of|and|at|in|on|von|de|la)$/i.test(word));
  return content.length > 0 && content.every((word) => /^\P{L}*\p{Lu}/u.test(word)) ? "name" : "phrase";
}

/** Neither equal to the right answer, nor holding it, nor held by it, nor right by the rule for free answers. */
function isSurelyWrong({ question, answer: right }: QuestionAnswer, other: string): boolean {
  const [a, b] = [plain(right), plain(other)];
  if (b === "" || ` ${a} `.includes(` ${b} `) || ` ${b} `.includes(` ${a} `)) return false;
  return !matchAnswer(question, right, other).isCorrect;
}

const plain = (text: string) =>
  text
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, " ")
    .trim();
