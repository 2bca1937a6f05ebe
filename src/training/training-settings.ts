/** Everything that decides a training run, with the defaults that the recipe in docs/training.md arrived at. */
import { z } from "zod";
import { ALL_TARGETS } from "./engine/lora-layout.ts";
import { SCHEDULES } from "./learning-rate.ts";

export const trainingSettingsSchema = z.strictObject({
  epochs: z.int().min(1).max(10_000).default(6).describe("Passes over the training data."),
  effectiveBatchSize: z.int().min(1).default(8).describe("Samples per optimiser step."),
  maxSequenceTokens: z.int().min(8).default(1024).describe("Longer samples are left out, and counted."),
  maxBatchTokens: z
    .int()
    .min(8)
    .default(768)
    .describe("Tokens that are worked on at once; decides memory, never the result."),
  learningRate: z.number().positive().default(2e-3).describe("Peak learning rate."),
  schedule: z.enum(SCHEDULES).default("cosine").describe("Course of the learning rate after the warm-up."),
  warmupSteps: z.int().min(0).default(5).describe("Steps until the peak rate is reached."),
  weightDecay: z.number().min(0).default(0),
  beta1: z.number().min(0).lt(1).default(0.9),
  beta2: z.number().min(0).lt(1).default(0.95),
  epsilon: z.number().positive().default(1e-8),
  maxGradientNorm: z.number().min(0).default(1).describe("Longer gradients are shortened to this; 0 never shortens."),
  loraRank: z.int().min(1).max(512).default(16),
  loraAlpha: z.number().positive().default(32),
  loraTargets: z
    .array(z.string())
    .min(1)
    .default([...ALL_TARGETS]),
  seed: z.int().default(42),
  anchorWeight: z
    .number()
    .min(0)
    .default(1)
    .describe("How strongly the student is held to the base model; 0 switches it off."),
  anchorTextsPerStep: z.int().min(1).default(1),
  anchorTexts: z.int().min(1).default(96).describe("Texts that the base model writes for the anchor, once per model."),
  anchorTokens: z.int().min(8).default(48).describe("Tokens per anchor text."),
  anchorTopCount: z.int().min(1).max(1024).default(64).describe("Most likely tokens that are compared per position."),
  holdType: z
    .enum(["auto", "F32", "F16", "BF16"])
    .default("auto")
    .describe("Type of the frozen matrices in memory; auto measures."),
});
export type TrainingSettings = z.infer<typeof trainingSettingsSchema>;
