/**
 * What each optimiser step works on, as a function of its number alone: which samples, which anchor texts, which rate, which noise. So a run
 * that goes on from step 120 does what it would have done, whatever happened before.
 */
import { createRandomSource, deriveSeed } from "../util/rng.ts";
import { learningRateFactor, type Schedule } from "./learning-rate.ts";

export interface StepPlanOptions {
  /** How many there are. */
  samples: number;
  anchors: number;
  anchorsPerStep: number;
  epochs: number;
  /** Samples per step. */
  effectiveBatchSize: number;
  learningRate: number;
  schedule: Schedule;
  warmupSteps: number;
  seed: number;
}

export interface PlannedStep {
  /** 1-based. */
  epoch: number;
  isEndOfEpoch: boolean;
  /** Indices. */
  samples: number[];
  anchors: number[];
  learningRate: number;
  /** Decides dropout and noise of one pack of the step. */
  noiseSeed(pack: number): number;
}

export interface StepPlan {
  totalSteps: number;
  stepsPerEpoch: number;
  /** @param step 1-based. */
  at(step: number): PlannedStep;
}

export function planSteps(options: StepPlanOptions): StepPlan {
  const { effectiveBatchSize, anchorsPerStep, seed } = options;
  const stepsPerEpoch = Math.ceil(options.samples / effectiveBatchSize);
  const totalSteps = stepsPerEpoch * options.epochs;
  const orderOfEpoch = shuffledRounds(options.samples, seed);
  // All anchors are used equally often, whatever the number of steps per epoch.
  const orderOfAnchors = shuffledRounds(options.anchors, seed + 1);
  return {
    totalSteps,
    stepsPerEpoch,
    at(step) {
      const epoch = Math.floor((step - 1) / stepsPerEpoch);
      const from = ((step - 1) % stepsPerEpoch) * effectiveBatchSize;
      const drawn = options.anchors === 0 ? 0 : anchorsPerStep;
      return {
        epoch: epoch + 1,
        isEndOfEpoch: step % stepsPerEpoch === 0,
        samples: orderOfEpoch(epoch).slice(from, from + effectiveBatchSize),
        anchors: Array.from({ length: drawn }, (_, i) => {
          const draw = (step - 1) * anchorsPerStep + i;
          return orderOfAnchors(Math.floor(draw / options.anchors))[draw % options.anchors]!;
        }),
        learningRate:
          options.learningRate * learningRateFactor(options.schedule, step, totalSteps, options.warmupSteps),
        noiseSeed: (pack) => deriveSeed(seed, step, pack),
      };
    },
  };
}

/** The numbers below `count` in a new order per round; rounds are asked for one after another, and going back starts over. */
function shuffledRounds(count: number, seed: number): (round: number) => number[] {
  const numbers = Array.from({ length: count }, (_, i) => i);
  let random = createRandomSource(seed);
  let current = numbers;
  let at = -1;
  return (round) => {
    if (round < at) {
      random = createRandomSource(seed);
      at = -1;
    }
    for (; at < round; at++) current = random.shuffle(numbers);
    return current;
  };
}
