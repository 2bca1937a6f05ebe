/** A group of frozen linear layers with their adapters, forward and backward. */
import type { Tensor } from "../../tensor/context.ts";
import { addOuterProduct } from "./add-outer-product.ts";
import type { LinearGroup } from "./frozen-weights.ts";
import type { AdaptedModule } from "./lora-layout.ts";
import type { PackGraph } from "./pack-graph.ts";

/** The result of a linear group with what its backward pass needs. */
export interface LinearActivations {
  input: Tensor;
  /** s A x, `[padded ranks, tokens]`; undefined without an adapter. */
  lowRank: Tensor | undefined;
  output: Tensor;
}

/** y = W x + B (s A x) as one product with the widened matrix. */
export function linearForward(graph: PackGraph, group: LinearGroup, input: Tensor): LinearActivations {
  const { context: c, layout } = graph;
  const lowRank = group.adapter && c.scale(group.adapter.a.multiply(c, input), layout.scale);
  return { input, lowRank, output: group.forward.multiply(c, input, lowRank) };
}

/** dx = Wᵀ dy + Aᵀ (s Bᵀ dy); dB = dy (s A x)ᵀ; dA = (s Bᵀ dy) xᵀ. */
export function linearBackward(
  graph: PackGraph,
  group: LinearGroup,
  modules: AdaptedModule[],
  saved: LinearActivations,
  dOutput: Tensor,
  needsInputGradient: boolean,
): Tensor | undefined {
  const { context: c, layout } = graph;
  let dLowRank: Tensor | undefined;
  if (group.adapter !== undefined && saved.lowRank !== undefined) {
    const { rank } = layout;
    dLowRank = c.scale(group.adapter.b.multiply(c, dOutput), layout.scale);
    const adapted = modules.filter((module) => group.parts.has(module.name));
    addOuterProduct(graph, adapted[0]!.offsetA, saved.input, c.rows(dLowRank, 0, group.ranks));
    for (const [i, module] of adapted.entries()) {
      const { from, count } = group.parts.get(module.name)!;
      addOuterProduct(graph, module.offsetB, c.rows(dOutput, from, count), c.rows(saved.lowRank, i * rank, rank));
    }
  }
  return needsInputGradient ? group.backward.multiply(c, dOutput, dLowRank) : undefined;
}
