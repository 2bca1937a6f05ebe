/** What memory a run will need, found out by laying out its largest graphs without taking any. */
import type { GgufFile } from "../formats/gguf/types.ts";
import type { Device } from "../tensor/devices.ts";
import type { HoldType } from "./engine/held-matrix.ts";
import type { MicroBatch } from "./engine/micro-batch.ts";
import { type EngineMemory, TrainingEngine } from "./engine/training-engine.ts";
import { MEMORY_USE, type MemoryMode } from "./memory-mode.ts";
import type { TrainingPlan } from "./worker/protocol.ts";

export interface MemoryEstimate extends EngineMemory {
  mode: MemoryMode;
  /** The program itself, with the descriptions of graphs. */
  programBytes: number;
  totalBytes: number;
}

export function estimateMemory(
  file: GgufFile,
  plan: TrainingPlan,
  mode: MemoryMode,
  holdType: HoldType,
  packs: readonly MicroBatch[],
  device?: Device,
): MemoryEstimate {
  using engine = new TrainingEngine(file, {
    lora: plan.method === "full" ? undefined : plan.method,
    neftuneAlpha: plan.neftuneAlpha,
    seed: plan.seed,
    threads: plan.threads,
    holdType,
    ...MEMORY_USE[mode],
    isPlanned: true,
    device,
  });
  for (const pack of packs) engine.accumulate(pack, 1, 1);
  const { weightBytes, stateBytes, activationBytes } = engine.memory;
  // What laying out has cost is what computing will cost.
  const programBytes = process.memoryUsage().rss;
  return {
    mode,
    weightBytes,
    stateBytes,
    activationBytes,
    programBytes,
    totalBytes: programBytes + weightBytes + stateBytes + activationBytes,
  };
}
