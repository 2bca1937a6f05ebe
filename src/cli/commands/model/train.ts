/** `ilab model train`: tunes a model on this machine, or continues what was begun. */
import type { TrainRequest } from "../../../training/train-student.ts";
import { UsageError } from "../../../util/errors.ts";
import { runWork } from "../../../util/events.ts";
import type { CommandContext, RegisterCommand } from "../../command.ts";
import { ensureModel } from "../../ensure-model.ts";
import { examples } from "../../examples.ts";
import { addTrainingFlags, readTrainingSettings } from "../../training-flags.ts";

interface TrainOptions extends Record<string, unknown> {
  modelPath?: string;
  dataPath?: string;
  ckptOutputDir?: string;
  adapter?: string;
  resume?: string;
  threads?: string;
  dryRun?: boolean;
}

export const register: RegisterCommand = (group, bind) => {
  const command = group
    .command("train")
    .description("Tune a model on training data, on this machine. The same command continues what was interrupted.")
    .option("--model-path <model>", "student: a name of the store or a GGUF file")
    .option("--data-path <path>", "messages file, data run, or directory of data runs (the newest is taken)")
    .option("--ckpt-output-dir <directory>", "where the training's own directory is made")
    .option("--adapter <run|file>", "begin with this adapter: a training run, a checkpoint or an adapter.gguf")
    .option("--threads <number>", "processor cores to use; all by default")
    .option("--dry-run", "only say what memory and time it would take")
    .option("--resume <auto|never|run>", "continue an unfinished run: of the very same, none, or this one", "auto");
  addTrainingFlags(command)
    .addHelpText(
      "after",
      examples(
        "ilab model train",
        "ilab model train --data-path ./datasets/2026-11-22_101500 --model-path smollm2-135m",
        "ilab model train --method full --dry-run",
        "ilab model train --validation-split 0.1 --early-stop-patience 2",
      ),
    )
    .action(bind<TrainOptions>(train));
};

async function train(context: CommandContext, options: TrainOptions): Promise<void> {
  const { reporter, signal, paths } = context;
  const { resolve } = await import("node:path");
  const { loadConfig } = await import("../../../config/load-config.ts");
  const { findAdapter } = await import("../../../training/find-adapter.ts");
  const { findTrainingData } = await import("../../../training/find-training-data.ts");
  const { estimateTraining, trainStudent } = await import("../../../flow.ts");
  const { openLocalModel } = await import("../../../llm/local-model.ts");
  const config = (await loadConfig(paths)).train;
  const settings = await readTrainingSettings(options, config);
  const dataFile = await findTrainingData(resolve(options.dataPath ?? config.data_path));
  const adapterFile = options.adapter === undefined ? undefined : await findAdapter(resolve(options.adapter));
  const modelFile = await ensureModel(context, options.modelPath ?? config.model_path);
  reporter.print(`Training ${modelFile}\non       ${dataFile}`);
  const request: TrainRequest = {
    modelFile,
    dataFile,
    outputDirectory: resolve(options.ckptOutputDir ?? config.ckpt_output_dir),
    cacheDirectory: paths.cache,
    settings,
    resume: options.resume,
    adapterFile,
    threads: readThreads(options.threads),
    openBaseModel: () => openLocalModel({ file: modelFile, signal }),
    signal,
    onSaveRequest,
  };
  if (options.dryRun) {
    const { trainingEstimateText } = await import("../../print-training-estimate.ts");
    const estimate = await runWork(estimateTraining(request), (event) => reporter.event(event));
    reporter.print(trainingEstimateText(estimate));
    reporter.result(estimate);
    return;
  }
  const work = trainStudent(request);
  const { directory, studentFile, manifest } = await runWork(work, (event) => reporter.event(event));
  const { samples, steps } = manifest.counts;
  reporter.print(
    `Trained on ${samples} samples in ${steps} steps (${Math.round(manifest.timings["training"]!)} s).\n` +
      `The student is in ${directory}\n` +
      `Ask it:  ilab model chat --model ${directory} -qq "..."`,
  );
  reporter.result({ directory, studentFile, counts: manifest.counts, timings: manifest.timings });
}

function readThreads(value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  const threads = Number(value);
  if (Number.isInteger(threads) && threads >= 1 && threads <= 512) return threads;
  throw new UsageError(`--threads must be a whole number from 1 to 512, not '${value}'`);
}

/** `kill -USR1`: a checkpoint now. Windows has no such signal. */
function onSaveRequest(save: () => void): () => void {
  if (process.platform === "win32") return () => {};
  process.on("SIGUSR1", save);
  return () => process.off("SIGUSR1", save);
}
