/** One optimiser step's gradient, pack by pack, and the loss on samples that are only looked at. */
import { IlabError } from "../util/errors.ts";
import type { TrainingEngine } from "./engine/training-engine.ts";
import { layOutPack, type Sequence } from "./lay-out-pack.ts";
import { packSequences } from "./pack.ts";

export interface StepLoss {
  /** Means per counted token and per anchor position, in nats. */
  loss: number;
  anchorLoss: number;
}

export interface RunStepOptions {
  maxBatchTokens: number;
  anchorWeight: number;
  noiseSeed: (pack: number) => number;
  isStopWanted: () => boolean;
}

/** Adds the step's gradient in the engine; undefined, with part of a gradient left there, when a stop was wanted in between. */
export async function runStep(
  engine: TrainingEngine,
  sequences: readonly Sequence[],
  options: RunStepOptions,
): Promise<StepLoss | undefined> {
  const counted = countedTokens(sequences);
  const anchored = sequences.reduce((sum, { anchor }) => sum + (anchor?.rows.length ?? 0), 0);
  let loss = 0;
  let anchorLoss = 0;
  for (const [number, pack] of packsOf(sequences, options.maxBatchTokens).entries()) {
    await readMessages();
    if (options.isStopWanted()) return undefined;
    const sums = engine.accumulate(
      layOutPack(pack.map((index) => sequences[index]!)),
      counted > 0 ? 1 / counted : 0,
      anchored > 0 ? options.anchorWeight / anchored : 0,
      options.noiseSeed(number),
    );
    loss += sums.targetLoss;
    anchorLoss += sums.anchorLoss;
  }
  return { loss: counted > 0 ? loss / counted : 0, anchorLoss: anchored > 0 ? anchorLoss / anchored : 0 };
}

/** Mean loss per counted token, in nats. Runs to its end: half a measurement would be worth nothing to a run that goes on later. */
export async function validationLoss(
  engine: TrainingEngine,
  samples: readonly Sequence[],
  maxBatchTokens: number,
): Promise<number> {
  let loss = 0;
  for (const pack of packsOf(samples, maxBatchTokens)) {
    await readMessages();
    loss += engine.evaluate(layOutPack(pack.map((index) => samples[index]!))).targetLoss;
  }
  return loss / countedTokens(samples);
}

/**
 * @param updates that the engine has made.
 * @throws IlabError `LOSS_NOT_FINITE`, or `MODEL_NOT_FINITE` when nothing was learned yet that could be to blame.
 */
export function requireFinite(values: readonly number[], updates: number): void {
  if (values.every(Number.isFinite)) return;
  if (updates === 0)
    throw new IlabError({
      code: "MODEL_NOT_FINITE",
      message:
        "the loss is not a finite number before anything was learned: the model holds weights that are NaN or infinite",
      hint: "Get the model again, or choose another one.",
    });
  throw new IlabError({
    code: "LOSS_NOT_FINITE",
    message: `the loss is not a finite number any more after step ${updates}`,
    hint: "Begin anew with a lower --learning-rate and --resume never.",
  });
}

function countedTokens(sequences: readonly Sequence[]): number {
  return sequences.reduce((sum, { counted }) => sum + (counted?.reduce((a, b) => a + b, 0) ?? 0), 0);
}

function packsOf(sequences: readonly Sequence[], maxBatchTokens: number): number[][] {
  return packSequences(
    sequences.map(({ tokens }) => tokens.length),
    maxBatchTokens,
  );
}

/** The engine computes without a pause; signals and the parent's messages arrive only when somebody lets them in. */
function readMessages(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
