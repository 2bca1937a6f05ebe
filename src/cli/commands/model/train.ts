/** `ilab model train`: tunes an adapter for a model on this machine. */
import type { TrainingSettings } from "../../../training/training-settings.ts";
import { UsageError } from "../../../util/errors.ts";
import { runWork } from "../../../util/events.ts";
import type { CommandContext, RegisterCommand } from "../../command.ts";
import { ensureModel } from "../../ensure-model.ts";
import { examples } from "../../examples.ts";

interface TrainOptions {
  modelPath?: string;
  dataPath?: string;
  ckptOutputDir?: string;
  numEpochs?: string;
  effectiveBatchSize?: string;
  maxSeqLen?: string;
  maxBatchLen?: string;
  learningRate?: string;
  warmupSteps?: string;
  loraRank?: string;
  loraAlpha?: string;
  loraTargetModules?: string[];
  anchorWeight?: string;
  seed?: string;
}

export const register: RegisterCommand = (group, bind) => {
  group
    .command("train")
    .description("Tune a model on training data, on this machine.")
    .option("--model-path <model>", "student: a name of the store or a GGUF file")
    .option("--data-path <path>", "messages file, data run, or directory of data runs (the newest is taken)")
    .option("--ckpt-output-dir <directory>", "where the training's own directory is made")
    .option("--num-epochs <number>", "passes over the data")
    .option("--effective-batch-size <number>", "samples per optimizer step")
    .option("--max-seq-len <tokens>", "longer samples are left out")
    .option("--max-batch-len <tokens>", "tokens worked on at once; less needs less memory")
    .option("--learning-rate <rate>", "peak learning rate")
    .option("--warmup-steps <number>", "steps until the peak rate")
    .option("--lora-rank <rank>", "rank of the adapter")
    .option("--lora-alpha <alpha>", "scale of the adapter: alpha / rank")
    .option("--lora-target-modules <modules...>", "adapted modules, such as q_proj v_proj; all seven by default")
    .option("--anchor-weight <weight>", "how strongly the student is held to its base; 0 = not at all")
    .option("--seed <number>", "for random choices")
    .addHelpText(
      "after",
      examples(
        "ilab model train",
        "ilab model train --data-path ./datasets/2026-11-22_101500 --model-path smollm2-135m",
      ),
    )
    .action(bind<TrainOptions>(train));
};

async function train(context: CommandContext, options: TrainOptions): Promise<void> {
  const { reporter, signal, paths } = context;
  const { resolve } = await import("node:path");
  const { loadConfig } = await import("../../../config/load-config.ts");
  const { findTrainingData } = await import("../../../training/find-training-data.ts");
  const { trainStudent } = await import("../../../training/train-student.ts");
  const { openLocalModel } = await import("../../../llm/local-model.ts");
  const config = (await loadConfig(paths)).train;
  const settings = await readSettings(options, config);
  const dataFile = await findTrainingData(resolve(options.dataPath ?? config.data_path));
  const modelFile = await ensureModel(context, options.modelPath ?? config.model_path);
  const outputDirectory = resolve(options.ckptOutputDir ?? config.ckpt_output_dir);
  reporter.print(`Training ${modelFile}\non       ${dataFile}`);
  const work = trainStudent({
    modelFile,
    dataFile,
    outputDirectory,
    cacheDirectory: paths.cache,
    settings,
    openBaseModel: () => openLocalModel({ file: modelFile, signal }),
    signal,
  });
  const { directory, adapterFile, manifest } = await runWork(work, (event) => reporter.event(event));
  const { samples, steps } = manifest.counts;
  reporter.print(
    `Trained on ${samples} samples in ${steps} steps (${Math.round(manifest.timings["training"]!)} s).\n` +
      `The student is in ${directory}\n` +
      `Ask it:  ilab model chat --model ${directory} -qq "..."`,
  );
  reporter.result({ directory, adapterFile, counts: manifest.counts, timings: manifest.timings });
}

async function readSettings(
  options: TrainOptions,
  config: {
    num_epochs: number | null;
    effective_batch_size: number | null;
    max_seq_len: number | null;
    lora_rank: number | null;
  },
): Promise<TrainingSettings> {
  const { trainingSettingsSchema } = await import("../../../training/training-settings.ts");
  const { prettifyError } = await import("zod");
  const number = (value: string | undefined, fallback?: number | null) =>
    value === undefined ? (fallback ?? undefined) || undefined : Number(value);
  const parsed = trainingSettingsSchema.safeParse({
    epochs: number(options.numEpochs, config.num_epochs),
    effectiveBatchSize: number(options.effectiveBatchSize, config.effective_batch_size),
    maxSequenceTokens: number(options.maxSeqLen, config.max_seq_len),
    maxBatchTokens: number(options.maxBatchLen),
    learningRate: number(options.learningRate),
    warmupSteps: number(options.warmupSteps),
    loraRank: number(options.loraRank, config.lora_rank),
    loraAlpha: number(options.loraAlpha),
    loraTargets: options.loraTargetModules,
    anchorWeight: number(options.anchorWeight),
    seed: number(options.seed),
  });
  if (!parsed.success)
    throw new UsageError(
      `these settings cannot be used:\n${prettifyError(parsed.error)}`,
      "See `ilab model train --help`.",
    );
  return parsed.data;
}
