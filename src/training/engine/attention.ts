/**
 * Attention over a pack, forward and backward, block by block (attention-blocks.ts), so that little is multiplied only to be masked.
 * Notation in comments: p attention probabilities, d… the gradient of the loss with respect to ….
 */
import type { RopeParameters, Tensor, TensorContext } from "../../tensor/context.ts";
import { TensorType } from "../../tensor/ggml.ts";
import { type AttentionBlock, attentionBlocks, type Run, windowOf } from "./attention-blocks.ts";
import { FLOAT_BYTES, type PackGraph } from "./pack-graph.ts";

export interface AttentionActivations {
  /** Queries, keys and values as the linear layers gave them, `[(heads + 2 keyValueHeads) headSize, tokens]`. */
  projected: Tensor;
  /** Normed and rotated queries and keys, `[headSize, heads + keyValueHeads, tokens]`. */
  rotated: Tensor;
  /** Attention probabilities per block, `[keys, queries, heads]`. */
  probabilities: Tensor[];
  /** With a soft cap, tanh(scores / cap) per block, `[keys, queries, heads]`. */
  squashed: Tensor[];
  /** `[heads headSize, tokens]` */
  attended: Tensor;
}

/** Weights of the norms of all query heads and key heads, `[headSize, heads + keyValueHeads]`. */
export type QueryKeyNorm = Tensor | undefined;

function ropeOf(graph: PackGraph, layer: number): RopeParameters | undefined {
  const { spec } = graph;
  return windowOf(spec, layer) === undefined ? spec.rope : spec.slidingWindow!.rope;
}

/** `[features, tokens]` as `[headSize, heads + keyValueHeads, tokens]`: queries and keys. */
function queriesAndKeys(graph: PackGraph, projected: Tensor): Tensor {
  const { context: c, spec, tokens } = graph;
  const row = projected.strides[1];
  const head = spec.headSize * FLOAT_BYTES;
  return c.view(projected, [spec.headSize, spec.heads + spec.keyValueHeads, tokens, 1], [head, row, row * tokens], 0);
}

/** Norm of every head, where the model has one, and rotary position embedding of queries and keys at once. */
function rotate(graph: PackGraph, layer: number, norm: QueryKeyNorm, projected: Tensor): Tensor {
  const { context: c, spec } = graph;
  const heads = queriesAndKeys(graph, projected);
  const normed = norm === undefined ? heads : c.mul(c.rmsNorm(heads, spec.normEpsilon), norm);
  const rope = ropeOf(graph, layer);
  return rope === undefined ? c.contiguous(normed) : c.rope(normed, graph.positions, graph.ropeFactors, rope);
}

function rotateBackward(
  graph: PackGraph,
  layer: number,
  norm: QueryKeyNorm,
  projected: Tensor,
  dRotated: Tensor,
): Tensor {
  const { context: c, spec } = graph;
  const rope = ropeOf(graph, layer);
  const dNormed = rope === undefined ? dRotated : c.ropeBack(dRotated, graph.positions, graph.ropeFactors, rope);
  if (norm === undefined) return dNormed;
  return c.rmsNormBack(c.mul(dNormed, norm), c.contiguous(queriesAndKeys(graph, projected)), spec.normEpsilon);
}

/** Some tokens of some heads of `[features, tokens]`; `[headSize, length, heads]`. */
function runView(graph: PackGraph, a: Tensor, run: Run, firstHead: number, heads: number, tokenStride: number): Tensor {
  const { context: c, spec } = graph;
  const head = spec.headSize * FLOAT_BYTES;
  const at = run.start * tokenStride + firstHead * head;
  return c.view(a, [spec.headSize, run.length, heads, 1], [tokenStride, head, head * heads], at);
}

/** As `runView`, for all that the block's queries may look at. */
function visibleView(
  graph: PackGraph,
  a: Tensor,
  block: AttentionBlock,
  firstHead: number,
  heads: number,
  tokenStride: number,
): Tensor {
  return block.visible
    .map((run) => runView(graph, a, run, firstHead, heads, tokenStride))
    .reduce((before, own) => graph.context.concat(before, own, 1));
}

/** `[headSize, heads, tokens]` seen through `tokenStride` -> contiguous `[tokens, headSize, heads]`. */
function tokensFirst(graph: PackGraph, a: Tensor, firstHead: number, heads: number, tokenStride: number): Tensor {
  const all = runView(graph, a, { start: 0, length: graph.tokens }, firstHead, heads, tokenStride);
  return graph.context.contiguous(graph.context.permute(all, 1, 0, 2, 3));
}

/** The visible part of a tensor made by `tokensFirst`: `[visible tokens, headSize, heads]`. */
function visibleTokensFirst(graph: PackGraph, a: Tensor, block: AttentionBlock): Tensor {
  const { context: c } = graph;
  const [, headSize, heads] = a.shape;
  const [, s1, s2] = a.strides;
  return block.visible
    .map(({ start, length }) => c.view(a, [length, headSize, heads, 1], [s1, s2, s2 * heads], start * FLOAT_BYTES))
    .reduce((before, own) => c.concat(before, own, 0));
}

/** 0 where a query may look, minus infinity elsewhere, `[keys, queries]`; blocks of equal sizes share it. */
function maskOf(
  graph: PackGraph,
  { past, queries: { length }, window = Number.POSITIVE_INFINITY }: AttentionBlock,
): Tensor {
  const key = `${past} ${length} ${window}`;
  let mask = graph.masks.get(key);
  if (mask === undefined) {
    const tensor = graph.context.input(TensorType.F32, past + length, length);
    const fill = () => {
      const values = tensor.floats().fill(Number.NEGATIVE_INFINITY);
      for (let query = 0; query < length; query++) {
        const row = query * (past + length);
        values.fill(0, row + Math.max(0, past + query - window + 1), row + past + query + 1);
      }
    };
    mask = { tensor, fill };
    graph.masks.set(key, mask);
  }
  return mask.tensor;
}

export function attentionForward(
  graph: PackGraph,
  layer: number,
  norm: QueryKeyNorm,
  projected: Tensor,
): AttentionActivations {
  const { context: c, spec, tokens } = graph;
  const { heads, keyValueHeads, headSize, attentionScale, attentionSoftCap } = spec;
  const rotated = rotate(graph, layer, norm, projected);
  const rotatedStride = rotated.strides[2];
  const valuesByToken = tokensFirst(graph, projected, heads + keyValueHeads, keyValueHeads, projected.strides[1]);
  const tokenBytes = heads * headSize * FLOAT_BYTES;
  const headBytes = headSize * FLOAT_BYTES;
  // Only the shape matters: every column is written below before anything reads it.
  let attended = c.contiguous(c.rows(projected, 0, heads * headSize));
  const probabilities: Tensor[] = [];
  const squashed: Tensor[] = [];
  for (const block of attentionBlocks(graph.segments, windowOf(spec, layer))) {
    const queries = runView(graph, rotated, block.queries, 0, heads, rotatedStride);
    const keys = visibleView(graph, rotated, block, heads, keyValueHeads, rotatedStride);
    const scores = c.mulMat(keys, queries);
    let p: Tensor;
    if (attentionSoftCap !== undefined) {
      const squash = c.tanh(c.scale(scores, attentionScale / attentionSoftCap));
      squashed.push(squash);
      p = c.softMax(squash, attentionSoftCap, maskOf(graph, block));
    } else if (block.window !== undefined) p = c.softMax(scores, attentionScale, maskOf(graph, block));
    else p = c.softMax(c.causalMaskInplace(scores, block.past), attentionScale);
    const result = c.mulMat(visibleTokensFirst(graph, valuesByToken, block), p);
    const at = block.queries.start * tokenBytes;
    attended = c.setInplace(attended, result, [tokenBytes, headBytes, tokenBytes * tokens], at);
    probabilities.push(p);
  }
  return { projected, rotated, probabilities, squashed, attended };
}

/** Gradient of the projected queries, keys and values `[(heads + 2 keyValueHeads) headSize, tokens]`. */
export function attentionBackward(
  graph: PackGraph,
  layer: number,
  norm: QueryKeyNorm,
  saved: AttentionActivations,
  dAttended: Tensor,
): Tensor {
  const { context: c, spec, tokens } = graph;
  const { heads, keyValueHeads, headSize } = spec;
  const { rotated, projected } = saved;
  const rotatedStride = rotated.strides[2];
  const headBytes = headSize * FLOAT_BYTES;
  const keysByToken = tokensFirst(graph, rotated, heads, keyValueHeads, rotatedStride);
  // As in the forward pass, these two only lend their shape.
  let dRotated = c.contiguous(rotated);
  let dValues = c.contiguous(c.rows(projected, (heads + keyValueHeads) * headSize, keyValueHeads * headSize));
  const valueStride = keyValueHeads * headBytes;
  const rotatedStrides: [number, number, number] = [rotatedStride, headBytes, rotatedStride * tokens];
  const valueStrides: [number, number, number] = [valueStride, headBytes, valueStride * tokens];
  for (const [i, block] of attentionBlocks(graph.segments, windowOf(spec, layer)).entries()) {
    const p = saved.probabilities[i]!;
    const queries = runView(graph, rotated, block.queries, 0, heads, rotatedStride);
    const values = visibleView(graph, projected, block, heads + keyValueHeads, keyValueHeads, projected.strides[1]);
    const dOut = runView(graph, dAttended, block.queries, 0, heads, dAttended.strides[1]);
    const dScores = scoresBackward(graph, c.mulMat(values, dOut), p, saved.squashed[i]);
    const dQueries = c.mulMat(visibleTokensFirst(graph, keysByToken, block), dScores);
    dRotated = c.setInplace(dRotated, dQueries, rotatedStrides, block.queries.start * rotatedStride);
    const length = block.past + block.queries.length;
    const dKeys = sumOverSharedHeads(graph, c.outProd(queries, dScores), length);
    const dVisibleValues = sumOverSharedHeads(graph, c.outProd(dOut, p), length);
    const keyOffset = heads * headBytes;
    const own = { start: block.past, length: block.queries.length };
    const { start } = block.queries;
    dRotated = c.setInplace(dRotated, tokenRange(c, dKeys, own), rotatedStrides, start * rotatedStride + keyOffset);
    dValues = c.setInplace(dValues, tokenRange(c, dVisibleValues, own), valueStrides, start * valueStride);
    // What lies before was written when its own turn came; every block that looks at it adds to it.
    for (const { from, run } of pastRuns(block)) {
      const part = { start: from, length: run.length };
      const keyAt = run.start * rotatedStride + keyOffset;
      dRotated = c.accumulateInplace(dRotated, tokenRange(c, dKeys, part), rotatedStrides, keyAt);
      dValues = c.accumulateInplace(
        dValues,
        tokenRange(c, dVisibleValues, part),
        valueStrides,
        run.start * valueStride,
      );
    }
  }
  const dProjected = rotateBackward(graph, layer, norm, projected, dRotated);
  return c.concat(c.reshape(dProjected, (heads + keyValueHeads) * headSize, tokens), dValues, 0);
}

/** Gradient of queries · keys from that of the probabilities. */
function scoresBackward(graph: PackGraph, dProbabilities: Tensor, p: Tensor, squashed: Tensor | undefined): Tensor {
  const { context: c, spec } = graph;
  if (squashed === undefined) return c.softMaxBack(dProbabilities, p, spec.attentionScale);
  // The softmax saw cap * tanh(scale * scores / cap): the caps cancel, and tanh' = 1 - tanh².
  const dSquashed = c.softMaxBack(dProbabilities, p, spec.attentionScale);
  return c.mul(dSquashed, c.scaleBias(c.square(squashed), -1, 1));
}

/** The visible runs without the queries, and where each begins among all visible tokens. */
function pastRuns({ visible, queries }: AttentionBlock): { from: number; run: Run }[] {
  let from = 0;
  const runs = visible.map(({ start, length }) => {
    const run = { start, length: Math.min(length, queries.start - start) };
    from += length;
    return { from: from - length, run };
  });
  return runs.filter(({ run }) => run.length > 0);
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
