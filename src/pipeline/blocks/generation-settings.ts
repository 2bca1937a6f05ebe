/** `gen_kwargs` of pipeline files as a request's parameters. */
import { z } from "zod";
import type { AskRequest, BlockSettings } from "../block.ts";

const number = z.coerce.number();

export const generationSchema = z.strictObject({
  /** The caller chooses the model; read so that upstream's files stay valid. */
  model: z.string().optional(),
  max_tokens: number.int().positive().optional(),
  temperature: number.min(0).optional(),
  top_p: number.min(0).max(1).optional(),
  /** Answers per row, or `scaled`: as many as the run's scale factor says. */
  n: z.union([z.literal("scaled"), number.int().positive()]).optional(),
  seed: number.int().optional(),
  stop: z.union([z.string(), z.array(z.string())]).nullish(),
  frequency_penalty: number.optional(),
  presence_penalty: number.optional(),
  logit_bias: z.record(z.string(), number).optional(),
  logprobs: z.union([z.boolean(), number]).nullish(),
  top_logprobs: number.optional(),
  best_of: number.optional(),
  response_format: z.record(z.string(), z.unknown()).optional(),
  /** Further fields of the request's body, such as guided_choice. */
  extra_body: z.record(z.string(), z.unknown()).nullish(),
});
export type GenerationConfig = z.infer<typeof generationSchema>;

/** Upstream's default. */
const MAX_TOKENS = 4096;
/** Upstream's names of the blocks that `maxTokens` of the settings is for. */
const PAIR_BLOCKS = ["gen_knowledge", "knowledge generation"];

type Parameters = Required<Pick<AskRequest, "maxTokens" | "temperature">> &
  Pick<AskRequest, "topP" | "n" | "stop" | "extra"> & {
    /** Undefined: the run's own. */
    seed?: number;
  };

export function generationParameters(config: GenerationConfig, settings: BlockSettings): Parameters {
  const { model: _, max_tokens, temperature, top_p, n, seed, stop, extra_body, ...others } = config;
  const extra = { ...others, ...extra_body };
  const isPairBlock = PAIR_BLOCKS.includes(settings.name);
  return {
    maxTokens: (isPairBlock ? settings.maxTokens : undefined) ?? max_tokens ?? MAX_TOKENS,
    temperature: temperature ?? 0,
    ...(top_p === undefined ? {} : { topP: top_p }),
    ...(n === undefined || n === 1 ? {} : { n: n === "scaled" ? settings.scaleFactor : n }),
    ...(seed === undefined ? {} : { seed }),
    ...(stop === undefined || stop === null ? {} : { stop: [stop].flat() }),
    ...(Object.keys(extra).length === 0 ? {} : { extra }),
  };
}
