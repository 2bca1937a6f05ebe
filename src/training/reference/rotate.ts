/** Rotary position embedding (RoPE, arXiv 2104.09864) with linear scaling and YaRN (2309.00071), in 64 bits. */
import { type RopeParameters, YARN_BETA_FAST, YARN_BETA_SLOW } from "../../tensor/context.ts";
import type { Matrix, Tape } from "./tape.ts";

/** Rotates pairs of a head's first `dimensions` values: neighbours (mode 0), or value i and value i + dimensions / 2 (mode 2). */
export function rotate(tape: Tape, a: Matrix, rope: RopeParameters, factors: Float64Array | undefined): Matrix {
  const { dimensions, mode } = rope;
  const half = dimensions / 2;
  return tape.gather(a, a.columns, (position, j) => {
    if (j >= dimensions) return [[j, 1]];
    const pair = mode === 0 ? j >> 1 : j % half;
    const [first, second] = mode === 0 ? [2 * pair, 2 * pair + 1] : [pair, pair + half];
    const { angle, size } = rotation(rope, position, pair, factors?.[pair] ?? 1);
    const [cos, sin] = [size * Math.cos(angle), size * Math.sin(angle)];
    return j === first
      ? [
          [first, cos],
          [second, -sin],
        ]
      : [
          [first, sin],
          [second, cos],
        ];
  });
}

/** Angle of a pair at a position, and the factor that YaRN gives the rotated values. */
function rotation(
  rope: RopeParameters,
  position: number,
  pair: number,
  factor: number,
): { angle: number; size: number } {
  const { dimensions, frequencyBase, frequencyScale, extrapolation, originalContext, attentionFactor } = rope;
  const unscaled = (position * frequencyBase ** ((-2 * pair) / dimensions)) / factor;
  const scaled = unscaled * frequencyScale;
  if (extrapolation === 0) return { angle: scaled, size: attentionFactor };
  // The pair that turns so many times over the original context; pairs between the two bounds are blended.
  const pairOf = (turns: number) =>
    (dimensions * Math.log(originalContext / (turns * 2 * Math.PI))) / (2 * Math.log(frequencyBase));
  const low = Math.max(0, Math.floor(pairOf(YARN_BETA_FAST)));
  const high = Math.min(dimensions - 1, Math.ceil(pairOf(YARN_BETA_SLOW)));
  const ramp = Math.min(1, Math.max(0, (pair - low) / Math.max(0.001, high - low)));
  const kept = (1 - ramp) * extrapolation;
  return {
    angle: scaled * (1 - kept) + unscaled * kept,
    size: attentionFactor * (1 + 0.1 * Math.log(1 / frequencyScale)),
  };
}
