/** Puts a plan's questions and passages to one model. */
import type { HeldOutAnswer } from "../artifacts.ts";
import type { LanguageModel } from "../llm/language-model.ts";
import { IlabError, throwIfAborted } from "../util/errors.ts";
import type { Work } from "../util/events.ts";
import { matchAnswer } from "./match-answer.ts";
import type { EvaluationPlan, PlannedQuestion } from "./plan-evaluation.ts";
import { runAll } from "./run-all.ts";

export interface PassageScore {
  tokens: number;
  /** Natural logarithm. */
  logLikelihood: number;
}

export interface ModelScores {
  /** In the order of the plan's questions. */
  answers: HeldOutAnswer[];
  /** In the order of the plan's passages. */
  passages: PassageScore[];
}

export interface EvaluateOptions {
  /** For progress: "base model". */
  label?: string;
  /** Length of an answer at most; 64 by default. */
  maxAnswerTokens?: number;
  signal?: AbortSignal;
}

export const defaultMaxAnswerTokens = 64;

/** A model that gives no log-probabilities loses the multiple choice (with a warning) but not the recall; passages need them. */
export async function* evaluateModel(
  model: LanguageModel,
  plan: EvaluationPlan,
  options: EvaluateOptions = {},
): Work<ModelScores> {
  const { signal } = options;
  const label = options.label ?? "model";
  const answers: HeldOutAnswer[] = [];
  const passages: PassageScore[] = [];
  if (plan.questions.length > 0) {
    const texts = yield* inSteps(`${label}: answers`, "questions", plan.questions, model, signal, ({ question }) =>
      model.generate({
        prompt: { messages: [{ role: "user", content: question }] },
        maxTokens: options.maxAnswerTokens ?? defaultMaxAnswerTokens,
        temperature: 0,
        signal,
      }),
    );
    const choices = yield* scoreChoices(model, plan.questions, label, signal);
    for (const [index, { question, reference }] of plan.questions.entries()) {
      const answer = texts[index]!.text.trim();
      const { isCorrect, missing, rejected } = matchAnswer(question, reference, answer);
      answers.push({ answer, isRecalled: isCorrect, missing, rejected, choice: choices?.[index] });
    }
  }
  if (plan.passages.length > 0) {
    const scores = yield* inSteps(`${label}: general text`, "passages", plan.passages, model, signal, (text) =>
      model.score([{ prompt: { text: "" }, continuation: text }], signal),
    );
    for (const [score] of scores)
      passages.push({ tokens: score!.logProbabilities.length, logLikelihood: sum(score!.logProbabilities) });
  }
  return { answers, passages };
}

async function* scoreChoices(
  model: LanguageModel,
  questions: readonly PlannedQuestion[],
  label: string,
  signal: AbortSignal | undefined,
): Work<HeldOutAnswer["choice"][] | undefined> {
  try {
    return yield* inSteps(`${label}: multiple choice`, "questions", questions, model, signal, (question) =>
      scoreQuestion(model, question, signal),
    );
  } catch (error) {
    if (!(error instanceof IlabError) || error.code !== "SCORE_UNSUPPORTED") throw error;
    yield {
      type: "message",
      stage: "evaluation",
      level: "warning",
      text: `no multiple choice: ${error.message}`,
    };
    return undefined;
  }
}

async function scoreQuestion(
  model: LanguageModel,
  { question, choices }: PlannedQuestion,
  signal: AbortSignal | undefined,
): Promise<HeldOutAnswer["choice"]> {
  if (choices.length < 2) return undefined;
  const prompt = { messages: [{ role: "user" as const, content: question }] };
  const results = await model.score(
    choices.map(({ text }) => ({ prompt, continuation: text })),
    signal,
  );
  const scores = results.map(({ logProbabilities }, index) => {
    const logLikelihood = sum(logProbabilities);
    return { logLikelihood, perCharacter: logLikelihood / [...choices[index]!.text].length };
  });
  const picked = indexOfHighest(scores.map(({ perCharacter }) => perCharacter));
  const pickedBySum = indexOfHighest(scores.map(({ logLikelihood }) => logLikelihood));
  return { scores, picked, isRight: choices[picked]!.isRight, isRightBySum: choices[pickedBySum]!.isRight };
}

/** The items of one step, as many at once as the model takes, with progress. */
async function* inSteps<Item, Result>(
  step: string,
  unit: string,
  items: readonly Item[],
  model: LanguageModel,
  signal: AbortSignal | undefined,
  action: (item: Item) => Promise<Result>,
): Work<Result[]> {
  const started = performance.now();
  const total = items.length;
  yield { type: "step-start", stage: "evaluation", step, total, unit };
  const work = runAll(items, model.concurrency, (item) => {
    throwIfAborted(signal);
    return action(item);
  });
  for (;;) {
    const next = await work.next();
    if (next.done) {
      yield { type: "step-end", stage: "evaluation", step, seconds: (performance.now() - started) / 1000 };
      return next.value;
    }
    yield { type: "step-progress", stage: "evaluation", step, done: next.value, total, unit };
  }
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

const indexOfHighest = (values: readonly number[]) => values.indexOf(Math.max(...values));
