/** The options of `ilab model train` that are settings of the training: declared here, and turned into settings with what the configuration says. */
import { type Command, Option } from "commander";
import type { IlabConfig } from "../config/config-schema.ts";
import type { TrainingSettings } from "../training/training-settings.ts";
import { UsageError } from "../util/errors.ts";

type SettingName = keyof TrainingSettings;
type ConfigName = keyof IlabConfig["train"];
type Kind = "number" | "text" | "texts" | "switch";

interface TrainingFlag {
  flags: string;
  description: string;
  /** Several for an option with several values. */
  settings: SettingName[];
  kind: Kind;
  /** Key of the configuration's `train` section that holds when the option is not given. */
  config?: ConfigName;
}

function flag(
  flags: string,
  description: string,
  settings: SettingName | SettingName[],
  kind: Kind = "number",
  config?: ConfigName,
): TrainingFlag {
  return { flags, description, settings: [settings].flat(), kind, config };
}

const TRAINING_FLAGS: readonly TrainingFlag[] = [
  flag("--method <method>", "lora: an adapter; full: all weights", "method", "text", "method"),
  flag("--num-epochs <number>", "passes over the data", "epochs", "number", "num_epochs"),
  flag(
    "--effective-batch-size <number>",
    "samples per optimizer step",
    "effectiveBatchSize",
    "number",
    "effective_batch_size",
  ),
  flag("--max-seq-len <tokens>", "longer samples are left out", "maxSequenceTokens", "number", "max_seq_len"),
  flag(
    "--max-batch-len <tokens>",
    "tokens worked on at once; less needs less memory",
    "maxBatchTokens",
    "number",
    "max_batch_len",
  ),
  flag("--learning-rate <rate>", "peak learning rate", "learningRate", "number", "learning_rate"),
  flag("--lr-scheduler <course>", "constant, linear or cosine, after the warm-up", "schedule", "text", "lr_scheduler"),
  flag("--warmup-steps <number>", "steps until the peak rate", "warmupSteps", "number", "warmup_steps"),
  flag("--adamw-weight-decay <share>", "weight decay", "weightDecay"),
  flag("--adamw-betas <numbers...>", "decay of the gradient's mean and mean square", ["beta1", "beta2"]),
  flag("--adamw-eps <number>", "added to the root of the mean square", "epsilon"),
  flag("--max-grad-norm <norm>", "longer gradients are shortened to this; 0 = never", "maxGradientNorm"),
  flag("--lora-rank <rank>", "rank of the adapter", "loraRank", "number", "lora_rank"),
  flag("--lora-alpha <alpha>", "scale of the adapter: alpha / rank", "loraAlpha", "number", "lora_alpha"),
  flag("--lora-rank-stabilized", "scale of the adapter: alpha / sqrt(rank)", "isRankStabilized", "switch"),
  flag("--lora-dropout <share>", "inputs of the adapter left out at random", "loraDropout", "number", "lora_dropout"),
  flag(
    "--lora-target-modules <modules...>",
    "adapted modules, such as q_proj, *_proj or layers.{0..5}.q_proj; all seven by default",
    "loraTargets",
    "texts",
    "lora_target_modules",
  ),
  flag("--neftune-alpha <alpha>", "strength of the noise on the embeddings; 0 = none", "neftuneAlpha"),
  flag("--anchor-weight <weight>", "how strongly the student is held to its base; 0 = not at all", "anchorWeight"),
  flag("--memory <mode>", "auto, fast, balanced or least: memory for time", "memory", "text"),
  flag("--device <device>", "where to train: auto, cpu, cuda, vulkan or metal (also mps)", "device", "text", "device"),
  flag("--seed <number>", "for random choices", "seed"),
  flag(
    "--validation-split <share>",
    "share of the data that is only measured on; the best student by that is kept",
    "validationSplit",
    "number",
    "validation_split",
  ),
  flag(
    "--validation-frequency <steps>",
    "steps between measurements; once per epoch by default",
    "validationFrequency",
    "number",
    "validation_frequency",
  ),
  flag(
    "--early-stop-patience <number>",
    "end after so many measurements without a new best; 0 = never",
    "earlyStopPatience",
    "number",
    "early_stop_patience",
  ),
  flag(
    "--save-samples <number>",
    "a checkpoint whenever so many more samples were seen; 0 = none",
    "saveSamples",
    "number",
    "save_samples",
  ),
  flag(
    "--checkpoint-at-epoch",
    "a checkpoint at the end of every epoch (default)",
    "checkpointAtEpoch",
    "switch",
    "checkpoint_at_epoch",
  ),
  flag("--no-checkpoint-at-epoch", "none at the end of epochs", "checkpointAtEpoch", "switch"),
  flag(
    "--keep-last <number>",
    "checkpoints that are kept besides the best; 0 = all",
    "keepLast",
    "number",
    "keep_last",
  ),
];

export function addTrainingFlags(command: Command): Command {
  for (const { flags, description } of TRAINING_FLAGS) command.addOption(new Option(flags, description));
  return command;
}

/** @param options as commander read them; @throws UsageError with every setting that cannot be. */
export async function readTrainingSettings(
  options: Record<string, unknown>,
  config: IlabConfig["train"],
): Promise<TrainingSettings> {
  const { trainingSettingsSchema } = await import("../training/training-settings.ts");
  const values: Record<string, unknown> = {};
  const flagOf = new Map<string, string>();
  for (const entry of TRAINING_FLAGS) {
    const option = new Option(entry.flags);
    const given = options[option.attributeName()] ?? (entry.config === undefined ? undefined : config[entry.config]);
    // Upstream's 0 stands for full fine-tuning there; here it has always meant that the rank is chosen.
    if (entry.config === "lora_rank" && given === 0) continue;
    for (const [i, name] of entry.settings.entries()) {
      flagOf.set(name, flagOf.get(name) ?? option.long!);
      if (given === undefined || given === null) continue;
      values[name] = parse(entry.settings.length > 1 ? (given as unknown[])[i] : given, entry.kind);
    }
    if (entry.settings.length > 1 && Array.isArray(given) && given.length !== entry.settings.length)
      throw new UsageError(
        `${option.long} takes ${entry.settings.length} numbers, not ${given.length}`,
        "See `ilab model train --help`.",
      );
  }
  const parsed = trainingSettingsSchema.safeParse(values);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(({ path, message }) => `${flagOf.get(String(path[0]))}: ${message}`);
  throw new UsageError(`these settings cannot be used:\n  ${problems.join("\n  ")}`, "See `ilab model train --help`.");
}

/** Numbers that cannot be read become NaN, which the schema refuses by the setting's name. */
function parse(value: unknown, kind: Kind): unknown {
  return kind === "number" ? Number(value) : value;
}
