/**
 * Attention over a pack, forward and backward, block by block (attention-blocks.ts), so that little is multiplied only to be masked.
 * Notation in comments: p attention probabilities, d… the gradient of the loss with respect to ….
 */
import type { RopeParameters, Tensor } from "../../tensor/context.ts";
import { TensorType } from "../../tensor/ggml.ts";
import { addVectorGradient } from "./add-vector-gradient.ts";
import { type AttentionBlock, attentionBlocks, windowOf } from "./attention-blocks.ts";
import { backwardProducts, forwardProducts } from "./attention-products.ts";
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
  const unnormed = c.contiguous(queriesAndKeys(graph, projected));
  const heads = (name: string, first: number, count: number) =>
    addVectorGradient(graph, `blk.${layer}.${name}.weight`, () => {
      const product = c.mul(dNormed, c.rmsNorm(unnormed, spec.normEpsilon));
      const [size, , tokens] = product.shape;
      const [, s1, s2, s3] = product.strides;
      return c.contiguous(c.view(product, [size, count, tokens, 1], [s1, s2, s3], first * s1));
    });
  heads("attn_q_norm", 0, spec.heads);
  heads("attn_k_norm", spec.heads, spec.keyValueHeads);
  return c.rmsNormBack(c.mul(dNormed, norm), unnormed, spec.normEpsilon);
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
      const values = new Float32Array(tensor.elements).fill(Number.NEGATIVE_INFINITY);
      for (let query = 0; query < length; query++) {
        const row = query * (past + length);
        values.fill(0, row + Math.max(0, past + query - window + 1), row + past + query + 1);
      }
      tensor.writeFloats(values);
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
  const { context: c, spec } = graph;
  const { attentionScale, attentionSoftCap } = spec;
  const rotated = rotate(graph, layer, norm, projected);
  const products = forwardProducts(graph, { projected, rotated });
  const probabilities: Tensor[] = [];
  const squashed: Tensor[] = [];
  for (const block of attentionBlocks(graph.segments, windowOf(spec, layer))) {
    const scores = products.scores(block);
    let p: Tensor;
    if (attentionSoftCap !== undefined) {
      const squash = c.tanh(c.scale(scores, attentionScale / attentionSoftCap));
      squashed.push(squash);
      p = c.softMax(squash, attentionSoftCap, maskOf(graph, block));
    } else if (block.window !== undefined || !c.hasCausalMask)
      p = c.softMax(scores, attentionScale, maskOf(graph, block));
    else p = c.softMax(c.causalMaskInplace(scores, block.past), attentionScale);
    products.attend(block, p);
    probabilities.push(p);
  }
  return { projected, rotated, probabilities, squashed, attended: products.attended() };
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
  const products = backwardProducts(graph, saved, dAttended);
  for (const [i, block] of attentionBlocks(graph.segments, windowOf(spec, layer)).entries()) {
    const p = saved.probabilities[i]!;
    products.add(block, p, scoresBackward(graph, products.dProbabilities(block), p, saved.squashed[i]));
  }
  const dQueriesAndKeys = rotateBackward(graph, layer, norm, saved.projected, products.dRotated());
  const { heads, keyValueHeads, headSize } = spec;
  return c.concat(
    c.reshape(dQueriesAndKeys, (heads + keyValueHeads) * headSize, tokens),
    c.reshape(products.dValues(), keyValueHeads * headSize, tokens),
    0,
  );
}

/** Gradient of queries · keys from that of the probabilities. */
function scoresBackward(graph: PackGraph, dProbabilities: Tensor, p: Tensor, squashed: Tensor | undefined): Tensor {
  const { context: c, spec } = graph;
  if (squashed === undefined) return c.softMaxBack(dProbabilities, p, spec.attentionScale);
  // The softmax saw cap * tanh(scale * scores / cap): the caps cancel, and tanh' = 1 - tanh².
  const dSquashed = c.softMaxBack(dProbabilities, p, spec.attentionScale);
  return c.mul(dSquashed, c.scaleBias(c.square(squashed), -1, 1));
}
