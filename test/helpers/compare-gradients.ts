/** The engine's loss and gradient beside the 64-bit reference's, on a tiny random model. */
import { readGguf } from "../../src/formats/gguf/read-gguf.ts";
import type { HoldType } from "../../src/training/engine/held-matrix.ts";
import type { Keeping } from "../../src/training/engine/layer.ts";
import { createLoraLayout } from "../../src/training/engine/lora-layout.ts";
import { type MicroBatch, segmentsOf } from "../../src/training/engine/micro-batch.ts";
import { ALL_TARGETS } from "../../src/training/engine/target-modules.ts";
import { TrainingEngine } from "../../src/training/engine/training-engine.ts";
import { loadReferenceModel, referenceGradient } from "../../src/training/reference/reference-model.ts";
import { createRandomSource } from "../../src/util/rng.ts";
import { type TinyModelOptions, writeTinyModel } from "./tiny-model.ts";

export const TEST_LORA = { rank: 4, alpha: 6, targets: ALL_TARGETS };

/** Three samples of different lengths; some rows to predict, some held to a made-up base distribution. */
export function makeBatch(vocabulary: number): MicroBatch {
  const random = createRandomSource(7);
  const lengths = [9, 5, 7];
  const tokens = Int32Array.from({ length: 21 }, () => random.integer(vocabulary));
  const topCount = 3;
  const anchorRows = Int32Array.from([14, 16, 19]);
  const anchors = {
    rows: anchorRows,
    topCount,
    tokens: new Int32Array(9),
    probabilities: new Float32Array(9),
    rest: new Float32Array(3),
  };
  for (let i = 0; i < 3; i++) {
    const weights = [random.next() + 0.1, random.next() + 0.1, random.next() + 0.1, random.next() + 0.1];
    const sum = weights.reduce((a, b) => a + b);
    for (let j = 0; j < topCount; j++) {
      anchors.tokens[i * topCount + j] = 10 + 20 * i + 7 * j;
      anchors.probabilities[i * topCount + j] = weights[j]! / sum;
    }
    anchors.rest[i] = weights[3]! / sum;
  }
  const rows = [1, 4, 7, 9, 11, 12];
  return {
    tokens,
    segments: segmentsOf(lengths),
    targets: { rows: Int32Array.from(rows), tokens: Int32Array.from(rows.map((row) => tokens[row + 1]!)) },
    anchors,
  };
}

/** Adapter parameters that are all alive: with B = 0 the gradient of A would be zero and prove nothing. */
export function randomParameters(size: number): Float32Array {
  const random = createRandomSource(3);
  return Float32Array.from({ length: size }, () => 0.1 * random.normal());
}

export async function compareGradients(
  path: string,
  options: TinyModelOptions,
  holdType: HoldType,
  keeping: Keeping = "all",
  targets = ALL_TARGETS,
) {
  await writeTinyModel(path, options);
  const file = await readGguf(path);
  const model = loadReferenceModel(file);
  const lora = { ...TEST_LORA, targets };
  const layout = createLoraLayout(model.spec, lora);
  const parameters = randomParameters(layout.size);
  const batch = makeBatch(model.spec.vocabulary);
  using engine = new TrainingEngine(file, { lora, seed: 1, threads: 1, holdType, keeping, parameters });
  const loss = engine.accumulate(batch, 1 / 6, 0.5 / 3);
  const reference = referenceGradient(model, layout, parameters, batch, 1 / 6, 0.5 / 3);
  // Module by module, so that a small module cannot hide behind a large one.
  let worst = 0;
  for (const module of layout.modules)
    for (const [offset, length] of [
      [module.offsetA, module.input * layout.rank],
      [module.offsetB, module.output * layout.rank],
    ] as const)
      worst = Math.max(
        worst,
        relativeDifference(
          engine.gradients.subarray(offset, offset + length),
          reference.gradient.subarray(offset, offset + length),
        ),
      );
  return { loss, reference, worst, engine: { gradients: engine.gradients.slice() }, model, layout, parameters, batch };
}

export function relativeDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let difference = 0;
  let size = 0;
  for (let i = 0; i < a.length; i++) {
    difference += (a[i]! - b[i]!) ** 2;
    size += b[i]! ** 2;
  }
  return Math.sqrt(difference / size);
}
