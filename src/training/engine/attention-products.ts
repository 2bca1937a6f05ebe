/** The products of attention, block by block, by ggml's operations or by this processor's own (attention-kernels.ts); both give the same. */
import type { Tensor } from "../../tensor/context.ts";
import type { AttentionBlock } from "./attention-blocks.ts";
import { ggmlBackward, ggmlForward } from "./attention-ggml.ts";
import { kernelBackward, kernelForward } from "./attention-kernels.ts";
import type { PackGraph } from "./pack-graph.ts";

/** Operands of the forward pass. */
export interface AttentionOperands {
  /** Queries, keys and values, `[(heads + 2 keyValueHeads) headSize, tokens]`; of these the values are used. */
  projected: Tensor;
  /** Rotated queries and keys, `[headSize, heads + keyValueHeads, tokens]`. */
  rotated: Tensor;
}

export interface ForwardProducts {
  /** Queries · keys, `[keys, queries, heads]`; anything where a key comes after the query. */
  scores(block: AttentionBlock): Tensor;
  /** Writes the values weighted by the probabilities. */
  attend(block: AttentionBlock, probabilities: Tensor): void;
  /** `[heads headSize, tokens]`, once every block attended. */
  attended(): Tensor;
}

export interface BackwardProducts {
  /** Gradient of the probabilities, `[keys, queries, heads]`; finite, but otherwise anything where a key comes after the query. */
  dProbabilities(block: AttentionBlock): Tensor;
  /** Adds what the block gives to the gradients of queries, keys and values. */
  add(block: AttentionBlock, probabilities: Tensor, dScores: Tensor): void;
  /** Shaped as `rotated`, once every block was added. */
  dRotated(): Tensor;
  /** `[keyValueHeads headSize, tokens]` */
  dValues(): Tensor;
}

export function forwardProducts(graph: PackGraph, operands: AttentionOperands): ForwardProducts {
  const { kernels } = graph;
  return kernels === undefined ? ggmlForward(graph, operands) : kernelForward(graph, kernels, operands);
}

export function backwardProducts(graph: PackGraph, operands: AttentionOperands, dAttended: Tensor): BackwardProducts {
  const { kernels } = graph;
  return kernels === undefined
    ? ggmlBackward(graph, operands, dAttended)
    : kernelBackward(graph, kernels, operands, dAttended);
}
