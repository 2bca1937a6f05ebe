/** Reads norms and biases. Small, so they are converted as numbers. */
import type { FrozenLayer, FrozenWeights } from "./frozen-weights.ts";
import type { ModelSpec } from "./model-spec.ts";

/** @param read the values of a tensor by its name. */
export function loadVectors(spec: ModelSpec, weights: FrozenWeights, read: (name: string) => ArrayLike<number>): void {
  weights.outputNorm.writeFloats(read("output_norm.weight"));
  weights.outputBias?.writeFloats(read("output.bias"));
  for (const [index, layer] of weights.layers.entries())
    loadLayerVectors(spec, layer, (name) => read(`blk.${index}.${name}`));
}

function loadLayerVectors(spec: ModelSpec, layer: FrozenLayer, read: (name: string) => ArrayLike<number>): void {
  layer.attentionNorm.writeFloats(read("attn_norm.weight"));
  layer.feedForwardNorm.writeFloats(read("ffn_norm.weight"));
  layer.attentionPostNorm?.writeFloats(read("post_attention_norm.weight"));
  layer.feedForwardPostNorm?.writeFloats(read("post_ffw_norm.weight"));
  const heads = layer.queryKeyNorm;
  if (heads !== undefined) {
    const [query, key] = [read("attn_q_norm.weight"), read("attn_k_norm.weight")];
    for (let head = 0; head < spec.heads + spec.keyValueHeads; head++)
      heads.writeFloats(head < spec.heads ? query : key, head * spec.headSize);
  }
  for (const group of Object.values(layer.groups)) {
    group.bias?.clear();
    for (const [module, { from }] of group.parts)
      if (spec.biases.has(module)) group.bias?.writeFloats(read(`${module}.bias`), from);
  }
}
