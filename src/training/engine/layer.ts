/**
 * One transformer layer of any supported architecture, forward and backward, as ggml operations on a pack of segments.
 *
 * Matrices of activations are `[features, tokens]`. The backward pass is written by hand instead of through ggml's autograd: frozen
 * weights need no gradient, dx uses transposed weights, and attention is computed block by block, so that little is
 * multiplied only to be masked. Notation in comments: d… the gradient of the loss with respect to ….
 */
import type { Tensor } from "../../tensor/context.ts";
import { gatedBackward, gatedForward } from "./activation.ts";
import { addVectorGradient } from "./add-vector-gradient.ts";
import { type AttentionActivations, attentionBackward, attentionForward } from "./attention.ts";
import type { FrozenLayer, LinearGroup } from "./frozen-weights.ts";
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

export function layerForward(
  graph: PackGraph,
  layerIndex: number,
  layer: FrozenLayer,
  input: Tensor,
): LayerActivations {
  const { context: c } = graph;
  const { groups } = layer;
  const attentionInput = project(graph, groups.attentionInput, norm(graph, input, layer.attentionNorm));
  const attention = attentionForward(graph, layerIndex, layer.queryKeyNorm, attentionInput.output);
  const attentionOutput = project(graph, groups.attentionOutput, attention.attended);
  const middle = c.add(input, residual(graph, attentionOutput.output, layer.attentionPostNorm));
  const feedForwardInput = project(graph, groups.feedForwardInput, norm(graph, middle, layer.feedForwardNorm));
  const gated = gatedForward(graph, feedForwardInput.output);
  const feedForwardOutput = project(graph, groups.feedForwardOutput, gated);
  const output = c.expand(c.add(middle, residual(graph, feedForwardOutput.output, layer.feedForwardPostNorm)));
  return { input, attentionInput, attention, attentionOutput, middle, feedForwardInput, feedForwardOutput, output };
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
  const { context: c } = graph;
  const { groups } = layer;
  const back = (group: LinearGroup, activations: LinearActivations, dResult: Tensor) =>
    linearBackward(graph, group, layerIndex, activations, dResult, true)!;
  const weight = (name: string, values: Tensor) => ({ name: `blk.${layerIndex}.${name}.weight`, values });
  const postWeight = (name: string, values: Tensor | undefined) => values && weight(name, values);

  const feedForwardPostNorm = postWeight("post_ffw_norm", layer.feedForwardPostNorm);
  const dDown = residualBackward(graph, dOutput, saved.feedForwardOutput.output, feedForwardPostNorm);
  const dActivated = back(groups.feedForwardOutput, saved.feedForwardOutput, dDown);
  const dGateUp = gatedBackward(graph, saved.feedForwardInput.output, dActivated);
  const dNormed = back(groups.feedForwardInput, saved.feedForwardInput, dGateUp);
  const dMiddle = c.add(dOutput, normBackward(graph, dNormed, saved.middle, weight("ffn_norm", layer.feedForwardNorm)));

  const attentionPostNorm = postWeight("post_attention_norm", layer.attentionPostNorm);
  const dProjected = residualBackward(graph, dMiddle, saved.attentionOutput.output, attentionPostNorm);
  const dAttended = back(groups.attentionOutput, saved.attentionOutput, dProjected);
  const dAttentionInput = attentionBackward(graph, layerIndex, layer.queryKeyNorm, saved.attention, dAttended);
  const dNormedInput = linearBackward(
    graph,
    groups.attentionInput,
    layerIndex,
    saved.attentionInput,
    dAttentionInput,
    needsInputGradient,
  );
  if (dNormedInput === undefined) return undefined;
  const attentionNorm = weight("attn_norm", layer.attentionNorm);
  return c.expand(c.add(dMiddle, normBackward(graph, dNormedInput, saved.input, attentionNorm)));
}

/** The linear layers of a group, with their bias. */
function project(graph: PackGraph, group: LinearGroup, input: Tensor): LinearActivations {
  const result = linearForward(graph, group, input);
  return group.bias === undefined ? result : { ...result, output: graph.context.add(result.output, group.bias) };
}

function norm({ context: c, spec }: PackGraph, a: Tensor, weight: Tensor): Tensor {
  return c.mul(c.rmsNorm(a, spec.normEpsilon), weight);
}

/** A norm's weights with the name they are trained by. */
interface NormWeight {
  name: string;
  values: Tensor;
}

function normBackward(graph: PackGraph, dResult: Tensor, a: Tensor, weight: NormWeight): Tensor {
  const { context: c, spec } = graph;
  addVectorGradient(graph, weight.name, () => c.mul(dResult, c.rmsNorm(a, spec.normEpsilon)));
  return c.rmsNormBack(c.mul(dResult, weight.values), a, spec.normEpsilon);
}

/** What is added to the residual stream: normed or scaled, where the architecture says so. */
function residual(graph: PackGraph, a: Tensor, postNorm: Tensor | undefined): Tensor {
  const { residualScale } = graph.spec;
  const normed = postNorm === undefined ? a : norm(graph, a, postNorm);
  return residualScale === 1 ? normed : graph.context.scale(normed, residualScale);
}

function residualBackward(graph: PackGraph, dResult: Tensor, a: Tensor, postNorm: NormWeight | undefined): Tensor {
  const { residualScale } = graph.spec;
  const dNormed = residualScale === 1 ? dResult : graph.context.scale(dResult, residualScale);
  return postNorm === undefined ? dNormed : normBackward(graph, dNormed, a, postNorm);
}
