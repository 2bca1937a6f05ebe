/**
 * Attention over a pack, forward and backward, segment by segment, so that nothing is multiplied only to be masked. Notation in
 * comments: p attention probabilities, d… the gradient of the loss with respect to ….
 */
import type { Tensor, TensorContext } from "../../tensor/context.ts";
import { TensorType } from "../../tensor/ggml.ts";
import type { Segment } from "./micro-batch.ts";
import { FLOAT_BYTES, type PackGraph } from "./pack-graph.ts";

export interface AttentionActivations {
  /** Queries, keys and values as the linear layers gave them, `[(heads + 2 keyValueHeads) headSize, tokens]`. */
  projected: Tensor;
  /** Rotated queries and keys, `[headSize, heads + keyValueHeads, tokens]`. */
  rotated: Tensor;
  /** Attention probabilities per segment, `[keys, queries, heads]`. */
  probabilities: Tensor[];
}

/** Rotary position embedding of queries and keys in one operation. */
export function rotate(graph: PackGraph, projected: Tensor): Tensor {
  const { context: c, spec, tokens } = graph;
  const row = projected.strides[1];
  const head = spec.headSize * FLOAT_BYTES;
  const queriesAndKeys = c.view(
    projected,
    [spec.headSize, spec.heads + spec.keyValueHeads, tokens, 1],
    [head, row, row * tokens],
    0,
  );
  return c.rope(queriesAndKeys, graph.positions, graph.ropeFactors, spec.rope);
}

/** One segment's part of `[features, tokens]`; `[headSize, length, heads]`. */
function segmentView(
  graph: PackGraph,
  a: Tensor,
  segment: Segment,
  firstHead: number,
  heads: number,
  tokenStride: number,
): Tensor {
  const { context: c, spec } = graph;
  const head = spec.headSize * FLOAT_BYTES;
  const at = segment.start * tokenStride + firstHead * head;
  return c.view(a, [spec.headSize, segment.length, heads, 1], [tokenStride, head, head * heads], at);
}

/** As `segmentView`, with what the segment continues before it: all that its queries may look at. */
function visibleView(
  graph: PackGraph,
  a: Tensor,
  segment: Segment,
  firstHead: number,
  heads: number,
  tokenStride: number,
): Tensor {
  const own = segmentView(graph, a, segment, firstHead, heads, tokenStride);
  if (segment.continues === undefined) return own;
  const before = segmentView(graph, a, graph.segments[segment.continues]!, firstHead, heads, tokenStride);
  return graph.context.concat(before, own, 1);
}

/** `[headSize, heads, tokens]` seen through `tokenStride` -> contiguous `[tokens, headSize, heads]`. */
function tokensFirst(graph: PackGraph, a: Tensor, firstHead: number, heads: number, tokenStride: number): Tensor {
  const all = segmentView(graph, a, { start: 0, length: graph.tokens }, firstHead, heads, tokenStride);
  return graph.context.contiguous(graph.context.permute(all, 1, 0, 2, 3));
}

/** The visible part of a tensor made by `tokensFirst`: `[visible tokens, headSize, heads]`. */
function visibleTokensFirst(graph: PackGraph, a: Tensor, segment: Segment): Tensor {
  const { context: c } = graph;
  const [, headSize, heads] = a.shape;
  const [, s1, s2] = a.strides;
  const part = ({ start, length }: Segment) =>
    c.view(a, [length, headSize, heads, 1], [s1, s2, s2 * heads], start * FLOAT_BYTES);
  return segment.continues === undefined
    ? part(segment)
    : c.concat(part(graph.segments[segment.continues]!), part(segment), 0);
}

/** Tokens before the segment that it may look at. */
function past(graph: PackGraph, segment: Segment): number {
  return segment.continues === undefined ? 0 : graph.segments[segment.continues]!.length;
}

export function attentionForward(
  graph: PackGraph,
  rotated: Tensor,
  projected: Tensor,
): { attended: Tensor; probabilities: Tensor[] } {
  const { context: c, spec, tokens } = graph;
  const { heads, keyValueHeads, headSize } = spec;
  const rotatedStride = rotated.strides[2];
  const valuesByToken = tokensFirst(graph, projected, heads + keyValueHeads, keyValueHeads, projected.strides[1]);
  const tokenBytes = heads * headSize * FLOAT_BYTES;
  const headBytes = headSize * FLOAT_BYTES;
  // Only the shape matters: every column is written below before anything reads it.
  let attended = c.contiguous(c.rows(projected, 0, heads * headSize));
  const probabilities: Tensor[] = [];
  for (const segment of graph.segments) {
    const queries = segmentView(graph, rotated, segment, 0, heads, rotatedStride);
    const keys = visibleView(graph, rotated, segment, heads, keyValueHeads, rotatedStride);
    const scores = c.causalMaskInplace(c.mulMat(keys, queries), past(graph, segment));
    const p = c.softMax(scores, 1 / Math.sqrt(headSize));
    const result = c.mulMat(visibleTokensFirst(graph, valuesByToken, segment), p);
    attended = c.setInplace(attended, result, [tokenBytes, headBytes, tokenBytes * tokens], segment.start * tokenBytes);
    probabilities.push(p);
  }
  return { attended, probabilities };
}

/** Gradient of the projected queries, keys and values `[(heads + 2 keyValueHeads) headSize, tokens]`. */
export function attentionBackward(graph: PackGraph, saved: AttentionActivations, dAttended: Tensor): Tensor {
  const { context: c, spec, tokens } = graph;
  const { heads, keyValueHeads, headSize } = spec;
  const { rotated, projected, probabilities } = saved;
  const rotatedStride = rotated.strides[2];
  const headBytes = headSize * FLOAT_BYTES;
  const keysByToken = tokensFirst(graph, rotated, heads, keyValueHeads, rotatedStride);
  const scale = 1 / Math.sqrt(headSize);
  // As in the forward pass, these two only lend their shape.
  let dRotated = c.contiguous(rotated);
  let dValues = c.contiguous(c.rows(projected, (heads + keyValueHeads) * headSize, keyValueHeads * headSize));
  const valueStride = keyValueHeads * headBytes;
  const rotatedStrides: [number, number, number] = [rotatedStride, headBytes, rotatedStride * tokens];
  const valueStrides: [number, number, number] = [valueStride, headBytes, valueStride * tokens];
  for (const [i, segment] of graph.segments.entries()) {
    const p = probabilities[i]!;
    const queries = segmentView(graph, rotated, segment, 0, heads, rotatedStride);
    const values = visibleView(graph, projected, segment, heads + keyValueHeads, keyValueHeads, projected.strides[1]);
    const dOut = segmentView(graph, dAttended, segment, 0, heads, dAttended.strides[1]);
    const dScores = c.softMaxBack(c.mulMat(values, dOut), p, scale);
    const dQueries = c.mulMat(visibleTokensFirst(graph, keysByToken, segment), dScores);
    dRotated = c.setInplace(dRotated, dQueries, rotatedStrides, segment.start * rotatedStride);
    const before = past(graph, segment);
    const dKeys = sumOverSharedHeads(graph, c.outProd(queries, dScores), before + segment.length);
    const dVisibleValues = sumOverSharedHeads(graph, c.outProd(dOut, p), before + segment.length);
    const keyOffset = heads * headBytes;
    const own = { start: before, length: segment.length };
    dRotated = c.setInplace(
      dRotated,
      tokenRange(c, dKeys, own),
      rotatedStrides,
      segment.start * rotatedStride + keyOffset,
    );
    dValues = c.setInplace(dValues, tokenRange(c, dVisibleValues, own), valueStrides, segment.start * valueStride);
    if (segment.continues === undefined) continue;
    // What is shared was written when its own turn came, before; every continuation adds to it.
    const shared = { start: 0, length: before };
    const { start } = graph.segments[segment.continues]!;
    dRotated = c.accumulateInplace(
      dRotated,
      tokenRange(c, dKeys, shared),
      rotatedStrides,
      start * rotatedStride + keyOffset,
    );
    dValues = c.accumulateInplace(dValues, tokenRange(c, dVisibleValues, shared), valueStrides, start * valueStride);
  }
  const dProjected = c.ropeBack(dRotated, graph.positions, graph.ropeFactors, spec.rope);
  return c.concat(c.reshape(dProjected, (heads + keyValueHeads) * headSize, tokens), dValues, 0);
}

/** Some tokens of `[headSize, tokens, heads]`. */
function tokenRange(c: TensorContext, a: Tensor, { start, length }: Segment): Tensor {
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
