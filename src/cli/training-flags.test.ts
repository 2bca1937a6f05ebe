/** Options and configuration of `ilab model train` become the settings they name. */
import { Command } from "commander";
import { expect, test } from "vitest";
import { createConfigSchema } from "../config/config-schema.ts";
import { ilabPaths } from "../config/paths.ts";
import { trainingSettingsSchema } from "../training/training-settings.ts";
import { addTrainingFlags, readTrainingSettings } from "./training-flags.ts";

const defaults = createConfigSchema(ilabPaths()).parse({}).train;

function read(words: string, config: Partial<typeof defaults> = {}) {
  const command = addTrainingFlags(new Command("train").exitOverride()).parse(words === "" ? [] : words.split(" "), {
    from: "user",
  });
  return readTrainingSettings(command.opts(), { ...defaults, ...config });
}

test("with nothing said, options and configuration give the recipe's defaults", async () => {
  expect(await read("")).toEqual(trainingSettingsSchema.parse({}));
  // All weights move at once: the peak is a hundredth.
  expect(await read("--method full")).toMatchObject({ method: "full", learningRate: 2e-5 });
  expect(await read("--method full --learning-rate 1e-4")).toMatchObject({ learningRate: 1e-4 });
});

test("every option sets what it names", async () => {
  const words =
    "--num-epochs 3 --effective-batch-size 4 --max-seq-len 512 --max-batch-len 600 --learning-rate 1e-3 --lr-scheduler linear " +
    "--warmup-steps 0 --adamw-weight-decay 0.1 --adamw-betas 0.8 0.99 --adamw-eps 1e-6 --max-grad-norm 0 --lora-rank 8 --lora-alpha 4 " +
    "--lora-rank-stabilized --lora-dropout 0.1 --lora-target-modules *_proj lm_head --neftune-alpha 5 --anchor-weight 0 --seed 7 " +
    "--validation-split 0.2 --validation-frequency 9 --early-stop-patience 2 --save-samples 100 --no-checkpoint-at-epoch --keep-last 0";
  expect(await read(words)).toEqual({
    ...trainingSettingsSchema.parse({}),
    epochs: 3,
    effectiveBatchSize: 4,
    maxSequenceTokens: 512,
    maxBatchTokens: 600,
    learningRate: 1e-3,
    schedule: "linear",
    warmupSteps: 0,
    weightDecay: 0.1,
    beta1: 0.8,
    beta2: 0.99,
    epsilon: 1e-6,
    maxGradientNorm: 0,
    loraRank: 8,
    loraAlpha: 4,
    isRankStabilized: true,
    loraDropout: 0.1,
    loraTargets: ["*_proj", "lm_head"],
    neftuneAlpha: 5,
    anchorWeight: 0,
    seed: 7,
    validationSplit: 0.2,
    validationFrequency: 9,
    earlyStopPatience: 2,
    saveSamples: 100,
    checkpointAtEpoch: false,
    keepLast: 0,
  });
});

test("the configuration holds where no option is given", async () => {
  const config = { num_epochs: 2, checkpoint_at_epoch: false, lora_target_modules: ["q_proj"], warmup_steps: 0 };
  expect(await read("", config)).toMatchObject({
    epochs: 2,
    checkpointAtEpoch: false,
    loraTargets: ["q_proj"],
    warmupSteps: 0,
  });
  expect(await read("--num-epochs 5 --checkpoint-at-epoch", config)).toMatchObject({
    epochs: 5,
    checkpointAtEpoch: true,
  });
  expect(await read("", { lora_rank: 0 })).toMatchObject({ loraRank: 16 });
});

test("what cannot be is refused by the option's name", async () => {
  await expect(read("--num-epochs many --lora-dropout 1 --lr-scheduler steep")).rejects.toMatchObject({
    code: "USAGE",
    message: expect.stringMatching(/--num-epochs: .*\n.*--lr-scheduler: .*\n.*--lora-dropout: /),
  });
  await expect(read("--early-stop-patience 1")).rejects.toThrow(/--early-stop-patience: works only with a validation/);
  await expect(read("--adamw-betas 0.9")).rejects.toThrow(/--adamw-betas takes 2 numbers, not 1/);
});
