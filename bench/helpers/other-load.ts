/** What other programs took of the processors while one process worked: a time measured beside them says little. Linux only; elsewhere 0. */
import { readFileSync } from "node:fs";

const TICKS_PER_SECOND = 100;

/** Runs `work`; how many cores on average did something else than the process `pid` meanwhile. */
export async function withOtherLoad<Result>(
  pid: number,
  work: () => Promise<Result>,
): Promise<{ result: Result; otherCores: number }> {
  if (process.platform !== "linux") return { result: await work(), otherCores: 0 };
  const started = performance.now();
  const before = otherTicks(pid);
  const result = await work();
  const seconds = (performance.now() - started) / 1000;
  return { result, otherCores: Math.max(0, (otherTicks(pid) - before) / TICKS_PER_SECOND / seconds) };
}

function otherTicks(pid: number): number {
  const total = readFileSync("/proc/stat", "utf8").split("\n", 1)[0]!.split(/\s+/).slice(1).map(Number);
  const [user, nice, system, , , irq, softirq, steal] = total as [number, ...number[]];
  // The program's name, in parentheses, may hold spaces.
  const own = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)!.split(" ");
  return user + nice! + system! + irq! + softirq! + steal! - Number(own[11]) - Number(own[12]);
}
