/**
 * The one schema of the configuration: types, defaults, the commented YAML and docs/config.md all come from here. Key names are
 * those of the Python program; only keys that something reads are here.
 */
import { z } from "zod";
import { logLevels } from "../util/log.ts";
import type { IlabPaths } from "./paths.ts";

/** Model that every stage uses unless told otherwise; a name of the model catalog. */
const DEFAULT_MODEL = "smollm2-135m";

const positiveOrChosen = (what: string) =>
  z.int().min(1).nullable().default(null).describe(`${what} null: chosen for the model at hand.`);

const numberOrChosen = (what: string) =>
  z.number().positive().nullable().default(null).describe(`${what} null: chosen for the model at hand.`);

export function createConfigSchema(paths: IlabPaths) {
  const section = <Shape extends z.ZodRawShape>(description: string, shape: Shape) =>
    z.strictObject(shape).describe(description);
  return z.strictObject({
    version: z.string().default("1.0.0").describe("Version of this file's format."),
    general: section("What concerns every command.", {
      log_level: z.enum(logLevels).default("INFO").describe("Least important log lines to show on standard error."),
    }).prefault({}),
    chat: section("ilab model chat", {
      model: z.string().min(1).default(DEFAULT_MODEL).describe("Model to talk to: a name of the store or a GGUF file."),
      max_tokens: z
        .int()
        .min(1)
        .nullable()
        .default(null)
        .describe("Longest answer, in tokens. null: up to the model's context."),
      temperature: z
        .number()
        .min(0)
        .max(2)
        .default(0)
        .describe("0 always takes the likeliest word; higher values vary more and invent more."),
    }).prefault({}),
    generate: section("ilab data generate", {
      pipeline: z
        .string()
        .min(1)
        .default("auto")
        .describe(
          "compact, simple, full, llama, one of your own by name or directory; auto chooses by the teacher's size.",
        ),
      teacher: section("The model that writes the training data.", {
        model_path: z
          .string()
          .min(1)
          .default(DEFAULT_MODEL)
          .describe("Teacher model: a name of the store, a GGUF file, or the served model's name with --endpoint-url."),
      }).prefault({}),
      taxonomy_path: z.string().min(1).default(paths.taxonomy).describe("Directory of the taxonomy."),
      taxonomy_base: z
        .string()
        .min(1)
        .default("origin/main")
        .describe("Git reference that changes are counted from; 'empty' takes the whole tree."),
      output_dir: z.string().min(1).default(paths.datasets).describe("Directory under which every run makes its own."),
      chunk_word_count: z
        .int()
        .min(1)
        .nullable()
        .default(null)
        .describe("Words of a piece of a document, taken as 1.3 tokens each. null: 500 tokens."),
      chunk_overlap: z
        .int()
        .min(0)
        .default(0)
        .describe("Sentences at the end of a piece that begin the next one, too."),
      docling_url: z
        .string()
        .min(1)
        .nullable()
        .default(null)
        .describe("docling-serve server that converts PDF, DOCX, scans and more. null: they are read on this machine."),
    }).prefault({}),
    train: section("ilab model train", {
      model_path: z
        .string()
        .min(1)
        .default(DEFAULT_MODEL)
        .describe("Student model: a name of the store or a GGUF file."),
      data_path: z
        .string()
        .min(1)
        .default(paths.datasets)
        .describe("Training data: a file, or the newest run below a directory."),
      device: z
        .enum(["auto", "cpu", "cuda", "metal", "vulkan", "mps"])
        .default("cpu")
        .describe("Where to train; auto takes a GPU that will do, else the processor."),
      ckpt_output_dir: z
        .string()
        .min(1)
        .default(paths.checkpoints)
        .describe("Directory under which every training makes its own."),
      num_epochs: positiveOrChosen("Passes over the training data."),
      effective_batch_size: positiveOrChosen("Samples per step of the optimizer."),
      max_seq_len: positiveOrChosen("Longest sample, in tokens; longer ones are left out."),
      max_batch_len: positiveOrChosen("Tokens that are worked on at once; less needs less memory."),
      method: z.enum(["lora", "full"]).default("lora").describe("lora: an adapter. full: all weights."),
      learning_rate: numberOrChosen("Peak learning rate."),
      lr_scheduler: z
        .enum(["constant", "linear", "cosine"])
        .nullable()
        .default(null)
        .describe("Course of the learning rate after the warm-up. null: chosen for the model at hand."),
      warmup_steps: z
        .int()
        .min(0)
        .nullable()
        .default(null)
        .describe("Steps until the peak rate. null: chosen for the model at hand."),
      lora_rank: z
        .int()
        .min(0)
        .nullable()
        .default(null)
        .describe("Rank of the adapter. null or 0: chosen for the model at hand."),
      lora_alpha: numberOrChosen("Scale of the adapter: alpha / rank."),
      lora_dropout: z.number().min(0).lt(1).default(0).describe("Inputs of the adapter that are left out at random."),
      lora_target_modules: z
        .array(z.string().min(1))
        .min(1)
        .nullable()
        .default(null)
        .describe("Adapted modules, names or patterns. null: all that the model has."),
      validation_split: z
        .number()
        .min(0)
        .lt(1)
        .default(0)
        .describe("Share of the data that is only measured on; the best student by that is kept."),
      validation_frequency: z
        .int()
        .min(1)
        .nullable()
        .default(null)
        .describe("Steps between measurements. null: once per epoch."),
      early_stop_patience: z
        .int()
        .min(0)
        .default(0)
        .describe("Training ends after so many measurements without a new best; 0: never."),
      save_samples: z
        .int()
        .min(0)
        .default(0)
        .describe("A checkpoint whenever the samples seen pass a multiple of this; 0: none."),
      checkpoint_at_epoch: z.boolean().default(true).describe("A checkpoint at the end of every epoch."),
      keep_last: z.int().min(0).default(3).describe("Checkpoints that are kept besides the best; 0: all."),
    }).prefault({}),
    evaluate: section("ilab model evaluate", {
      model: z.string().min(1).nullable().default(null).describe("Model to examine, unless --model names one."),
      base_model: z.string().min(1).default(DEFAULT_MODEL).describe("Model that it is compared with."),
      output_dir: z.string().min(1).default(paths.evaluations).describe("Directory for the results."),
    }).prefault({}),
  });
}

export type IlabConfig = z.infer<ReturnType<typeof createConfigSchema>>;
