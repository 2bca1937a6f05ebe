import { setTimeout as wait } from "node:timers/promises";
import { expect, test } from "vitest";
import { runAll } from "./run-all.ts";

async function collect<Result>(
  work: AsyncGenerator<number, Result[]>,
): Promise<{ counts: number[]; results: Result[] }> {
  const counts: number[] = [];
  for (;;) {
    const next = await work.next();
    if (next.done) return { counts, results: next.value };
    counts.push(next.value);
  }
}

test("order is kept, the limit too", async () => {
  let running = 0;
  let peak = 0;
  const { counts, results } = await collect(
    runAll([30, 5, 20, 1], 2, async (delay, index) => {
      running += 1;
      peak = Math.max(peak, running);
      await wait(delay);
      running -= 1;
      return `${index}:${delay}`;
    }),
  );
  expect(results).toEqual(["0:30", "1:5", "2:20", "3:1"]);
  expect(counts).toEqual([1, 2, 3, 4]);
  expect(peak).toBe(2);
});

test("a failure is raised after the others have ended", async () => {
  let ended = 0;
  const work = runAll([1, 2, 3], 3, async (item) => {
    if (item === 1) throw new Error("first");
    await wait(20);
    ended += 1;
  });
  await expect(collect(work)).rejects.toThrow("first");
  expect(ended).toBe(2);
});

test("nothing to do", async () => {
  expect((await collect(runAll([], 4, async () => 1))).results).toEqual([]);
});
