/**
 * Floating-point operations of training one sample: each frozen weight is multiplied once forward and once for the gradient of its input (not below the
 * first layer's projections), each trained weight once more for its own gradient, the head only where the loss counts, attention only
 * below the diagonal; and what of the forward pass is done again.
 */
import type { Keeping } from "./engine/layer.ts";
import { MODULE_GROUPS, moduleShape, type ParameterLayout } from "./engine/lora-layout.ts";
import type { ModelSpec } from "./engine/model-spec.ts";

/** @param length tokens of the sample, of which `counted` count. */
export function trainingFlops(
  spec: ModelSpec,
  layout: ParameterLayout,
  keeping: Keeping,
  length: number,
  counted: number,
): number {
  const isFull = layout.weights.size > 0;
  const sizeOf = (group: readonly (typeof MODULE_GROUPS)[keyof typeof MODULE_GROUPS][number][]) =>
    group.reduce((sum, name) => sum + moduleShape(spec, name).input * moduleShape(spec, name).output, 0);
  const { attentionInput, attentionOutput, feedForwardInput, feedForwardOutput } = MODULE_GROUPS;
  const layerWeights = [attentionInput, attentionOutput, feedForwardInput, feedForwardOutput].reduce(
    (sum, group) => sum + sizeOf(group),
    0,
  );
  const again = { all: 0, half: sizeOf(attentionInput), inputs: layerWeights - sizeOf(feedForwardOutput) }[keeping];
  const adapter = layout.modules.reduce((sum, { input, output }) => sum + layout.rank * (input + output), 0);
  const products = isFull ? 6 : 4;
  const linear =
    spec.layers * (products * layerWeights + 2 * again) - (isFull ? 0 : 2 * sizeOf(attentionInput)) + 6 * adapter;
  const attention = (keeping === "all" ? 6 : 8) * spec.layers * spec.heads * spec.headSize * length;
  return length * (linear + attention) + counted * products * spec.width * spec.vocabulary;
}
