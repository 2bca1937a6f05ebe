/**
 * `held_out.yaml` beside a `qna.yaml`: questions that are never trained on. Everything in it is text, so a year or a `yes` needs
 * no quotes there.
 */
import type { QuestionAnswer } from "../artifacts.ts";
import { checkSchema } from "./check-schema.ts";
import { keyDuplicates } from "./lint/token-rules.ts";
import { normaliseQuestion } from "./normalise-question.ts";
import { parseYaml } from "./parse-yaml.ts";
import { type Problem, problem } from "./problem.ts";
import { readText } from "./read-text.ts";

export interface HeldOutResult {
  questions: QuestionAnswer[];
  problems: Problem[];
}

/** A file that is not there is an empty list. `seedQuestions`: what is trained on, so it must not be asked here again. */
export function readHeldOut(file: string, seedQuestions: readonly string[]): HeldOutResult {
  const read = readText(file);
  if ("problem" in read)
    return { questions: [], problems: read.problem.code === "file-not-found" ? [] : [read.problem] };
  const { yaml, problems } = parseYaml(read.text, { isTextOnly: true });
  if (yaml === undefined) return { questions: [], problems };
  if (yaml.value === null || yaml.value === "")
    return {
      questions: [],
      problems: [
        problem("empty-file", "the file is empty", "Write '- question: ...' and 'answer: ...', or remove it."),
      ],
    };
  const found = checkSchema("held_out", yaml);
  keyDuplicates.check(yaml, keyDuplicates.options, ({ line, column, message, hint }) => {
    found.push(problem("key-duplicates", message, hint, { line, column }));
  });
  if (found.length > 0) return { questions: [], problems: found };
  const questions = yaml.value as QuestionAnswer[];
  const trained = new Set(seedQuestions.map(normaliseQuestion));
  const seen = new Map<string, number>();
  for (const [index, { question }] of questions.entries()) {
    const path = [index, "question"];
    const key = normaliseQuestion(question);
    const earlier = seen.get(key);
    if (trained.has(key))
      found.push(
        problem(
          "held-out-is-seed",
          `this question is also a seed question: it would be trained on`,
          "Ask for another fact, or ask for the same fact in other words.",
          yaml.locate(path),
          path,
        ),
      );
    else if (earlier !== undefined)
      found.push(
        problem(
          "duplicate-item",
          `entries ${earlier + 1} and ${index + 1} ask the same question, so it would count twice`,
          "Remove one of them.",
          yaml.locate(path),
          path,
        ),
      );
    else seen.set(key, index);
  }
  return { questions: found.length > 0 ? [] : questions, problems: found };
}
