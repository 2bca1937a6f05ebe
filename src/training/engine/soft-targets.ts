/** Distributions over the vocabulary that keep only a few tokens by name. */
import type { MicroBatch, SoftTargets } from "./micro-batch.ts";

/** The next token as a distribution with one outcome. */
export function hardTargets({ rows, tokens }: MicroBatch["targets"]): SoftTargets {
  return {
    rows,
    topCount: 1,
    tokens,
    probabilities: new Float32Array(tokens.length).fill(1),
    rest: new Float32Array(tokens.length),
  };
}

/** Writes the most likely tokens of one row into `result`, most likely first (a bounded insertion: k is small). */
export function selectTop(probabilities: Float32Array, row: number, result: SoftTargets): void {
  const { topCount } = result;
  const tokens = result.tokens.subarray(row * topCount, (row + 1) * topCount);
  const top = result.probabilities.subarray(row * topCount, (row + 1) * topCount);
  top.fill(-1);
  for (let token = 0; token < probabilities.length; token++) {
    const p = probabilities[token]!;
    if (p <= top[topCount - 1]!) continue;
    let place = topCount - 1;
    while (place > 0 && top[place - 1]! < p) {
      top[place] = top[place - 1]!;
      tokens[place] = tokens[place - 1]!;
      place -= 1;
    }
    top[place] = p;
    tokens[place] = token;
  }
  let sum = 0;
  for (const p of top) sum += p;
  result.rest[row] = Math.max(0, 1 - sum);
}
