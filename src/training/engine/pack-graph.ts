/** What every layer of one graph shares: the pack it works on, and where gradients go. Activations are `[features, tokens]`. */
import type { Tensor, TensorContext } from "../../tensor/context.ts";
import type { CpuKernels } from "../../tensor/kernels/cpu-kernels.ts";
import type { HoldType } from "./held-matrix.ts";
import type { ParameterLayout } from "./lora-layout.ts";
import type { Segment } from "./micro-batch.ts";
import type { ModelSpec } from "./model-spec.ts";
import type { Dropout } from "./noise.ts";

export const FLOAT_BYTES = 4;

export interface PackGraph {
  context: TensorContext;
  /** This processor's own products, where it has them. */
  kernels: CpuKernels | undefined;
  spec: ModelSpec;
  holdType: HoldType;
  layout: ParameterLayout;
  positions: Tensor;
  ropeFactors: Tensor | undefined;
  /** Tokens in the pack. */
  tokens: number;
  segments: Segment[];
  /** The flat gradient vector (same layout as the adapter's parameters), to which the backward pass adds. */
  gradients: Tensor;
  /** While training with dropout. */
  dropout?: Dropout;
  /** Masks of sliding windows, by their sizes; made when a layer first needs them. */
  masks: Map<string, WindowMask>;
}

/** An input of the graph; `fill` after allocation, before computing. */
export interface WindowMask {
  tensor: Tensor;
  fill: () => void;
}
