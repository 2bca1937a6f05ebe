/** What a run will need and how long it will take, before it starts. Runs inside the training process, because it lays out graphs. */
import { readGguf } from "../formats/gguf/read-gguf.ts";
import type { GgufFile } from "../formats/gguf/types.ts";
import { Backend } from "../tensor/context.ts";
import type { Device } from "../tensor/devices.ts";
import { chooseMemory, type MemoryChoice, USABLE_SHARE } from "./choose-memory.ts";
import { chooseTrainingDevice } from "./choose-training-device.ts";
import { holdTypesOf, productSpeed } from "./engine/fastest-hold-type.ts";
import { createFullLayout } from "./engine/full-layout.ts";
import type { HoldType } from "./engine/held-matrix.ts";
import { createLoraLayout } from "./engine/lora-layout.ts";
import { readModelSpec } from "./engine/model-spec.ts";
import { estimateMemory } from "./estimate-memory.ts";
import { largestPacks } from "./largest-packs.ts";
import { MEMORY_USE } from "./memory-mode.ts";
import { trainingFlops } from "./training-flops.ts";
import { planOf } from "./training-loop.ts";
import type { TrainingPlan } from "./worker/protocol.ts";

export interface TrainingEstimate extends MemoryChoice {
  /** The first of these that would make the smallest mode fit. */
  remedy: { flag: string; value: number; totalBytes: number } | undefined;
  holdType: HoldType;
  trainedParameters: number;
  totalSteps: number;
  /** Of the whole run, anchor texts included. */
  tokens: number;
  seconds: number;
}

/** Of the speed of bare products, what training reaches: the rest goes to everything between them (measured by `npm run bench -- train`). */
const EFFICIENCY = 0.65;

export async function estimateRun(plan: TrainingPlan): Promise<TrainingEstimate> {
  const file = await readGguf(plan.modelFile);
  const spec = readModelSpec(file);
  const device = chooseTrainingDevice(file, plan);
  using backend = new Backend(plan.threads, { device });
  const speeds = new Map(
    holdTypesOf(backend, device).map(
      (type) => [type, productSpeed(backend, type, spec.width, spec.feedForward, 256)] as const,
    ),
  );
  const fastest = [...speeds].reduce((a, b) => (b[1] > a[1] * 1.15 ? b : a))[0];
  const holdType = plan.holdType === "auto" ? fastest : plan.holdType;
  const { modes, chosen, availableBytes } = chooseMemory(file, plan, holdType, device);
  const layout = plan.method === "full" ? createFullLayout(spec) : createLoraLayout(spec, plan.method);
  const { keeping } = MEMORY_USE[chosen ?? "least"];
  const { totalSteps } = planOf(plan, plan.anchor?.texts.length ?? 0);
  const flopsOf = (length: number, counted: number) => trainingFlops(spec, layout, keeping, length, counted);
  const perEpoch = plan.samples.map(({ tokens, counted }) => ({
    tokens: tokens.length,
    flops: flopsOf(
      tokens.length,
      counted.reduce((a, b) => a + b, 0),
    ),
  }));
  const texts = plan.anchor?.texts ?? [];
  const perStep = texts.map(({ length }) => ({ tokens: length, flops: flopsOf(length, length - 1) }));
  const anchorUses = texts.length === 0 ? 0 : (totalSteps * plan.anchor!.textsPerStep) / texts.length;
  const total = (key: "tokens" | "flops") =>
    plan.epochs * perEpoch.reduce((sum, entry) => sum + entry[key], 0) +
    anchorUses * perStep.reduce((sum, entry) => sum + entry[key], 0);
  return {
    modes,
    chosen,
    availableBytes,
    remedy: chosen === undefined ? findRemedy(file, plan, holdType, availableBytes, device) : undefined,
    holdType,
    trainedParameters: layout.size,
    totalSteps,
    tokens: Math.round(total("tokens")),
    seconds: total("flops") / (speeds.get(holdType)! * EFFICIENCY),
  };
}

/** Settings that need less, most harmless first. */
function findRemedy(
  file: GgufFile,
  plan: TrainingPlan,
  holdType: HoldType,
  availableBytes: number,
  device: Device | undefined,
): TrainingEstimate["remedy"] {
  const longest = Math.max(...plan.samples.map(({ tokens }) => tokens.length));
  const shorter = [longest / 2, longest / 4, longest / 8].map(Math.floor).filter((length) => length >= 32);
  const remedies = [
    { flag: "--max-batch-len", value: longest, changed: { ...plan, maxBatchTokens: longest } },
    ...shorter.map((value) => ({
      flag: "--max-seq-len",
      value,
      changed: {
        ...plan,
        maxBatchTokens: Math.min(plan.maxBatchTokens, value),
        samples: plan.samples.filter(({ tokens }) => tokens.length <= value),
      },
    })),
  ];
  for (const { flag, value, changed } of remedies) {
    if (changed.samples.length === 0) continue;
    const { totalBytes } = estimateMemory(file, changed, "least", holdType, largestPacks(changed), device);
    if (totalBytes <= availableBytes * USABLE_SHARE) return { flag, value, totalBytes };
  }
  return undefined;
}
