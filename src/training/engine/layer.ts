/**
 * One transformer layer of the llama architecture, forward and backward, as ggml operations on a pack of segments.
 *
 * Matrices of activations are `[features, tokens]`. The backward pass is written by hand instead of through ggml's autograd: frozen
 * weights need no gradient, dx uses transposed weights, and attention is computed segment by segment, so that nothing is
 * multiplied only to be masked. Notation in comments: x input, q k v queries keys values, p attention probabilities,
 * d… the gradient of the loss with respect to ….
 */
import type { Tensor } from "../../tensor/context.ts";
import { type AttentionActivations, attentionBackward, attentionForward, rotate } from "./attention.ts";
import type { FrozenLayer } from "./frozen-weights.ts";
import { type LinearActivations, linearBackward, linearForward } from "./linear.ts";
import type { PackGraph } from "./pack-graph.ts";

export interface LayerActivations {
  input: Tensor;
  attentionInput: LinearActivations;
  attention: AttentionActivations;
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
  const projected = attentionInput.output;
  const rotated = rotate(graph, projected);
  const { attended, probabilities } = attentionForward(graph, rotated, projected);
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
    attention: { projected, rotated, probabilities },
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
  const dAttentionInput = attentionBackward(graph, saved.attention, dAttended);
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
