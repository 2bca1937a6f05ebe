/** Whether a question is one of those held out for the test, however it is written. */
import type { QuestionAnswer } from "../artifacts.ts";
import { plainWords } from "../util/plain-words.ts";

export function createHeldOutCheck(heldOut: readonly QuestionAnswer[]): (question: string) => boolean {
  const questions = new Set(heldOut.map(({ question }) => plainWords(question)).filter((question) => question !== ""));
  return (question) => {
    const asked = plainWords(question);
    if (questions.has(asked)) return true;
    // A held-out question also hides behind an introduction: "About Tarnwick: who founded it?".
    for (const held of questions) if (` ${asked} `.includes(` ${held} `)) return true;
    return false;
  };
}
