/** Sums of what was asked of a teacher. */
import type { TeacherUsage } from "../../artifacts.ts";

export type Usage = TeacherUsage;

export function noUsage(): Usage {
  return { requests: 0, fromCache: 0, shared: 0, failed: 0, promptTokens: 0, completionTokens: 0 };
}

export function addUsage(sum: Usage, more: Usage): Usage {
  return Object.fromEntries(
    (Object.keys(sum) as (keyof Usage)[]).map((key) => [key, sum[key] + more[key]]),
  ) as unknown as Usage;
}
