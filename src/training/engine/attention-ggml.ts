/** The products of attention by ggml's operations. */
import type { Tensor, TensorContext } from "../../tensor/context.ts";
import { TensorType } from "../../tensor/ggml.ts";
import type { Run } from "./attention-blocks.ts";
import type { AttentionOperands, BackwardProducts, ForwardProducts } from "./attention-products.ts";
import { pastRuns, runView, tokensFirst, visibleTokensFirst, visibleView } from "./attention-views.ts";
import { FLOAT_BYTES, type PackGraph } from "./pack-graph.ts";

export function ggmlForward(graph: PackGraph, { projected, rotated }: AttentionOperands): ForwardProducts {
  const { context: c, spec, tokens } = graph;
  const { heads, keyValueHeads, headSize } = spec;
  const rotatedStride = rotated.strides[2];
  const valuesByToken = tokensFirst(graph, projected, heads + keyValueHeads, keyValueHeads, projected.strides[1]);
  const tokenBytes = heads * headSize * FLOAT_BYTES;
  const headBytes = headSize * FLOAT_BYTES;
  // Only the shape matters: every column is written before anything reads it.
  let attended = c.contiguous(c.rows(projected, 0, heads * headSize));
  return {
    scores(block) {
      const queries = runView(graph, rotated, block.queries, 0, heads, rotatedStride);
      return c.mulMat(visibleView(graph, rotated, block, heads, keyValueHeads, rotatedStride), queries);
    },
    attend(block, probabilities) {
      const result = c.mulMat(visibleTokensFirst(graph, valuesByToken, block), probabilities);
      const at = block.queries.start * tokenBytes;
      attended = c.setInplace(attended, result, [tokenBytes, headBytes, tokenBytes * tokens], at);
    },
    attended: () => attended,
  };
}

export function ggmlBackward(
  graph: PackGraph,
  { projected, rotated }: AttentionOperands,
  dAttended: Tensor,
): BackwardProducts {
  const { context: c, spec, tokens } = graph;
  const { heads, keyValueHeads, headSize } = spec;
  const rotatedStride = rotated.strides[2];
  const headBytes = headSize * FLOAT_BYTES;
  const keysByToken = tokensFirst(graph, rotated, heads, keyValueHeads, rotatedStride);
  // As in the forward pass, these two only lend their shape.
  let dRotated = c.contiguous(rotated);
  let dValues = c.contiguous(c.rows(projected, (heads + keyValueHeads) * headSize, keyValueHeads * headSize));
  const valueStride = keyValueHeads * headBytes;
  const rotatedStrides: [number, number, number] = [rotatedStride, headBytes, rotatedStride * tokens];
  const valueStrides: [number, number, number] = [valueStride, headBytes, valueStride * tokens];
  const outputs = (run: Run) => runView(graph, dAttended, run, 0, heads, dAttended.strides[1]);
  return {
    dProbabilities(block) {
      const values = visibleView(graph, projected, block, heads + keyValueHeads, keyValueHeads, projected.strides[1]);
      return c.mulMat(values, outputs(block.queries));
    },
    add(block, probabilities, dScores) {
      const queries = runView(graph, rotated, block.queries, 0, heads, rotatedStride);
      const dQueries = c.mulMat(visibleTokensFirst(graph, keysByToken, block), dScores);
      dRotated = c.setInplace(dRotated, dQueries, rotatedStrides, block.queries.start * rotatedStride);
      const length = block.past + block.queries.length;
      const dKeys = sumOverSharedHeads(graph, c.outProd(queries, dScores), length);
      const dVisibleValues = sumOverSharedHeads(graph, c.outProd(outputs(block.queries), probabilities), length);
      const keyOffset = heads * headBytes;
      const own = { start: block.past, length: block.queries.length };
      const { start } = block.queries;
      dRotated = c.setInplace(dRotated, tokenRange(c, dKeys, own), rotatedStrides, start * rotatedStride + keyOffset);
      dValues = c.setInplace(dValues, tokenRange(c, dVisibleValues, own), valueStrides, start * valueStride);
      // What lies before was written when its own turn came; every block that looks at it adds to it.
      for (const { from, run } of pastRuns(block)) {
        const part = { start: from, length: run.length };
        const keyAt = run.start * rotatedStride + keyOffset;
        const valueAt = run.start * valueStride;
        dRotated = c.accumulateInplace(dRotated, tokenRange(c, dKeys, part), rotatedStrides, keyAt);
        dValues = c.accumulateInplace(dValues, tokenRange(c, dVisibleValues, part), valueStrides, valueAt);
      }
    },
    dRotated: () => dRotated,
    dValues: () => dValues,
  };
}

/** Some tokens of `[headSize, tokens, heads]`. */
function tokenRange(c: TensorContext, a: Tensor, { start, length }: Run): Tensor {
  const [headSize, , heads] = a.shape;
  const [, s1, s2, s3] = a.strides;
  return c.view(a, [headSize, length, heads, 1], [s1, s2, s3], start * s1);
}

/** `[headSize, length, heads]` -> `[headSize, length, keyValueHeads]`: query heads that share a key head add their gradients. */
function sumOverSharedHeads(graph: PackGraph, a: Tensor, length: number): Tensor {
  const { context: c, spec } = graph;
  const shared = spec.heads / spec.keyValueHeads;
  if (shared === 1) return a;
  const grouped = c.reshape(a, spec.headSize, length, shared, spec.keyValueHeads);
  const summed = c.repeatBack(grouped, c.tensor(TensorType.F32, spec.headSize, length, 1, spec.keyValueHeads));
  return c.reshape(summed, spec.headSize, length, spec.keyValueHeads);
}
