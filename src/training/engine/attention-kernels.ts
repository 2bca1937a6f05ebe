/**
 * The products of attention by the processor's own kernels: written where they belong without a copy, gradients of shared heads summed
 * on the way, and what the causal mask hides left out.
 */
import type { Tensor } from "../../tensor/context.ts";
import type { CpuKernels } from "../../tensor/kernels/cpu-kernels.ts";
import type { Run } from "./attention-blocks.ts";
import type { AttentionOperands, BackwardProducts, ForwardProducts } from "./attention-products.ts";
import { pastRuns, runView, tokensFirst, visibleTokensFirst, visibleView } from "./attention-views.ts";
import { FLOAT_BYTES, type PackGraph } from "./pack-graph.ts";

export function kernelForward(
  graph: PackGraph,
  kernels: CpuKernels,
  { projected, rotated }: AttentionOperands,
): ForwardProducts {
  const { context: c, spec, tokens } = graph;
  const { heads, keyValueHeads, headSize } = spec;
  const stride = rotated.strides[2];
  const keysByToken = tokensFirst(graph, rotated, heads, keyValueHeads, stride);
  const attended = c.expand(kernels.unwritten(c, projected, heads * headSize, tokens, 1, 1));
  const writes: Tensor[] = [];
  return {
    scores(block) {
      const scores = kernels.unwritten(
        c,
        keysByToken,
        block.past + block.queries.length,
        block.queries.length,
        heads,
        1,
      );
      const queries = runView(graph, rotated, block.queries, 0, heads, stride);
      const keys = visibleTokensFirst(graph, keysByToken, block);
      return c.expand(kernels.addStridedProduct(c, scores, keys, queries, { causality: "rows" }));
    },
    attend(block, probabilities) {
      const result = runView(graph, attended, block.queries, 0, heads, attended.strides[1]);
      const values = visibleView(graph, projected, block, heads + keyValueHeads, keyValueHeads, projected.strides[1]);
      writes.push(c.expand(kernels.addStridedProduct(c, result, values, probabilities, { causality: "inner" })));
    },
    attended: () => kernels.written(c, attended, writes),
  };
}

export function kernelBackward(
  graph: PackGraph,
  kernels: CpuKernels,
  { projected, rotated }: AttentionOperands,
  dAttended: Tensor,
): BackwardProducts {
  const { context: c, spec, tokens } = graph;
  const { heads, keyValueHeads, headSize } = spec;
  const stride = rotated.strides[2];
  const valueStride = keyValueHeads * headSize * FLOAT_BYTES;
  const valuesByToken = tokensFirst(graph, projected, heads + keyValueHeads, keyValueHeads, projected.strides[1]);
  const dRotated = c.expand(kernels.unwritten(c, dAttended, headSize, heads + keyValueHeads, tokens, 1));
  const dValues = c.expand(kernels.unwritten(c, dAttended, keyValueHeads * headSize, tokens, 1, 1));
  const [rotatedWrites, valueWrites]: [Tensor[], Tensor[]] = [[], []];
  const outputs = (run: Run) => runView(graph, dAttended, run, 0, heads, dAttended.strides[1]);
  return {
    dProbabilities(block) {
      const { past, queries } = block;
      const result = kernels.unwritten(c, dAttended, past + queries.length, queries.length, heads, 1);
      const values = visibleTokensFirst(graph, valuesByToken, block);
      return c.expand(kernels.addStridedProduct(c, result, values, outputs(queries), { causality: "rows" }));
    },
    add(block, probabilities, dScores) {
      const queries = runView(graph, rotated, block.queries, 0, heads, stride);
      const keys = visibleView(graph, rotated, block, heads, keyValueHeads, stride);
      const dQueries = runView(graph, dRotated, block.queries, 0, heads, stride);
      rotatedWrites.push(c.expand(kernels.addStridedProduct(c, dQueries, keys, dScores, { causality: "inner" })));
      /** Gradients of the keys and values of one run, which are `from …` of what the block sees. */
      const addRun = (run: Run, from: number, options: Parameters<CpuKernels["addStridedProduct"]>[4]) => {
        const dKeys = runView(graph, dRotated, run, heads, keyValueHeads, stride);
        const scores = byQuery(graph, dScores, from, run);
        rotatedWrites.push(c.expand(kernels.addStridedProduct(c, dKeys, queries, scores, options)));
        const dOwnValues = runView(graph, dValues, run, 0, keyValueHeads, valueStride);
        const weights = byQuery(graph, probabilities, from, run);
        valueWrites.push(c.expand(kernels.addStridedProduct(c, dOwnValues, outputs(block.queries), weights, options)));
      };
      addRun(block.queries, block.past, { causality: "columns" });
      // What lies before was written when its own turn came; every block that looks at it adds to it.
      for (const { from, run } of pastRuns(block)) addRun(run, from, { causality: "none", accumulates: true });
    },
    dRotated: () => kernels.written(c, dRotated, rotatedWrites),
    dValues: () => kernels.written(c, dValues, valueWrites),
  };
}

/** Some keys of `[keys, queries, heads]`, seen as `[queries, keys, heads]`. */
function byQuery({ context: c }: PackGraph, a: Tensor, from: number, { length }: Run): Tensor {
  const [, queries, heads] = a.shape;
  const [element, s1, s2, s3] = a.strides;
  return c.permute(c.view(a, [length, queries, heads, 1], [s1, s2, s3], from * element), 1, 0, 2, 3);
}
