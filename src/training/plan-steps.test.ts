import { expect, test } from "vitest";
import { planSteps, type StepPlanOptions } from "./plan-steps.ts";

const OPTIONS: StepPlanOptions = {
  samples: 13,
  anchors: 5,
  anchorsPerStep: 2,
  epochs: 3,
  effectiveBatchSize: 4,
  learningRate: 0.1,
  schedule: "cosine",
  warmupSteps: 2,
  seed: 7,
};

test("every epoch takes every sample once, in an order of its own, and all anchors are used equally often", () => {
  const plan = planSteps(OPTIONS);
  expect([plan.totalSteps, plan.stepsPerEpoch]).toEqual([12, 4]);
  const steps = Array.from({ length: 12 }, (_, i) => plan.at(i + 1));
  const epochs = [1, 2, 3].map((epoch) =>
    steps.filter((step) => step.epoch === epoch).flatMap(({ samples }) => samples),
  );
  for (const order of epochs) expect(order.toSorted((a, b) => a - b)).toEqual([...Array(13).keys()]);
  expect(epochs[0]).not.toEqual(epochs[1]);
  expect(steps.map(({ isEndOfEpoch }) => isEndOfEpoch).lastIndexOf(false)).toBe(10);
  expect(steps.map(({ samples }) => samples.length)).toEqual([4, 4, 4, 1, 4, 4, 4, 1, 4, 4, 4, 1]);
  const uses = [0, 1, 2, 3, 4].map(
    (anchor) => steps.flatMap(({ anchors }) => anchors).filter((a) => a === anchor).length,
  );
  expect(uses.reduce((a, b) => a + b)).toBe(24);
  expect(Math.max(...uses) - Math.min(...uses)).toBeLessThanOrEqual(1);
});

test("a step is the same whether one comes to it from the first or starts there, or goes back", () => {
  const whole = planSteps(OPTIONS);
  const seeds = new Set<number>();
  for (let step = 1; step <= 12; step++) {
    const { noiseSeed, ...planned } = whole.at(step);
    const { noiseSeed: other, ...alone } = planSteps(OPTIONS).at(step);
    expect(alone).toEqual(planned);
    for (const pack of [0, 1]) {
      expect(other(pack)).toBe(noiseSeed(pack));
      seeds.add(noiseSeed(pack));
    }
  }
  expect(seeds.size).toBe(24);
  expect(whole.at(2).samples).toEqual(planSteps(OPTIONS).at(2).samples);
  expect(planSteps({ ...OPTIONS, seed: 8 }).at(1).samples).not.toEqual(whole.at(1).samples);
});

test("without anchors none are drawn", () => {
  expect(planSteps({ ...OPTIONS, anchors: 0 }).at(3).anchors).toEqual([]);
});
