/** What both trainers of `bench/train-peer.ts` are given, as a JSON file, and what they answer. `bench/peers/train_peer.py` reads the same. */

import type { AdamwOptions } from "../../src/training/engine/training-engine.ts";
import type { MemoryMode } from "../../src/training/memory-mode.ts";

export interface PlanSample {
  tokens: number[];
  /** 1 where predicting this token counts. */
  counted: number[];
}

export interface PeerPlan {
  modelFile: string;
  method: "lora" | "full";
  /** How our side uses memory. */
  memory: MemoryMode;
  precision: "bf16" | "f32";
  threads: number;
  lora: { rank: number; alpha: number; targets: readonly string[] };
  adamw: AdamwOptions;
  /** Samples of each optimiser step. */
  steps: PlanSample[][];
  /** Ours: tokens per pack. */
  packTokens: number;
  /** Theirs: tokens per padded micro-batch. */
  microBatchTokens: number;
  /** Our flat vector of adapter parameters to begin with, and where each module lies in it. */
  initialAdapter?: { file: string; modules: PlanModule[] };
}

export interface PlanModule {
  layer: number;
  /** Hugging Face's name (`q_proj`). */
  name: string;
  input: number;
  output: number;
  offsetA: number;
  offsetB: number;
  /** Heads whose rows GGUF orders in its own way; 0 where the order is the same. */
  heads: number;
}

export interface ReadyAnswer {
  parameters: number;
  /** Peak until the weights were loaded, and what of it stayed. */
  loadPeakBytes: number;
  loadedBytes: number;
}

export interface StepAnswer {
  /** Mean per counted token, in nats. */
  loss: number;
  gradientNorm: number;
  seconds: number;
}

export interface DoneAnswer {
  /** Largest resident memory since the weights were loaded. */
  peakMemoryBytes: number;
  /** Part of it that belongs to libraries for other devices, which a smaller package would not load. */
  unusedLibraryBytes: number;
}
