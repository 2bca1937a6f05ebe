/** What the engine exports is all that its next step depends on: another engine that is given it does the same, bit for bit. */
import { join } from "node:path";
import { expect, test } from "vitest";
import { makeTempDir } from "../../../test/helpers/temp-dir.ts";
import { writeTinyModel } from "../../../test/helpers/tiny-model.ts";
import { readGguf } from "../../formats/gguf/read-gguf.ts";
import { segmentsOf } from "./micro-batch.ts";
import { ALL_TARGETS } from "./target-modules.ts";
import { TrainingEngine } from "./training-engine.ts";

const OPTIMIZER = { learningRate: 0.01, beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1, maxGradientNorm: 1 };

test("a state that was exported and imported elsewhere leads to the same parameters", async () => {
  await using directory = await makeTempDir();
  const path = join(directory.path, "tiny.gguf");
  await writeTinyModel(path);
  const file = await readGguf(path);
  const open = (seed: number) =>
    new TrainingEngine(file, {
      lora: { rank: 4, alpha: 8, targets: ALL_TARGETS },
      seed,
      threads: 1,
      holdType: "F32",
    });
  const step = (engine: TrainingEngine, first: number) => {
    const tokens = Int32Array.from({ length: 8 }, (_, i) => first + i);
    const targets = { rows: Int32Array.from([3, 4, 5]), tokens: Int32Array.from([first, 9, 11]) };
    engine.accumulate({ tokens, segments: segmentsOf([8]), targets }, 1 / 3, 0);
    return engine.step(OPTIMIZER);
  };
  using engine = open(1);
  step(engine, 20);
  step(engine, 40);
  const { parameters, firstMoments, secondMoments, steps } = engine.exportState();
  const copy = {
    parameters: parameters.slice(),
    firstMoments: firstMoments.slice(),
    secondMoments: secondMoments.slice(),
    steps,
  };
  expect(steps).toBe(2);
  const norm = step(engine, 60);

  using other = open(2);
  step(other, 80);
  other.importState(copy);
  expect(step(other, 60)).toBe(norm);
  expect(other.exportState()).toEqual(engine.exportState());
  expect(other.parameters).not.toEqual(copy.parameters);
});
