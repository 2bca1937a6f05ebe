/**
 * One transformer layer of the llama architecture, forward and backward, as ggml operations on a pack of samples.
 *
 * Matrices of activations are `[features, tokens]`. The backward pass is written by hand instead of through ggml's autograd: frozen
 * weights need no gradient, dx uses transposed weights, and attention is computed sample by sample, so that nothing is
 * multiplied only to be masked. Notation in comments: x input, q k v queries keys values, p attention probabilities,
 * d… the gradient of the loss with respect to ….
 */
import type { Tensor, TensorContext } from "../../tensor/context.ts";
import { TensorType } from "../../tensor/ggml.ts";
import type { FrozenLayer, LinearGroup } from "./frozen-weights.ts";
import type { LlamaSpec } from "./llama-spec.ts";
import type { AdaptedModule, LoraLayout } from "./lora-layout.ts";

const FLOAT_BYTES = 4;

/** What every layer of a graph shares. */
export interface PackGraph {
  context: TensorContext;
  spec: LlamaSpec;
  layout: LoraLayout;
  positions: Tensor;
  ropeFactors: Tensor | undefined;
  /** Tokens in the pack, and the samples as first token and length. */
  tokens: number;
  samples: { start: number; length: number }[];
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
  /** Attention probabilities per sample, `[keys, queries, heads]`. */
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

/** Views of one sample inside the pack; `[headSize, length, heads]` each. */
function sampleView(
  graph: PackGraph,
  a: Tensor,
  start: number,
  length: number,
  firstHead: number,
  heads: number,
  tokenStride: number,
) {
  const { context: c, spec } = graph;
  const head = spec.headSize * FLOAT_BYTES;
  return c.view(
    a,
    [spec.headSize, length, heads, 1],
    [tokenStride, head, head * heads],
    start * tokenStride + firstHead * head,
  );
}

/** `[headSize, heads, tokens]` seen through `tokenStride` -> contiguous `[tokens, headSize, heads]`. */
function tokensFirst(graph: PackGraph, a: Tensor, firstHead: number, heads: number, tokenStride: number): Tensor {
  const all = sampleView(graph, a, 0, graph.tokens, firstHead, heads, tokenStride);
  return graph.context.contiguous(graph.context.permute(all, 1, 0, 2, 3));
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
  const width = heads * headSize;
  // Only the shape matters: every column is written below before anything reads it.
  let attended = c.contiguous(c.rows(projected, 0, width));
  const probabilities: Tensor[] = [];
  for (const { start, length } of graph.samples) {
    const queries = sampleView(graph, rotated, start, length, 0, heads, rotatedStride);
    const keys = sampleView(graph, rotated, start, length, heads, keyValueHeads, rotatedStride);
    const p = c.softMax(c.causalMaskInplace(c.mulMat(keys, queries)), 1 / Math.sqrt(headSize));
    const [, s1, s2] = valuesByToken.strides;
    const values = c.view(
      valuesByToken,
      [length, headSize, keyValueHeads, 1],
      [s1, s2, s2 * keyValueHeads],
      start * FLOAT_BYTES,
    );
    const tokenBytes = width * FLOAT_BYTES;
    const headBytes = headSize * FLOAT_BYTES;
    attended = c.setInplace(
      attended,
      c.mulMat(values, p),
      [tokenBytes, headBytes, tokenBytes * tokens],
      start * tokenBytes,
    );
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
  for (const [i, { start, length }] of graph.samples.entries()) {
    const p = probabilities[i]!;
    const queries = sampleView(graph, rotated, start, length, 0, heads, rotatedStride);
    const values = sampleView(
      graph,
      projected,
      start,
      length,
      heads + keyValueHeads,
      keyValueHeads,
      projected.strides[1],
    );
    const dOut = sampleView(graph, dAttended, start, length, 0, heads, dAttended.strides[1]);
    const dScores = c.softMaxBack(c.mulMat(values, dOut), p, scale);
    const [, s1, s2] = keysByToken.strides;
    const keys = c.view(
      keysByToken,
      [length, headSize, keyValueHeads, 1],
      [s1, s2, s2 * keyValueHeads],
      start * FLOAT_BYTES,
    );
    const dQueries = c.mulMat(keys, dScores);
    const dKeys = sumOverSharedHeads(graph, c.outProd(queries, dScores), length);
    const dSampleValues = sumOverSharedHeads(graph, c.outProd(dOut, p), length);
    const at = start * rotatedStride;
    dRotated = c.setInplace(dRotated, dQueries, [rotatedStride, headBytes, rotatedStride * tokens], at);
    dRotated = c.setInplace(
      dRotated,
      dKeys,
      [rotatedStride, headBytes, rotatedStride * tokens],
      at + heads * headBytes,
    );
    dValues = c.setInplace(dValues, dSampleValues, [valueStride, headBytes, valueStride * tokens], start * valueStride);
  }
  const dProjected = c.ropeBack(dRotated, graph.positions, graph.ropeFactors, spec.rope);
  return c.concat(c.reshape(dProjected, (heads + keyValueHeads) * headSize, tokens), dValues, 0);
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
