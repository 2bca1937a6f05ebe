/** A group of frozen linear layers with their adapters, forward and backward. */
import type { Tensor } from "../../tensor/context.ts";
import { addOuterProduct } from "./add-outer-product.ts";
import { addVectorGradient } from "./add-vector-gradient.ts";
import type { LinearGroup } from "./frozen-weights.ts";
import type { PackGraph } from "./pack-graph.ts";

/** The result of a linear group with what its backward pass needs. */
export interface LinearActivations {
  input: Tensor;
  /** What the adapter sees of it: all, or with dropout a part. */
  adapterInput: Tensor;
  /** s A x, `[padded ranks, tokens]`; undefined without an adapter. */
  lowRank: Tensor | undefined;
  /** Undefined where a recomputed layer has no use for it. */
  output: Tensor | undefined;
}

/** y = W x + B (s A x) as one product with the widened matrix. */
export function linearForward(
  graph: PackGraph,
  group: LinearGroup,
  input: Tensor,
  needsOutput: boolean,
): LinearActivations {
  const { context: c, layout, dropout } = graph;
  const { adapter } = group;
  const adapterInput =
    adapter === undefined || dropout === undefined ? input : c.mul(input, dropout.maskFor(c, input, group.index));
  const lowRank = adapter && c.scale(adapter.a.multiply(c, adapterInput), layout.scale);
  return { input, adapterInput, lowRank, output: needsOutput ? group.forward.multiply(c, input, lowRank) : undefined };
}

/** dx = Wᵀ dy + Aᵀ (s Bᵀ dy); dB = dy (s A x)ᵀ; dA = (s Bᵀ dy) xᵀ; and dW = dy xᵀ where W itself is trained. */
export function linearBackward(
  graph: PackGraph,
  group: LinearGroup,
  layer: number,
  saved: LinearActivations,
  dOutput: Tensor,
  needsInputGradient: boolean,
): Tensor | undefined {
  const { context: c, layout, dropout } = graph;
  const { adapter } = group;
  for (const [module, { from, count }] of group.parts) {
    const weights = layout.weights.get(`blk.${layer}.${module}.weight`);
    if (weights !== undefined) addOuterProduct(graph, weights.offset, saved.input, c.rows(dOutput, from, count));
    addVectorGradient(graph, `blk.${layer}.${module}.bias`, () => c.contiguous(c.rows(dOutput, from, count)));
  }
  let dLowRank: Tensor | undefined;
  if (adapter !== undefined && saved.lowRank !== undefined) {
    const { rank } = layout;
    dLowRank = c.scale(adapter.b.multiply(c, dOutput), layout.scale);
    const adapted = layout.modules.filter((module) => module.layer === layer && group.parts.has(module.name));
    addOuterProduct(graph, adapted[0]!.offsetA, saved.adapterInput, c.rows(dLowRank, 0, group.ranks));
    for (const [i, module] of adapted.entries()) {
      const { from, count } = group.parts.get(module.name)!;
      addOuterProduct(graph, module.offsetB, c.rows(dOutput, from, count), c.rows(saved.lowRank, i * rank, rank));
    }
  }
  if (!needsInputGradient) return undefined;
  if (adapter?.backwardA === undefined) return group.backward.multiply(c, dOutput, dLowRank);
  const dAdapterInput = adapter.backwardA.multiply(c, dLowRank!);
  const dSeen =
    dropout === undefined ? dAdapterInput : c.mul(dAdapterInput, dropout.maskFor(c, saved.input, group.index));
  return c.add(group.backward.multiply(c, dOutput), dSeen);
}
