/** What the training process is given and what it reports. Everything is structured-cloneable. */
import type { CheckpointReason } from "../../artifacts.ts";
import type { CountedTokens } from "../../llm/tokenizer.ts";
import type { DeviceChoice } from "../../tensor/device-choices.ts";
import type { HoldType } from "../engine/held-matrix.ts";
import type { TrainingEstimate } from "../estimate-run.ts";
import type { Schedule } from "../learning-rate.ts";
import type { MemoryMode } from "../memory-mode.ts";
import type { TrainingMethod } from "../training-method.ts";

export interface TrainingPlan {
  modelFile: string;
  /** Sequences with what is to be learned in them. */
  samples: CountedTokens[];
  /** Never learned from; the loss on them is measured. */
  validationSamples: CountedTokens[];
  /** Steps between two measurements; null = once per epoch. */
  validationFrequency: number | null;
  /** Measurements without a new lowest loss after which the run ends; 0 = never. */
  earlyStopPatience: number;
  method: TrainingMethod;
  /** An adapter's numbers in the engine's order, to begin with. */
  initialParameters?: Float32Array;
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
  /** Noise on the embeddings while training; 0 = none. */
  neftuneAlpha: number;
  seed: number;
  threads: number;
  /** Type of the frozen matrices in memory; `auto` measures which is fastest here. */
  holdType: HoldType | "auto";
  /** Where to train. */
  device: DeviceChoice;
  /** `auto`: the fastest that fits into the free memory. */
  memory: MemoryMode | "auto";
  anchor?: AnchorPlan;
  /** Lock, log, checkpoints and student lie here. */
  runDirectory: string;
  /** Name of the student's file in the run and in checkpoints. */
  studentFile: string;
  /** A checkpoint whenever the samples seen pass a multiple of this; 0 = none. */
  saveSamples: number;
  checkpointAtEpoch: boolean;
  /** Checkpoints by samples and epoch that are kept; 0 = all. */
  keepLast: number;
  /** Between two points to go on from. */
  resumePointSeconds: number;
  /** Written into the student's metadata. */
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

export type TrainingCommand =
  | { type: "train"; plan: TrainingPlan }
  /** Only reports what it would need. */
  | { type: "estimate"; plan: TrainingPlan }
  | { type: "stop" }
  | { type: "save" };

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
  /** Samples and tokens processed since the first step, and seconds they took. */
  samples: number;
  tokens: number;
  seconds: number;
}

export interface ValidationReport {
  type: "validation";
  step: number;
  epoch: number;
  /** Mean loss per counted token of the validation samples, in nats. */
  loss: number;
  best: { step: number; loss: number };
}

export type TrainingReport =
  | { type: "waiting"; holder: string }
  | { type: "warning"; text: string }
  | { type: "loading"; layer: number; layers: number }
  | { type: "estimate"; estimate: TrainingEstimate }
  | { type: "anchoring"; done: number; total: number }
  | {
      type: "ready";
      holdType: HoldType;
      memory: MemoryMode;
      weightBytes: number;
      parameters: number;
      /** Done before, when the run goes on from a checkpoint. */
      doneSteps: number;
      totalSteps: number;
      /** What computes: one of ggml's CPU variants, or a device. */
      processor: string;
    }
  | StepReport
  | ValidationReport
  | { type: "checkpoint"; step: number; directory: string; reasons: CheckpointReason[] }
  /** Stopped before its end; `checkpoint` holds the state, and is missing before the first step. */
  | { type: "stopped"; step: number; totalSteps: number; checkpoint?: string }
  | {
      type: "done";
      peakMemoryBytes: number;
      /** Steps taken, and the step whose student was kept. */
      steps: number;
      studentStep: number;
      finalLoss: number;
      bestValidationLoss?: number;
      tokens: number;
      seconds: number;
    }
  | { type: "failed"; code: string; message: string; hint?: string; exitCode?: number };
