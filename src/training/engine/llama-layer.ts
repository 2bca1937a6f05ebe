/**
 * One transformer layer of the llama architecture, forward and backward, as ggml operations on a pack of segments.
 *
 * Matrices of activations are `[features, tokens]`. The backward pass is written by hand instead of through ggml's autograd: frozen
 * weights need no gradient, dx uses transposed weights, and attention is computed segment by segment, so that nothing is
 * multiplied only to be masked. Notation in comments: x input, q k v queries keys values, p attention probabilities,
 * d… the gradient of the loss with respect to ….
 */
import type { Tensor, TensorContext } from "../../tensor/context.ts";
import { TensorType } from "../../tensor/ggml.ts";
import type { FrozenLayer, LinearGroup } from "./frozen-weights.ts";
import type { LlamaSpec } from "./llama-spec.ts";
import type { AdaptedModule, LoraLayout } from "./lora-layout.ts";
import type { Segment } from "./micro-batch.ts";

const FLOAT_BYTES = 4;

/** What every layer of a graph shares. */
export interface PackGraph {
  context: TensorContext;
  spec: LlamaSpec;
  layout: LoraLayout;
  positions: Tensor;
  ropeFactors: Tensor | undefined;
  /** Tokens in the pack. */
  tokens: number;
  segments: Segment[];
  /** The flat gradient vector (same layout as the adapter's parameters), to which the backward pass adds. */
  gradients: Tensor;
}

/** The result of a linear group with what its backward pass needs. */
interface LinearActivations {
  input: Tensor;
  /** s A x, `[paddedRanks, tokens]`; undefined without an adapter. */
  lowRank: Tensor | undefined;
  output: Tensor;
}

export interface LayerActivations {
  input: Tensor;
  attentionInput: LinearActivations;
  /** Rotated queries and keys, `[headSize, heads + keyValueHeads, tokens]`. */
  rotated: Tensor;
  /** Attention probabilities per segment, `[keys, queries, heads]`. */
  probabilities: Tensor[];
  attentionOutput: LinearActivations;
  middle: Tensor;
  feedForwardInput: LinearActivations;
  feedForwardOutput: LinearActivations;
  output: Tensor;
}

export function layerForward(graph: PackGraph, layer: FrozenLayer, input: Tensor): LayerActivations {
  const { context: c, spec } = graph;
  const attentionInput = linearForward(
    graph,
    layer.groups.attentionInput,
    c.mul(c.rmsNorm(input, spec.normEpsilon), layer.attentionNorm),
  );
  const rotated = rotate(graph, attentionInput.output);
  const { attended, probabilities } = attentionForward(graph, rotated, attentionInput.output);
  const attentionOutput = linearForward(graph, layer.groups.attentionOutput, attended);
  const middle = c.add(input, attentionOutput.output);
  const feedForwardInput = linearForward(
    graph,
    layer.groups.feedForwardInput,
    c.mul(c.rmsNorm(middle, spec.normEpsilon), layer.feedForwardNorm),
  );
  const feedForwardOutput = linearForward(graph, layer.groups.feedForwardOutput, c.swiglu(feedForwardInput.output));
  const output = c.expand(c.add(middle, feedForwardOutput.output));
  return {
    input,
    attentionInput,
    rotated,
    probabilities,
    attentionOutput,
    middle,
    feedForwardInput,
    feedForwardOutput,
    output,
  };
}

/**
 * Adds this layer's adapter gradients to `graph.gradients` and returns the gradient of its input, or nothing when
 * `needsInputGradient` is false (below the lowest adapter nothing is to be learned).
 */
export function layerBackward(
  graph: PackGraph,
  layerIndex: number,
  layer: FrozenLayer,
  saved: LayerActivations,
  dOutput: Tensor,
  needsInputGradient: boolean,
): Tensor | undefined {
  const { context: c, spec } = graph;
  const { feedForward } = spec;
  const modules = graph.layout.modules.filter((module) => module.layer === layerIndex);

  const dActivated = linearBackward(
    graph,
    layer.groups.feedForwardOutput,
    modules,
    saved.feedForwardOutput,
    dOutput,
    true,
  )!;
  const gate = c.rows(saved.feedForwardInput.output, 0, feedForward);
  const up = c.rows(saved.feedForwardInput.output, feedForward, feedForward);
  const dUp = c.mul(dActivated, c.silu(gate));
  const dGate = c.siluBack(c.mul(dActivated, up), gate);
  const dGateUp = c.concat(dGate, dUp, 0);
  const dNormed = linearBackward(graph, layer.groups.feedForwardInput, modules, saved.feedForwardInput, dGateUp, true)!;
  const dMiddle = c.add(dOutput, c.rmsNormBack(c.mul(dNormed, layer.feedForwardNorm), saved.middle, spec.normEpsilon));

  const dAttended = linearBackward(graph, layer.groups.attentionOutput, modules, saved.attentionOutput, dMiddle, true)!;
  const dAttentionInput = attentionBackward(graph, saved, dAttended);
  const dNormedInput = linearBackward(
    graph,
    layer.groups.attentionInput,
    modules,
    saved.attentionInput,
    dAttentionInput,
    needsInputGradient,
  );
  if (dNormedInput === undefined) return undefined;
  return c.expand(
    c.add(dMiddle, c.rmsNormBack(c.mul(dNormedInput, layer.attentionNorm), saved.input, spec.normEpsilon)),
  );
}

/** y = W x + B (s A x) as one product with the widened matrix. */
function linearForward(graph: PackGraph, group: LinearGroup, input: Tensor): LinearActivations {
  const { context: c, layout } = graph;
  if (group.adapterA === undefined) return { input, lowRank: undefined, output: c.mulMat(group.forward, input) };
  const lowRank = c.scale(c.mulMat(group.adapterA, input), layout.scale);
  return { input, lowRank, output: c.mulMat(group.forward, c.concat(input, lowRank, 0)) };
}

/** dx = Wᵀ dy + Aᵀ (s Bᵀ dy); dB = dy (s A x)ᵀ; dA = (s Bᵀ dy) xᵀ. */
function linearBackward(
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

/** Rotary position embedding of queries and keys in one operation. */
function rotate(graph: PackGraph, projected: Tensor): Tensor {
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

function attentionForward(
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
function attentionBackward(graph: PackGraph, saved: LayerActivations, dAttended: Tensor): Tensor {
  const { context: c, spec, tokens } = graph;
  const { heads, keyValueHeads, headSize } = spec;
  const { rotated, attentionInput, probabilities } = saved;
  const projected = attentionInput.output;
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
