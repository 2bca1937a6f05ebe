/**
 * LoRA (arXiv 2106.09685): which linear layers carry an adapter, and where its numbers lie in one flat parameter vector.
 *
 * A linear layer y = W x becomes y = W x + s B A x with s = alpha / rank. Per adapted module the vector holds A as `[in, rank]`
 * (rank rows of `in` values) and then B transposed as `[out, rank]` (rank rows of `out` values), because the gradient of B comes out in that order.
 */
import { UsageError } from "../../util/errors.ts";
import { createRandomSource } from "../../util/rng.ts";
import type { ModelSpec } from "./model-spec.ts";

/** Modules that read the same input are multiplied as one matrix. */
export const MODULE_GROUPS = {
  attentionInput: ["attn_q", "attn_k", "attn_v"],
  attentionOutput: ["attn_output"],
  feedForwardInput: ["ffn_gate", "ffn_up"],
  feedForwardOutput: ["ffn_down"],
} as const;
export type GroupName = keyof typeof MODULE_GROUPS;
export type ModuleName = (typeof MODULE_GROUPS)[GroupName][number];

/** Names that people know from Hugging Face models. */
const TARGET_NAMES: Record<string, ModuleName> = {
  q_proj: "attn_q",
  k_proj: "attn_k",
  v_proj: "attn_v",
  o_proj: "attn_output",
  gate_proj: "ffn_gate",
  up_proj: "ffn_up",
  down_proj: "ffn_down",
};
export const ALL_TARGETS = Object.keys(TARGET_NAMES);

export interface LoraOptions {
  rank: number;
  alpha: number;
  /** Hugging Face names (`q_proj`) of the adapted modules. */
  targets: readonly string[];
}

export interface AdaptedModule {
  layer: number;
  name: ModuleName;
  input: number;
  output: number;
  /** First element of A and of transposed B in the flat vector. */
  offsetA: number;
  offsetB: number;
}

export interface LoraLayout {
  rank: number;
  /** alpha / rank */
  scale: number;
  alpha: number;
  size: number;
  modules: AdaptedModule[];
}

export function moduleShape(spec: ModelSpec, name: ModuleName): { input: number; output: number } {
  const queries = spec.heads * spec.headSize;
  const keys = spec.keyValueHeads * spec.headSize;
  switch (name) {
    case "attn_q":
      return { input: spec.width, output: queries };
    case "attn_k":
    case "attn_v":
      return { input: spec.width, output: keys };
    case "attn_output":
      return { input: queries, output: spec.width };
    case "ffn_down":
      return { input: spec.feedForward, output: spec.width };
    default:
      return { input: spec.width, output: spec.feedForward };
  }
}

export function createLoraLayout(spec: ModelSpec, options: LoraOptions): LoraLayout {
  const { rank, alpha } = options;
  if (!Number.isInteger(rank) || rank < 1 || rank > 512)
    throw new UsageError(`the LoRA rank must be a whole number from 1 to 512, not ${rank}`);
  if (!(alpha > 0)) throw new UsageError(`the LoRA alpha must be positive, not ${alpha}`);
  const adapted = new Set<ModuleName>();
  for (const target of options.targets) {
    const name = TARGET_NAMES[target];
    if (name === undefined)
      throw new UsageError(`there is no module '${target}' to adapt`, `Choose from ${ALL_TARGETS.join(", ")}.`);
    adapted.add(name);
  }
  if (adapted.size === 0)
    throw new UsageError("no module is adapted, so nothing would be trained", `Choose from ${ALL_TARGETS.join(", ")}.`);
  const modules: AdaptedModule[] = [];
  let size = 0;
  for (let layer = 0; layer < spec.layers; layer++)
    for (const group of Object.values(MODULE_GROUPS)) {
      const names = group.filter((name) => adapted.has(name));
      // All A of a group come first, side by side, so that they are one matrix.
      const entries = names.map((name) => ({ layer, name, ...moduleShape(spec, name), offsetA: 0, offsetB: 0 }));
      for (const entry of entries) {
        entry.offsetA = size;
        size += entry.input * rank;
      }
      for (const entry of entries) {
        entry.offsetB = size;
        size += entry.output * rank;
      }
      modules.push(...entries);
    }
  return { rank, alpha, scale: alpha / rank, size, modules };
}

/** A uniform in ±1/sqrt(in) (Kaiming with a = sqrt 5, as peft does), B zero: the adapted model begins as the base model. */
export function initialLoraParameters(layout: LoraLayout, seed: number): Float32Array {
  const random = createRandomSource(seed);
  const values = new Float32Array(layout.size);
  for (const { input, offsetA } of layout.modules) {
    const bound = 1 / Math.sqrt(input);
    for (let i = 0; i < input * layout.rank; i++) values[offsetA + i] = (2 * random.next() - 1) * bound;
  }
  return values;
}
