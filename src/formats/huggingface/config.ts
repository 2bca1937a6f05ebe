/** `config.json` of a Hugging Face model as it concerns these architectures: read with limits, old and new spellings made one. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { IlabError } from "../../util/errors.ts";

/** No sequence model has more of anything; bounds what a lying file can ask for. */
const size = z
  .number()
  .int()
  .positive()
  .max(2 ** 31 - 1);
const positive = z.number().positive();
const optional = <Schema extends z.ZodType>(schema: Schema) =>
  schema.nullish().transform((value) => value ?? undefined);
const tokenIds = z.union([z.number().int(), z.array(z.number().int())]);

const ropeSchema = z.looseObject({
  rope_type: optional(z.string()),
  /** Spelling before transformers 4.45. */
  type: optional(z.string()),
  rope_theta: optional(positive),
  factor: optional(positive),
  low_freq_factor: optional(positive),
  high_freq_factor: optional(positive),
  original_max_position_embeddings: optional(size),
  attention_factor: optional(positive),
  beta_fast: optional(positive),
  beta_slow: optional(positive),
  partial_rotary_factor: optional(positive),
});
export type RopeConfig = z.infer<typeof ropeSchema>;

const configSchema = z.looseObject({
  architectures: z.array(z.string()).min(1),
  hidden_size: size,
  intermediate_size: size,
  num_hidden_layers: size.max(10_000),
  num_attention_heads: size,
  num_key_value_heads: optional(size),
  head_dim: optional(size),
  vocab_size: optional(size),
  max_position_embeddings: optional(size),
  rms_norm_eps: optional(positive),
  tie_word_embeddings: optional(z.boolean()),
  hidden_act: optional(z.string()),
  hidden_activation: optional(z.string()),
  bos_token_id: optional(tokenIds),
  eos_token_id: optional(tokenIds),
  pad_token_id: optional(z.number().int()),
  rope_theta: optional(positive),
  rope_local_base_freq: optional(positive),
  rope_scaling: optional(ropeSchema),
  rope_parameters: optional(
    z.union([z.object({ full_attention: ropeSchema, sliding_attention: optional(ropeSchema) }), ropeSchema]),
  ),
  partial_rotary_factor: optional(positive),
  sliding_window: optional(size),
  sliding_window_pattern: optional(size),
  use_sliding_window: optional(z.boolean()),
  layer_types: optional(z.array(z.string())),
  query_pre_attn_scalar: optional(positive),
  final_logit_softcapping: optional(positive),
  attn_logit_softcapping: optional(positive),
  attention_multiplier: optional(positive),
  embedding_multiplier: optional(positive),
  residual_multiplier: optional(positive),
  logits_scaling: optional(positive),
  quantization_config: optional(z.unknown()),
});
export type HuggingFaceConfig = z.infer<typeof configSchema>;

/** Values that `Gemma3TextConfig` leaves out of the file when they are its defaults. */
const GEMMA3_DEFAULTS = {
  hidden_size: 2304,
  intermediate_size: 9216,
  num_hidden_layers: 26,
  num_attention_heads: 8,
  num_key_value_heads: 4,
  head_dim: 256,
  query_pre_attn_scalar: 256,
  sliding_window: 4096,
  rope_theta: 1_000_000,
  rope_local_base_freq: 10_000,
  max_position_embeddings: 131_072,
};

/** A model with images as well keeps its language part in `text_config`. Throws `HF_CONFIG_INVALID`. */
export async function readConfig(directory: string): Promise<HuggingFaceConfig> {
  const path = join(directory, "config.json");
  const raw = (await readJsonObject(path)) ?? raise(path, "it is not there");
  const classes = Array.isArray(raw["architectures"]) ? (raw["architectures"] as unknown[]) : [];
  const defaults = classes.some((name) => String(name).startsWith("Gemma3For")) ? GEMMA3_DEFAULTS : {};
  const text = typeof raw["text_config"] === "object" ? raw["text_config"] : {};
  const parsed = configSchema.safeParse({ ...defaults, ...raw, ...text, architectures: raw["architectures"] });
  if (!parsed.success) throw raise(path, z.prettifyError(parsed.error));
  const config = parsed.data;
  if (config.quantization_config !== undefined)
    raise(
      path,
      "its weights are quantised in a way that is not GGUF's",
      "Get the model with plain 16- or 32-bit weights.",
    );
  return config;
}

/** The file's JSON object; undefined when there is no such file. */
export async function readJsonObject(path: string): Promise<Record<string, unknown> | undefined> {
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT" || error.code === "ENOTDIR") return undefined;
    throw error;
  });
  if (text === undefined) return undefined;
  try {
    return z.record(z.string(), z.unknown()).parse(JSON.parse(text));
  } catch (cause) {
    throw raise(path, "it is not a JSON object", undefined, cause);
  }
}

function raise(path: string, problem: string, hint?: string, cause?: unknown): never {
  throw new IlabError({
    code: "HF_CONFIG_INVALID",
    message: `${path} cannot be used: ${problem}`,
    hint: hint ?? "Give a directory that transformers' save_pretrained wrote, or that was downloaded whole.",
    cause,
  });
}
