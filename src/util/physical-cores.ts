/** How many threads heavy arithmetic should use: physical cores, since two threads on one core only wait for each other. */
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";

export function physicalCores(): number {
  const available = availableParallelism();
  if (process.platform !== "linux") return available;
  try {
    const cores = new Set<string>();
    let socket = "0";
    for (const line of readFileSync("/proc/cpuinfo", "utf8").split("\n")) {
      const [key, value] = line.split(":").map((part) => part.trim());
      if (key === "physical id") socket = value!;
      if (key === "core id") cores.add(`${socket}/${value}`);
    }
    return cores.size === 0 ? available : Math.min(cores.size, available);
  } catch {
    return available;
  }
}
