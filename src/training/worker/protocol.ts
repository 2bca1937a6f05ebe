/** What the training process is given and what it reports. Everything is structured-cloneable. */
import type { CountedTokens } from "../../llm/tokenizer.ts";
import type { HoldType } from "../engine/frozen-weights.ts";
import type { LoraOptions } from "../engine/lora-layout.ts";
import type { Schedule } from "../learning-rate.ts";

export interface TrainingPlan {
  modelFile: string;
  /** Sequences with what is to be learned in them. */
  samples: CountedTokens[];
  lora: LoraOptions;
  epochs: number;
  /** Samples per optimiser step. */
  effectiveBatchSize: number;
  /** Tokens per pack. */
  maxBatchTokens: number;
  learningRate: number;
  schedule: Schedule;
  warmupSteps: number;
  weightDecay: number;
  beta1: number;
  beta2: number;
  epsilon: number;
  maxGradientNorm: number;
  seed: number;
  threads: number;
  /** Type of the frozen matrices in memory; `auto` measures which is fastest here. */
  holdType: HoldType | "auto";
  anchor?: AnchorPlan;
  /** The adapter is written here at the end. */
  adapterFile: string;
  /** Written into the adapter's metadata. */
  notes: Record<string, string>;
}

export interface AnchorPlan {
  /** Texts that the base model wrote itself. */
  texts: Int32Array[];
  /** Factor of the divergence in the loss. */
  weight: number;
  /** Texts per optimiser step. */
  textsPerStep: number;
  /** Most likely tokens kept per position. */
  topCount: number;
  /** The base's distributions are kept here between runs; made when missing. */
  cacheFile: string;
}

export interface StepReport {
  type: "step";
  step: number;
  totalSteps: number;
  epoch: number;
  /** Mean loss per counted token, in nats. */
  loss: number;
  /** Mean divergence from the base model per anchor position, in nats. */
  anchorLoss: number;
  gradientNorm: number;
  learningRate: number;
  /** Tokens processed since the first step, and seconds they took. */
  tokens: number;
  seconds: number;
}

export type TrainingReport =
  | { type: "loading"; layer: number; layers: number }
  | { type: "anchoring"; done: number; total: number }
  | {
      type: "ready";
      holdType: HoldType;
      weightBytes: number;
      parameters: number;
      totalSteps: number;
      cpuVariant: string;
    }
  | StepReport
  | { type: "done"; adapterFile: string; peakMemoryBytes: number; finalLoss: number; tokens: number; seconds: number }
  | { type: "failed"; code: string; message: string; hint?: string };
