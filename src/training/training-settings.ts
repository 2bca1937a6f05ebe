/** Everything that decides a training run, with the defaults that the recipe in docs/training.md arrived at. */
import { z } from "zod";
import { DEVICE_CHOICES } from "../tensor/device-choices.ts";
import { ALL_TARGETS } from "./engine/target-modules.ts";
import { SCHEDULES } from "./learning-rate.ts";
import { MEMORY_MODES } from "./memory-mode.ts";

const positive = z.number().positive();
const count = z.int().min(1);

/** Full fine-tuning moves every weight of the model at once and bears far smaller steps. */
const PEAK_RATE = { lora: 2e-3, full: 2e-5 } as const;

export const trainingSettingsSchema = z
  .strictObject({
    method: z
      .enum(["lora", "full"])
      .default("lora")
      .describe("lora: an adapter beside the weights, which stay as they are. full: all weights."),
    epochs: count.max(10_000).default(6).describe("Passes over the training data."),
    effectiveBatchSize: count.default(8).describe("Samples per optimiser step."),
    maxSequenceTokens: z.int().min(8).default(1024).describe("Longer samples are left out, and counted."),
    maxBatchTokens: z
      .int()
      .min(8)
      .default(768)
      .describe("Tokens that are worked on at once; decides memory, never the result."),
    learningRate: positive.optional().describe("Peak learning rate; by default 2e-3 for lora, 2e-5 for full."),
    schedule: z.enum(SCHEDULES).default("cosine").describe("Course of the learning rate after the warm-up."),
    warmupSteps: z.int().min(0).default(5).describe("Steps until the peak rate is reached."),
    weightDecay: z.number().min(0).default(0).describe("AdamW: share by which weights shrink per step and rate."),
    beta1: z.number().min(0).lt(1).default(0.9).describe("AdamW: decay of the mean gradient."),
    beta2: z.number().min(0).lt(1).default(0.95).describe("AdamW: decay of the mean squared gradient."),
    epsilon: positive.default(1e-8).describe("AdamW: added to the root of the mean squared gradient."),
    maxGradientNorm: z.number().min(0).default(1).describe("Longer gradients are shortened to this; 0 never shortens."),
    loraRank: count.max(512).default(16).describe("Rank of the adapter."),
    loraAlpha: positive.default(32).describe("Scale of the adapter: alpha / rank."),
    isRankStabilized: z
      .boolean()
      .default(false)
      .describe("The scale is alpha / sqrt(rank) instead (arXiv 2312.03732)."),
    loraDropout: z
      .number()
      .min(0)
      .lt(1)
      .default(0)
      .describe("Share of the adapter's inputs that is left out at random."),
    loraTargets: z
      .array(z.string().min(1))
      .min(1)
      .default([...ALL_TARGETS])
      .describe("Adapted modules: names or patterns such as *_proj or layers.{0..5}.q_proj."),
    neftuneAlpha: z
      .number()
      .min(0)
      .default(0)
      .describe("Strength of the noise on the embeddings (NEFTune, arXiv 2310.05914); 0 switches it off."),
    seed: z.int().default(42).describe("For everything that is left to chance."),
    anchorWeight: z
      .number()
      .min(0)
      .default(1)
      .describe("How strongly the student is held to the base model; 0 switches it off."),
    anchorTextsPerStep: count.default(1),
    anchorTexts: count.default(96).describe("Texts that the base model writes for the anchor, once per model."),
    anchorTokens: z.int().min(8).default(48).describe("Tokens per anchor text."),
    anchorTopCount: count.max(1024).default(64).describe("Most likely tokens that are compared per position."),
    device: z
      .preprocess((value) => (value === "mps" ? "metal" : value), z.enum(DEVICE_CHOICES))
      .default("cpu")
      .describe("Where to train; auto takes a device with a chip and enough memory of its own, else the processor."),
    holdType: z
      .enum(["auto", "F32", "F16", "BF16"])
      .default("auto")
      .describe("Type of the frozen matrices in memory; auto measures."),
    memory: z
      .enum(["auto", ...MEMORY_MODES])
      .default("auto")
      .describe("fast, balanced or least memory for less to more time; auto takes the fastest that fits."),
    validationSplit: z
      .number()
      .min(0)
      .lt(1)
      .default(0)
      .describe("Share of the samples that is not learned from but measured on; the best student by that is kept."),
    validationFrequency: count.nullable().default(null).describe("Steps between measurements; null: once per epoch."),
    earlyStopPatience: z
      .int()
      .min(0)
      .default(0)
      .describe("Measurements without a new best after which training ends; 0 never ends it."),
    saveSamples: z
      .int()
      .min(0)
      .default(0)
      .describe("A checkpoint whenever the samples seen pass a multiple of this; 0 makes none."),
    checkpointAtEpoch: z.boolean().default(true).describe("A checkpoint at the end of every epoch."),
    keepLast: z
      .int()
      .min(0)
      .default(3)
      .describe("Checkpoints by samples and epoch that are kept, besides the best; 0 keeps all."),
  })
  .superRefine((settings, context) => {
    const needsSplit = (path: string) =>
      context.addIssue({ code: "custom", path: [path], message: "works only with a validation split above 0" });
    if (settings.validationSplit > 0) return;
    if (settings.earlyStopPatience > 0) needsSplit("earlyStopPatience");
    if (settings.validationFrequency !== null) needsSplit("validationFrequency");
  })
  .transform((settings) => ({ ...settings, learningRate: settings.learningRate ?? PEAK_RATE[settings.method] }));
export type TrainingSettings = z.infer<typeof trainingSettingsSchema>;
