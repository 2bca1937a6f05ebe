/**
 * One transformer layer of any supported architecture, forward and backward, as ggml operations on a pack of segments.
 *
 * Matrices of activations are `[features, tokens]`. The backward pass is written by hand instead of through ggml's autograd: frozen
 * weights need no gradient, dx uses transposed weights, and attention is computed block by block, so that little is
 * multiplied only to be masked. Notation in comments: d… the gradient of the loss with respect to ….
 */
import type { Tensor } from "../../tensor/context.ts";
import { TensorType } from "../../tensor/ggml.ts";
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
}

/**
 * How much of the forward pass is kept for the backward pass: everything; the residual stream and the gate in half the bits, which leaves a sixth of the
 * products to be computed again; or each layer's input alone, which leaves three quarters of them.
 */
export type Keeping = "all" | "half" | "inputs";

/** What a layer's activations can be computed from once more. */
export interface KeptActivations {
  input: Tensor;
  middle?: Tensor;
  gateUp?: Tensor;
}

export function layerForward(graph: PackGraph, layerIndex: number, layer: FrozenLayer, input: Tensor) {
  const { context: c } = graph;
  const activations = activate(graph, layerIndex, layer, { input }, true);
  const { middle, feedForwardOutput } = activations;
  const output = c.expand(c.add(middle, residual(graph, feedForwardOutput.output!, layer.feedForwardPostNorm)));
  return { activations, output };
}

/** What is to be kept of a layer; values are rounded only as much as the products round them anyway. */
export function keep(
  graph: PackGraph,
  keeping: Keeping,
  { input, middle, feedForwardInput }: LayerActivations,
): KeptActivations {
  const { context: c, holdType } = graph;
  if (keeping !== "half") return { input };
  const gateUp = feedForwardInput.output!;
  return { input, middle, gateUp: holdType === "BF16" ? c.expand(c.cast(gateUp, TensorType.BF16)) : gateUp };
}

/** The activations that the backward pass reads, from what was kept of them. */
export function layerAgain(
  graph: PackGraph,
  layerIndex: number,
  layer: FrozenLayer,
  kept: KeptActivations,
): LayerActivations {
  return activate(graph, layerIndex, layer, kept, false);
}

/** @param needsResult the layer's output is wanted, not only what its gradient needs. */
function activate(
  graph: PackGraph,
  layerIndex: number,
  layer: FrozenLayer,
  kept: KeptActivations,
  needsResult: boolean,
): LayerActivations {
  const { context: c } = graph;
  const { groups } = layer;
  const { input } = kept;
  const attentionInput = project(graph, groups.attentionInput, norm(graph, input, layer.attentionNorm));
  const attention = attentionForward(graph, layerIndex, layer.queryKeyNorm, attentionInput.output!);
  const needsAttended = kept.middle === undefined || layer.attentionPostNorm !== undefined;
  const attentionOutput = project(graph, groups.attentionOutput, attention.attended, needsAttended);
  const middle = kept.middle ?? c.add(input, residual(graph, attentionOutput.output!, layer.attentionPostNorm));
  let feedForwardInput = project(
    graph,
    groups.feedForwardInput,
    norm(graph, middle, layer.feedForwardNorm),
    kept.gateUp === undefined,
  );
  if (kept.gateUp !== undefined) {
    const isWhole = kept.gateUp.type === TensorType.F32;
    feedForwardInput = { ...feedForwardInput, output: isWhole ? kept.gateUp : c.cast(kept.gateUp, TensorType.F32) };
  }
  const gated = gatedForward(graph, feedForwardInput.output!);
  const needsOutput = needsResult || layer.feedForwardPostNorm !== undefined;
  const feedForwardOutput = project(graph, groups.feedForwardOutput, gated, needsOutput);
  return { input, attentionInput, attention, attentionOutput, middle, feedForwardInput, feedForwardOutput };
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
  const dGateUp = gatedBackward(graph, saved.feedForwardInput.output!, dActivated);
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
function project(graph: PackGraph, group: LinearGroup, input: Tensor, needsOutput = true): LinearActivations {
  const result = linearForward(graph, group, input, needsOutput);
  if (group.bias === undefined || result.output === undefined) return result;
  return { ...result, output: graph.context.add(result.output, group.bias) };
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

function residualBackward(
  graph: PackGraph,
  dResult: Tensor,
  a: Tensor | undefined,
  postNorm: NormWeight | undefined,
): Tensor {
  const { residualScale } = graph.spec;
  const dNormed = residualScale === 1 ? dResult : graph.context.scale(dResult, residualScale);
  return postNorm === undefined ? dNormed : normBackward(graph, dNormed, a!, postNorm);
}
