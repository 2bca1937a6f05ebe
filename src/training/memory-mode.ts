/** Ways to trade memory for time; what is learned stays the same up to rounding. */
import type { Keeping } from "./engine/layer.ts";

export const MEMORY_MODES = ["fast", "balanced", "least"] as const;
export type MemoryMode = (typeof MEMORY_MODES)[number];

export interface MemoryUse {
  /** Matrices are converted from the file's own type before every product instead of being held ready. */
  isStreamed: boolean;
  keeping: Keeping;
}

export const MEMORY_USE: Readonly<Record<MemoryMode, MemoryUse>> = {
  fast: { isStreamed: false, keeping: "all" },
  balanced: { isStreamed: true, keeping: "half" },
  least: { isStreamed: true, keeping: "inputs" },
};
