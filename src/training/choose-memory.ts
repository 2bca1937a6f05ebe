/** Which memory mode a run can afford, on the processor or on a device. */
import { freemem } from "node:os";
import type { GgufFile } from "../formats/gguf/types.ts";
import type { Device } from "../tensor/devices.ts";
import type { HoldType } from "./engine/held-matrix.ts";
import { estimateMemory, type MemoryEstimate } from "./estimate-memory.ts";
import { largestPacks } from "./largest-packs.ts";
import { MEMORY_MODES, type MemoryMode } from "./memory-mode.ts";
import type { TrainingPlan } from "./worker/protocol.ts";

/** Share of the free memory that a run may plan with: other programs live too. */
export const USABLE_SHARE = 0.85;

export interface MemoryChoice {
  /** From the fastest to the smallest; only the chosen one when the settings name it. */
  modes: MemoryEstimate[];
  /** The mode that will run; undefined when none fits. */
  chosen: MemoryMode | undefined;
  /** Memory that is free now. */
  availableBytes: number;
}

/** The fastest mode that fits into the free memory, or the one that the settings name. */
export function chooseMemory(file: GgufFile, plan: TrainingPlan, holdType: HoldType, device?: Device): MemoryChoice {
  const packs = largestPacks(plan);
  const availableBytes =
    device?.freeBytes ?? Math.min(freemem(), process.constrainedMemory?.() || Number.POSITIVE_INFINITY);
  const candidates = plan.memory === "auto" ? MEMORY_MODES : [plan.memory];
  const modes = candidates.map((mode) => estimateMemory(file, plan, mode, holdType, packs, device));
  const fitting = modes.find(({ totalBytes }) => totalBytes <= availableBytes * USABLE_SHARE);
  return { modes, chosen: fitting?.mode, availableBytes };
}
