/** Limits how often progress is told: true at most once per interval. */
export function throttle(intervalMs = 100): () => boolean {
  let last = Number.NEGATIVE_INFINITY;
  return () => {
    const now = performance.now();
    if (now - last < intervalMs) return false;
    last = now;
    return true;
  };
}
