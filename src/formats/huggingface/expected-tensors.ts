/** Which tensors a decoder of these architectures has, and in which shapes: what is read and what is written must be exactly that. */
import type { HuggingFaceArchitecture } from "./architectures.ts";

export interface DecoderSizes {
  layers: number;
  width: number;
  feedForward: number;
  heads: number;
  keyValueHeads: number;
  headSize: number;
}

/** No model has more; bounds the work that a lying count can cause. */
const MAX_LAYERS = 10_000;

/**
 * @param tensors shapes, slowest dimension first, by GGUF name.
 * @returns what is wrong with them; undefined when nothing is.
 */
export function findTensorProblem(
  architecture: HuggingFaceArchitecture,
  sizes: DecoderSizes,
  tensors: ReadonlyMap<string, readonly number[]>,
): string | undefined {
  const { layers, width, feedForward, headSize } = sizes;
  if (layers > MAX_LAYERS) return `it would have ${layers} layers`;
  const queries = sizes.heads * headSize;
  const keys = sizes.keyValueHeads * headSize;
  const vocabulary = tensors.get("token_embd.weight")?.[0] ?? 0;
  const shapes: Record<string, number[]> = {
    attn_q: [queries, width],
    attn_k: [keys, width],
    attn_v: [keys, width],
    attn_output: [width, queries],
    ffn_gate: [feedForward, width],
    ffn_up: [feedForward, width],
    ffn_down: [width, feedForward],
    attn_q_norm: [headSize],
    attn_k_norm: [headSize],
    token_embd: [vocabulary, width],
    output: [vocabulary, width],
  };
  const modules = Object.keys(architecture.layerModules);
  const required = ["token_embd.weight", "output_norm.weight"];
  for (let layer = 0; layer < layers; layer++)
    required.push(...modules.map((module) => `blk.${layer}.${module}.weight`));
  const missing = required.find((name) => !tensors.has(name));
  if (missing !== undefined) return `there is no tensor for ${missing}`;
  for (const [name, shape] of tensors) {
    const match = /^(?:blk\.(\d+)\.)?(\w+)\.(weight|bias)$/.exec(name);
    if (match === null) return `its tensor ${name} has no place in ${architecture.classes[0]}`;
    const [, layer, module, part] = match;
    if (layer !== undefined && Number(layer) >= layers)
      return `the tensor for ${name} lies beyond its ${layers} layers`;
    const whole = shapes[module!] ?? [width];
    const expected = part === "bias" ? whole.slice(0, 1) : whole;
    if (shape.join() !== expected.join())
      return `the tensor for ${name} is [${shape.join(", ")}] and should be [${expected.join(", ")}]`;
  }
  return undefined;
}
