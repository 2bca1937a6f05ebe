/** Parts of activations as attention sees them: some heads of some tokens, in either order of dimensions. */
import type { Tensor } from "../../tensor/context.ts";
import type { AttentionBlock, Run } from "./attention-blocks.ts";
import { FLOAT_BYTES, type PackGraph } from "./pack-graph.ts";

/** Some tokens of some heads of `[features, tokens]`; `[headSize, length, heads]`. */
export function runView(
  graph: PackGraph,
  a: Tensor,
  run: Run,
  firstHead: number,
  heads: number,
  tokenStride: number,
): Tensor {
  const { context: c, spec } = graph;
  const head = spec.headSize * FLOAT_BYTES;
  const at = run.start * tokenStride + firstHead * head;
  return c.view(a, [spec.headSize, run.length, heads, 1], [tokenStride, head, head * heads], at);
}

/** As `runView`, for all that the block's queries may look at. */
export function visibleView(
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
export function tokensFirst(
  graph: PackGraph,
  a: Tensor,
  firstHead: number,
  heads: number,
  tokenStride: number,
): Tensor {
  const all = runView(graph, a, { start: 0, length: graph.tokens }, firstHead, heads, tokenStride);
  return graph.context.contiguous(graph.context.permute(all, 1, 0, 2, 3));
}

/** The visible part of a tensor made by `tokensFirst`: `[visible tokens, headSize, heads]`. */
export function visibleTokensFirst(graph: PackGraph, a: Tensor, block: AttentionBlock): Tensor {
  const { context: c } = graph;
  const [, headSize, heads] = a.shape;
  const [, s1, s2] = a.strides;
  return block.visible
    .map(({ start, length }) => c.view(a, [length, headSize, heads, 1], [s1, s2, s2 * heads], start * FLOAT_BYTES))
    .reduce((before, own) => c.concat(before, own, 0));
}

/** The visible runs without the queries, and where each begins among all visible tokens. */
export function pastRuns({ visible, queries }: AttentionBlock): { from: number; run: Run }[] {
  let from = 0;
  const runs = visible.map(({ start, length }) => {
    const run = { start, length: Math.min(length, queries.start - start) };
    from += length;
    return { from: from - length, run };
  });
  return runs.filter(({ run }) => run.length > 0);
}
