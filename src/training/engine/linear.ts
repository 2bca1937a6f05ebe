/** A group of frozen linear layers with their adapters, forward and backward. */
import type { Tensor } from "../../tensor/context.ts";
import type { LinearGroup } from "./frozen-weights.ts";
import type { AdaptedModule } from "./lora-layout.ts";
import { FLOAT_BYTES, type PackGraph } from "./pack-graph.ts";

/** The result of a linear group with what its backward pass needs. */
export interface LinearActivations {
  input: Tensor;
  /** s A x, `[paddedRanks, tokens]`; undefined without an adapter. */
  lowRank: Tensor | undefined;
  output: Tensor;
}

/** y = W x + B (s A x) as one product with the widened matrix. */
export function linearForward(graph: PackGraph, group: LinearGroup, input: Tensor): LinearActivations {
  const { context: c, layout } = graph;
  if (group.adapterA === undefined) return { input, lowRank: undefined, output: c.mulMat(group.forward, input) };
  const lowRank = c.scale(c.mulMat(group.adapterA, input), layout.scale);
  return { input, lowRank, output: c.mulMat(group.forward, c.concat(input, lowRank, 0)) };
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
  const { context: c, layout, gradients } = graph;
  if (group.adapterB === undefined || saved.lowRank === undefined)
    return needsInputGradient ? c.mulMat(group.backward, dOutput) : undefined;
  const { rank } = layout;
  const dLowRank = c.scale(c.mulMat(group.adapterB, dOutput), layout.scale);
  const addTo = (offset: number, rows: number, length: number, value: Tensor) => {
    const row = length * FLOAT_BYTES;
    c.expand(
      c.addInplace(c.view(gradients, [length, rows, 1, 1], [row, row * rows, row * rows], offset * FLOAT_BYTES), value),
    );
  };
  const adapted = modules.filter((module) => group.parts.has(module.name));
  addTo(adapted[0]!.offsetA, group.ranks, group.input, c.outProd(saved.input, c.rows(dLowRank, 0, group.ranks)));
  for (const [i, module] of adapted.entries()) {
    const { from, count } = group.parts.get(module.name)!;
    addTo(module.offsetB, rank, count, c.outProd(c.rows(dOutput, from, count), c.rows(saved.lowRank, i * rank, rank)));
  }
  return needsInputGradient ? c.mulMat(group.backward, c.concat(dOutput, dLowRank, 0)) : undefined;
}
