/** Adds x yᵀ, summed over tokens, to a part of the flat gradient vector: x `[m, tokens]`, y `[n, tokens]`, the part `[m, n]` from `offset` on. */
import type { Tensor } from "../../tensor/context.ts";
import { FLOAT_BYTES, type PackGraph } from "./pack-graph.ts";

export function addOuterProduct(
  { context: c, gradients, kernels }: PackGraph,
  offset: number,
  x: Tensor,
  y: Tensor,
): void {
  const [m, n] = [x.shape[0], y.shape[0]];
  const row = m * FLOAT_BYTES;
  const sum = c.view(gradients, [m, n, 1, 1], [row, row * n, row * n], offset * FLOAT_BYTES);
  c.expand(kernels === undefined ? c.addInplace(sum, c.outProd(x, y)) : kernels.addOuterProduct(c, sum, x, y));
}
