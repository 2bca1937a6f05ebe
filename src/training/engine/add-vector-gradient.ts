/** Adds what a norm's or bias's weights receive, summed over tokens, to the flat gradient vector; nothing when adapters are trained. */
import type { Tensor } from "../../tensor/context.ts";
import { TensorType } from "../../tensor/ggml.ts";
import { FLOAT_BYTES, type PackGraph } from "./pack-graph.ts";

/** @param value makes the gradient per token, `[n, tokens]` or `[n, heads, tokens]`; called only when it is wanted. */
export function addVectorGradient(graph: PackGraph, name: string, value: () => Tensor): void {
  const weights = graph.layout.weights.get(name);
  if (weights === undefined) return;
  const { context: c, gradients } = graph;
  const bytes = weights.elements * FLOAT_BYTES;
  const sum = c.view(gradients, [weights.elements, 1, 1, 1], [bytes, bytes, bytes], weights.offset * FLOAT_BYTES);
  c.expand(c.addInplace(sum, c.repeatBack(value(), c.tensor(TensorType.F32, weights.elements))));
}
