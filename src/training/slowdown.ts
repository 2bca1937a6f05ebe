/**
 * Notices that training has become many times slower than it was: ggml's threads wait for each other by spinning, so one other busy program on the same
 * cores can cost a factor of ten and more, which would look like hanging.
 */

/** Slower than this share of the best speed so far, so many steps in a row. */
const SLOW_SHARE = 0.25;
const SLOW_STEPS = 3;

/** @returns a function that takes each step's speed and gives a warning, once, when it is due. */
export function createSlowdownWatch(): (tokensPerSecond: number) => string | undefined {
  let best = 0;
  let slowSteps = 0;
  let hasWarned = false;
  return (tokensPerSecond) => {
    best = Math.max(best, tokensPerSecond);
    slowSteps = tokensPerSecond < best * SLOW_SHARE ? slowSteps + 1 : 0;
    if (hasWarned || slowSteps < SLOW_STEPS) return undefined;
    hasWarned = true;
    return (
      `training runs at ${Math.round(tokensPerSecond)} tokens/s and was at ${Math.round(best)}: ` +
      "another program is using the same processor cores; close it, or leave it a core with --threads"
    );
  };
}
