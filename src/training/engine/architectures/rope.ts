/**
 * The rotation of queries and keys (RoPE, arXiv 2104.09864) and its scaling, read as llama.cpp reads it: none, linear, YaRN (2309.00071).
 * Llama 3's scaling is a tensor of factors in the file.
 */
import type { RopeParameters } from "../../../tensor/context.ts";
import type { ArchitectureMetadata } from "./metadata.ts";

/** ggml's modes: neighbouring values form a pair, or value i and value i + half. */
export const ROPE_NEIGHBOURS = 0;
export const ROPE_HALVES = 2;

export function readRope(metadata: ArchitectureMetadata, headSize: number, mode: number): RopeParameters {
  const dimensions = metadata.integer("rope.dimension_count", headSize);
  if (dimensions > headSize || dimensions % 2 !== 0)
    throw metadata.invalid(`${dimensions} values of a head of ${headSize} cannot be rotated`);
  if (metadata.integer("rope.dimension_count_swa", dimensions) !== dimensions)
    throw metadata.unsupported(
      "rotates differently in layers with a window",
      "Models with one rotation can be trained.",
    );
  // llama.cpp takes a factor without a type as linear scaling.
  const type = metadata.text("rope.scaling.type") ?? "linear";
  if (type !== "none" && type !== "linear" && type !== "yarn")
    throw metadata.unsupported(
      `uses the RoPE scaling '${type}'`,
      "Models without RoPE scaling, with linear or YaRN scaling, or with frequency factors (Llama 3) can be trained.",
    );
  const factor =
    metadata.optionalPositive("rope.scaling.factor") ?? metadata.optionalPositive("rope.scale_linear") ?? 1;
  return {
    dimensions,
    mode,
    originalContext: metadata.integer("rope.scaling.original_context_length", metadata.integer("context_length")),
    frequencyBase: metadata.positive("rope.freq_base", 10_000),
    frequencyScale: type === "none" ? 1 : 1 / factor,
    extrapolation: type === "yarn" ? 1 : 0,
    attentionFactor: metadata.positive("rope.scaling.attn_factor", 1) * (type === "yarn" ? yarnCorrection(factor) : 1),
  };
}

/**
 * llama.cpp wants values to grow by m = 1 + 0.1 ln(factor), and by 1 for factors below 1; ggml multiplies with m whenever YaRN is on,
 * so what is asked of ggml is the quotient.
 */
function yarnCorrection(factor: number): number {
  return factor > 1 ? 1 : 1 / (1 + 0.1 * Math.log(factor));
}

/** llama.cpp's graphs of these architectures assert it. */
export function requireWholeHeadRotation(metadata: ArchitectureMetadata, headSize: number, rope: RopeParameters): void {
  if (rope.dimensions !== headSize)
    throw metadata.invalid(
      `only ${rope.dimensions} of ${headSize} values of a head are rotated, which ${metadata.architecture} does not know`,
    );
}
