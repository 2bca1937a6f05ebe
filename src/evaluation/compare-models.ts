/** Evaluates a model and, beside it, its base: one after the other, so that only one is in memory. */
import type { Scorecard } from "../artifacts.ts";
import type { LanguageModel } from "../llm/language-model.ts";
import type { Work } from "../util/events.ts";
import { buildScorecard } from "./build-scorecard.ts";
import { type EvaluateOptions, evaluateModel, type ModelScores } from "./evaluate-model.ts";
import type { EvaluationPlan } from "./plan-evaluation.ts";

/** A model that is opened when its turn comes, and closed after it. */
export interface ModelUnderTest {
  /** As the user calls it. */
  name: string;
  open(): Promise<LanguageModel>;
}

export interface CompareOptions extends Omit<EvaluateOptions, "label"> {
  now?: () => Date;
}

export async function* compareModels(
  plan: EvaluationPlan,
  model: ModelUnderTest,
  base: ModelUnderTest | undefined,
  options: CompareOptions = {},
): Work<Scorecard> {
  const { now = () => new Date(), ...rest } = options;
  const baseScores = base && (yield* evaluate(plan, base, { ...rest, label: "base model" }));
  const scores = yield* evaluate(plan, model, { ...rest, label: base ? "trained model" : "model" });
  return buildScorecard(
    plan,
    { name: model.name, scores },
    base && { name: base.name, scores: baseScores! },
    now().toISOString(),
  );
}

async function* evaluate(plan: EvaluationPlan, { open }: ModelUnderTest, options: EvaluateOptions): Work<ModelScores> {
  const model = await open();
  try {
    return yield* evaluateModel(model, plan, options);
  } finally {
    await model[Symbol.asyncDispose]();
  }
}
