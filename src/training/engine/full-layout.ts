/** Full fine-tuning: every weight of the model in one flat parameter vector, each tensor as in the file, 32 bits per value. */
import type { ParameterLayout, WeightParameters } from "./lora-layout.ts";
import { expectedShapes, type ModelSpec } from "./model-spec.ts";

export function createFullLayout(spec: ModelSpec): ParameterLayout {
  const weights = new Map<string, WeightParameters>();
  let size = 0;
  for (const [name, shape] of expectedShapes(spec)) {
    // Factors of the rotation are no weights.
    if (/^rope_freqs/.test(name)) continue;
    const elements = shape.reduce((product, n) => product * n, 1);
    weights.set(name, { name, shape, elements, offset: size });
    size += elements;
  }
  return { rank: 0, alpha: 0, scale: 0, dropout: 0, size, modules: [], weights };
}
