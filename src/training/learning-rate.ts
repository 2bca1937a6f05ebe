/** Learning-rate schedules: linear warm-up to the peak, then constant, linear to zero, or half a cosine to zero. */

export const SCHEDULES = ["constant", "linear", "cosine"] as const;
export type Schedule = (typeof SCHEDULES)[number];

/** @param step 1-based; @returns the factor of the peak rate. */
export function learningRateFactor(schedule: Schedule, step: number, totalSteps: number, warmupSteps: number): number {
  if (step <= warmupSteps) return step / (warmupSteps + 1);
  const progress = (step - 1 - warmupSteps) / Math.max(1, totalSteps - warmupSteps);
  if (schedule === "linear") return 1 - progress;
  if (schedule === "cosine") return 0.5 * (1 + Math.cos(Math.PI * progress));
  return 1;
}
