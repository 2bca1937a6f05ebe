/** Our side of `bench/train-peer.ts`: trains on a plan, one step per line read from standard input, as `bench/peers/train_peer.py` does. */
import { readFileSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { readGguf } from "../../src/formats/gguf/read-gguf.ts";
import { fastestHoldType } from "../../src/training/engine/fastest-hold-type.ts";
import { readModelSpec } from "../../src/training/engine/model-spec.ts";
import { TrainingEngine } from "../../src/training/engine/training-engine.ts";
import { MEMORY_USE } from "../../src/training/memory-mode.ts";
import { runStep } from "../../src/training/run-step.ts";
import type { DoneAnswer, PeerPlan, PlanSample, ReadyAnswer, StepAnswer } from "./peer-plan.ts";

const plan = JSON.parse(await readFile(process.argv[2]!, "utf8")) as PeerPlan;
const file = await readGguf(plan.modelFile);
const holdType = plan.precision === "f32" ? "F32" : fastestHoldType(readModelSpec(file), plan.threads);
using engine = new TrainingEngine(file, {
  lora: plan.method === "lora" ? plan.lora : undefined,
  seed: 1,
  threads: plan.threads,
  holdType,
  ...MEMORY_USE[plan.memory],
  parameters: plan.initialAdapter === undefined ? undefined : readFloats(plan.initialAdapter.file),
});
const loadPeakBytes = statusBytes("VmHWM");
// The other side forgets its peak while loading as well.
writeFileSync("/proc/self/clear_refs", "5");
answer<ReadyAnswer>({ parameters: engine.parameters.length, loadPeakBytes, loadedBytes: statusBytes("VmRSS") });
for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line) as { step: number } | { end: true };
  if ("end" in command) {
    answer<DoneAnswer>({ peakMemoryBytes: statusBytes("VmHWM"), unusedLibraryBytes: 0 });
    break;
  }
  answer<StepAnswer>(await trainStep(plan.steps[command.step]!));
}

async function trainStep(samples: readonly PlanSample[]): Promise<StepAnswer> {
  const started = performance.now();
  const sequences = samples.map(({ tokens, counted }) => ({
    tokens: Int32Array.from(tokens),
    counted: Uint8Array.from(counted),
  }));
  const result = await runStep(engine, sequences, {
    maxBatchTokens: plan.packTokens,
    anchorWeight: 0,
    noiseSeed: () => 0,
    isStopWanted: () => false,
  });
  const gradientNorm = engine.step(plan.adamw);
  return { loss: result!.loss, gradientNorm, seconds: (performance.now() - started) / 1000 };
}

function answer<Answer>(values: Answer): void {
  process.stdout.write(`${JSON.stringify(values)}\n`);
}

function readFloats(path: string): Float32Array {
  return new Float32Array(new Uint8Array(readFileSync(path)).buffer);
}

function statusBytes(field: string): number {
  const line = readFileSync("/proc/self/status", "utf8")
    .split("\n")
    .find((entry) => entry.startsWith(`${field}:`));
  return Number(line!.split(/\s+/)[1]) * 1024;
}
