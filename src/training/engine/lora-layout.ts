/**
 * LoRA (arXiv 2106.09685): which linear layers carry an adapter, and where its numbers lie in one flat parameter vector.
 *
 * A linear layer y = W x becomes y = W x + s B A x with s = alpha / rank (or alpha / sqrt(rank)). Per adapted module the vector holds A as `[in, rank]`
 * (rank rows of `in` values) and then B transposed as `[out, rank]` (rank rows of `out` values), because the gradient of B comes out in that order.
 */
import { UsageError } from "../../util/errors.ts";
import { createRandomSource } from "../../util/rng.ts";
import type { ModelSpec } from "./model-spec.ts";
import { targetModules } from "./target-modules.ts";

/** Modules that read the same input are multiplied as one matrix. */
export const MODULE_GROUPS = {
  attentionInput: ["attn_q", "attn_k", "attn_v"],
  attentionOutput: ["attn_output"],
  feedForwardInput: ["ffn_gate", "ffn_up"],
  feedForwardOutput: ["ffn_down"],
} as const;
export type GroupName = keyof typeof MODULE_GROUPS;
export type ModuleName = (typeof MODULE_GROUPS)[GroupName][number];

export interface LoraOptions {
  rank: number;
  alpha: number;
  /** The scale is alpha / sqrt(rank) instead of alpha / rank (arXiv 2312.03732). */
  isRankStabilized?: boolean;
  /** Share of an adapter's inputs that is left out at random while training. */
  dropout?: number;
  /** Names or patterns of the adapted modules (target-modules.ts). */
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

/** A tensor of the model that is trained itself. */
export interface WeightParameters {
  name: string;
  shape: number[];
  elements: number;
  /** First element in the flat vector. */
  offset: number;
}

/** What the flat parameter vector holds: adapters, or after createFullLayout the model's own weights. */
export interface ParameterLayout {
  /** 0 without adapters. */
  rank: number;
  /** Factor of B A x. */
  scale: number;
  alpha: number;
  dropout: number;
  size: number;
  modules: AdaptedModule[];
  /** By name; empty when adapters are trained. */
  weights: ReadonlyMap<string, WeightParameters>;
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

export function createLoraLayout(spec: ModelSpec, options: LoraOptions): ParameterLayout {
  const { rank, alpha, isRankStabilized = false, dropout = 0 } = options;
  if (!Number.isInteger(rank) || rank < 1 || rank > 512)
    throw new UsageError(`the LoRA rank must be a whole number from 1 to 512, not ${rank}`);
  if (!(alpha > 0)) throw new UsageError(`the LoRA alpha must be positive, not ${alpha}`);
  if (!(dropout >= 0 && dropout < 1))
    throw new UsageError(`the LoRA dropout must be at least 0 and below 1, not ${dropout}`);
  const isAdapted = targetModules(options.targets, spec.layers);
  const modules: AdaptedModule[] = [];
  let size = 0;
  for (let layer = 0; layer < spec.layers; layer++)
    for (const group of Object.values(MODULE_GROUPS)) {
      const names = group.filter((name) => isAdapted(layer, name));
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
  const scale = alpha / (isRankStabilized ? Math.sqrt(rank) : rank);
  return { rank, alpha, scale, dropout, size, modules, weights: new Map() };
}

/** A uniform in ±1/sqrt(in) (Kaiming with a = sqrt 5, as peft does), B zero: the adapted model begins as the base model. */
export function initialLoraParameters(layout: ParameterLayout, seed: number): Float32Array {
  const random = createRandomSource(seed);
  const values = new Float32Array(layout.size);
  for (const { input, offsetA } of layout.modules) {
    const bound = 1 / Math.sqrt(input);
    for (let i = 0; i < input * layout.rank; i++) values[offsetA + i] = (2 * random.next() - 1) * bound;
  }
  return values;
}
