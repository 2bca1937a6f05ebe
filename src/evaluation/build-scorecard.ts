/** From every answer of a model (and of its base) to the figures: shares and perplexities with intervals, and what the difference is worth. */
import type { HeldOutAnswer, Scorecard } from "../artifacts.ts";
import type { ModelScores, PassageScore } from "./evaluate-model.ts";
import type { EvaluationPlan } from "./plan-evaluation.ts";
import { bootstrapInterval, mcnemarTest, wilsonInterval } from "./statistics.ts";

export interface ScoredModel {
  name: string;
  scores: ModelScores;
}

export function buildScorecard(
  plan: EvaluationPlan,
  model: ScoredModel,
  base: ScoredModel | undefined,
  createdAt: string,
): Scorecard {
  return {
    version: 1,
    createdAt,
    seed: plan.seed,
    model: model.name,
    baseModel: base?.name,
    heldOut: plan.questions.length > 0 ? heldOut(plan, model.scores.answers, base?.scores.answers) : undefined,
    forgetting: plan.passages.length > 0 ? forgetting(plan, model.scores.passages, base?.scores.passages) : undefined,
  };
}

type HeldOut = NonNullable<Scorecard["heldOut"]>;

function heldOut(plan: EvaluationPlan, model: HeldOutAnswer[], base: HeldOutAnswer[] | undefined): HeldOut {
  const recalled = (answers: HeldOutAnswer[]) => answers.map(({ isRecalled }) => isRecalled);
  // Only questions that both models could be given as multiple choice are compared.
  const asked = plan.questions
    .map((_, index) => index)
    .filter((index) => model[index]!.choice !== undefined && (base === undefined || base[index]!.choice !== undefined));
  const chosen = (answers: HeldOutAnswer[], key: "isRight" | "isRightBySum") =>
    asked.map((index) => answers[index]!.choice![key]);
  return {
    recall: compare(recalled(model), base && recalled(base)),
    multipleChoice:
      asked.length === 0
        ? undefined
        : {
            ...compare(chosen(model, "isRight"), base && chosen(base, "isRight")),
            chance: asked.reduce((total, index) => total + 1 / plan.questions[index]!.choices.length, 0) / asked.length,
            bySum: {
              model: share(chosen(model, "isRightBySum")),
              base: base && share(chosen(base, "isRightBySum")),
            },
          },
    questions: plan.questions.map((question, index) => ({
      ...question,
      model: model[index]!,
      base: base?.[index],
    })),
  };
}

function share(right: readonly boolean[]): HeldOut["recall"]["model"] {
  const correct = right.filter(Boolean).length;
  const total = right.length;
  return { correct, total, share: total === 0 ? 0 : correct / total, ...wilsonInterval(correct, total) };
}

function compare(model: readonly boolean[], base: readonly boolean[] | undefined): HeldOut["recall"] {
  if (!base) return { model: share(model) };
  const gained = model.filter((isRight, index) => isRight && !base[index]).length;
  const lost = model.filter((isRight, index) => !isRight && base[index]).length;
  return { model: share(model), base: share(base), gained, lost, pValue: mcnemarTest(gained, lost) };
}

/** exp of the mean negative log-probability of a token, over all passages together. */
function perplexity(passages: readonly PassageScore[]): number {
  const tokens = passages.reduce((total, passage) => total + passage.tokens, 0);
  const logLikelihood = passages.reduce((total, passage) => total + passage.logLikelihood, 0);
  return Math.exp(-logLikelihood / tokens);
}

function forgetting(
  plan: EvaluationPlan,
  model: PassageScore[],
  base: PassageScore[] | undefined,
): NonNullable<Scorecard["forgetting"]> {
  const { seed } = plan;
  const withInterval = (passages: PassageScore[]) => ({
    perplexity: perplexity(passages),
    ...bootstrapInterval(passages, perplexity, { seed }),
  });
  // Passages are drawn in pairs: what makes one passage hard for both models does not widen the interval of the ratio.
  const pairs = model.map((passage, index) => ({ model: passage, base: base?.[index] }));
  const ratio = (sample: readonly (typeof pairs)[number][]) =>
    perplexity(sample.map((pair) => pair.model)) / perplexity(sample.map((pair) => pair.base!));
  return {
    model: withInterval(model),
    base: base && withInterval(base),
    ratio: base && { value: ratio(pairs), ...bootstrapInterval(pairs, ratio, { seed }) },
    tokens: model.reduce((total, { tokens }) => total + tokens, 0),
    passages: plan.passages.map((text, index) => ({
      text,
      tokens: model[index]!.tokens,
      modelLogLikelihood: model[index]!.logLikelihood,
      baseLogLikelihood: base?.[index]?.logLikelihood,
    })),
  };
}
