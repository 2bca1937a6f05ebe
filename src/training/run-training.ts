/** The training loop: packs, steps, reports. Runs inside the training process, and in benchmarks. */
import { readGguf } from "../formats/gguf/read-gguf.ts";
import { metadataString } from "../formats/gguf/types.ts";
import { writeLoraAdapter } from "../formats/lora-adapter.ts";
import { IlabError } from "../util/errors.ts";
import { createRandomSource } from "../util/rng.ts";
import { anchorDistributions } from "./anchor-distributions.ts";
import { loraWeights } from "./engine/export-adapter.ts";
import { fastestHoldType } from "./engine/fastest-hold-type.ts";
import { readModelSpec } from "./engine/model-spec.ts";
import { TrainingEngine } from "./engine/training-engine.ts";
import { layOutPack, type Sequence } from "./lay-out-pack.ts";
import { learningRateFactor } from "./learning-rate.ts";
import { packSequences } from "./pack.ts";
import type { TrainingPlan, TrainingReport } from "./worker/protocol.ts";

export async function runTraining(plan: TrainingPlan, report: (report: TrainingReport) => void): Promise<void> {
  const file = await readGguf(plan.modelFile);
  const spec = readModelSpec(file);
  const holdType = plan.holdType === "auto" ? fastestHoldType(spec, plan.threads) : plan.holdType;
  using engine = new TrainingEngine(file, {
    lora: plan.lora,
    seed: plan.seed,
    threads: plan.threads,
    holdType,
    onLayerLoaded: (layer) => report({ type: "loading", layer: layer + 1, layers: spec.layers }),
  });
  const anchors =
    plan.anchor === undefined
      ? []
      : await anchorDistributions(engine, plan.anchor, plan.maxBatchTokens, holdType, report);
  const stepsPerEpoch = Math.ceil(plan.samples.length / plan.effectiveBatchSize);
  const totalSteps = stepsPerEpoch * plan.epochs;
  report({
    type: "ready",
    holdType,
    weightBytes: engine.memory.weightBytes,
    parameters: engine.layout.size,
    totalSteps,
    cpuVariant: engine.cpuVariant,
  });

  const random = createRandomSource(plan.seed);
  const nextAnchors = endlessShuffle(anchors, createRandomSource(plan.seed + 1));
  const started = performance.now();
  let step = 0;
  let tokens = 0;
  let finalLoss = 0;
  for (let epoch = 1; epoch <= plan.epochs; epoch++) {
    const order = random.shuffle(plan.samples);
    for (let from = 0; from < order.length; from += plan.effectiveBatchSize) {
      step += 1;
      const learningRate = plan.learningRate * learningRateFactor(plan.schedule, step, totalSteps, plan.warmupSteps);
      const sequences: Sequence[] = [
        ...order.slice(from, from + plan.effectiveBatchSize),
        ...nextAnchors(plan.anchor?.textsPerStep ?? 0),
      ];
      const result = await runStep(engine, plan, sequences);
      const gradientNorm = engine.step({ ...plan, learningRate });
      tokens += sequences.reduce((sum, sequence) => sum + sequence.tokens.length, 0);
      finalLoss = result.loss;
      report({
        type: "step",
        step,
        totalSteps,
        epoch,
        ...result,
        gradientNorm,
        learningRate,
        tokens,
        seconds: (performance.now() - started) / 1000,
      });
    }
  }
  await writeLoraAdapter(
    plan.adapterFile,
    {
      architecture: metadataString(file, "general.architecture")!,
      alpha: engine.layout.alpha,
      rank: engine.layout.rank,
      notes: plan.notes,
    },
    loraWeights(engine.layout, engine.parameters),
  );
  report({
    type: "done",
    adapterFile: plan.adapterFile,
    peakMemoryBytes: process.resourceUsage().maxRSS * 1024,
    finalLoss,
    tokens,
    seconds: (performance.now() - started) / 1000,
  });
}

async function runStep(
  engine: TrainingEngine,
  plan: TrainingPlan,
  sequences: Sequence[],
): Promise<{ loss: number; anchorLoss: number }> {
  const counted = sequences.reduce((sum, { counted: flags }) => sum + (flags?.reduce((a, b) => a + b, 0) ?? 0), 0);
  const anchored = sequences.reduce((sum, { anchor }) => sum + (anchor?.rows.length ?? 0), 0);
  let loss = 0;
  let anchorLoss = 0;
  const packs = packSequences(
    sequences.map((sequence) => sequence.tokens.length),
    plan.maxBatchTokens,
  );
  for (const pack of packs) {
    // Between packs messages are read, so that a parent that went away is noticed.
    await new Promise((resolve) => setImmediate(resolve));
    const sums = engine.accumulate(
      layOutPack(pack.map((index) => sequences[index]!)),
      counted > 0 ? 1 / counted : 0,
      anchored > 0 ? plan.anchor!.weight / anchored : 0,
    );
    loss += sums.targetLoss;
    anchorLoss += sums.anchorLoss;
  }
  if (!Number.isFinite(loss) || !Number.isFinite(anchorLoss))
    throw new IlabError({
      code: "LOSS_NOT_FINITE",
      message: "the loss is not a finite number any more",
      hint: "Lower the learning rate (--learning-rate), or check that the model file is sound.",
    });
  return { loss: counted > 0 ? loss / counted : 0, anchorLoss: anchored > 0 ? anchorLoss / anchored : 0 };
}

/** Items in random order, again and again, so that all are used equally often. */
function endlessShuffle(
  items: Sequence[],
  random: { shuffle<T>(items: readonly T[]): T[] },
): (count: number) => Sequence[] {
  const queue: Sequence[] = [];
  return (count) => {
    if (items.length === 0) return [];
    while (queue.length < count) queue.push(...random.shuffle(items));
    return queue.splice(0, count);
  };
}
