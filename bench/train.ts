/**
 * LoRA training speed against the speed of bare matrix products, both measured in this run: `npm run bench -- train [--memory fast|balanced|least]`.
 * `ceilingRatio` is against the fastest product of the libraries in use (ggml, best of its types at the model's own shapes), `ownCeilingRatio`
 * against the fastest of all, this processor's own products included.
 * The model is random weights in the shape of SmolLM2-135M (Q4_1, tied Q8_0 embedding); the data is instruction-like: samples of 30 to 200 tokens of
 * which the last two fifths count. The last line is one JSON object.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { readGguf } from "../src/formats/gguf/read-gguf.ts";
import { Backend } from "../src/tensor/context.ts";
import type { TensorTypeName } from "../src/tensor/ggml.ts";
import { fastestHoldType, HOLD_TYPES, productSpeed } from "../src/training/engine/fastest-hold-type.ts";
import { MODULE_GROUPS, moduleShape } from "../src/training/engine/lora-layout.ts";
import { type ModelSpec, readModelSpec } from "../src/training/engine/model-spec.ts";
import { ALL_TARGETS } from "../src/training/engine/target-modules.ts";
import { TrainingEngine } from "../src/training/engine/training-engine.ts";
import { layOutPack } from "../src/training/lay-out-pack.ts";
import { MEMORY_MODES, MEMORY_USE } from "../src/training/memory-mode.ts";
import { packSequences } from "../src/training/pack.ts";
import { trainingFlops } from "../src/training/training-flops.ts";
import { physicalCores } from "../src/util/physical-cores.ts";
import { createRandomSource } from "../src/util/rng.ts";
import { writeRandomModel } from "./helpers/random-model.ts";

const STEPS = 8;
const WARMUP_STEPS = 2;
const SAMPLES_PER_STEP = 8;
const PACK_TOKENS = 768;
const RANK = 16;

const threads = physicalCores();
const { values: options } = parseArgs({ options: { memory: { type: "string", default: "fast" } } });
const memory = MEMORY_MODES.find((mode) => mode === options.memory) ?? "fast";
const directory = await mkdtemp(join(tmpdir(), "ilab-bench-"));
try {
  const path = join(directory, "model.gguf");
  await writeRandomModel(path);
  const file = await readGguf(path);
  const random = createRandomSource(1);
  const lora = { rank: RANK, alpha: 32, targets: ALL_TARGETS };
  const spec = readModelSpec(file);
  const holdType = fastestHoldType(spec, threads);
  const before = { library: ceiling(spec, false), own: ceiling(spec, true) };
  using engine = new TrainingEngine(file, { lora, seed: 1, threads, holdType, ...MEMORY_USE[memory] });

  const speeds: { tokensPerSecond: number; flopsPerSecond: number }[] = [];
  for (let step = 0; step < WARMUP_STEPS + STEPS; step++) {
    const samples = Array.from({ length: SAMPLES_PER_STEP }, () => {
      const length = 30 + random.integer(171);
      return {
        tokens: Int32Array.from({ length }, () => random.integer(spec.vocabulary)),
        counted: Uint8Array.from({ length }, (_, i) => (i >= 0.6 * length ? 1 : 0)),
      };
    });
    const batches = packSequences(
      samples.map((sample) => sample.tokens.length),
      PACK_TOKENS,
    ).map((pack) => layOutPack(pack.map((index) => samples[index]!)));
    const counted = batches.reduce((sum, batch) => sum + batch.targets.rows.length, 0);
    const started = performance.now();
    for (const batch of batches) engine.accumulate(batch, 1 / counted, 0);
    engine.step({ learningRate: 1e-4, beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0, maxGradientNorm: 1 });
    const seconds = (performance.now() - started) / 1000;
    const tokens = samples.reduce((sum, sample) => sum + sample.tokens.length, 0);
    const flops = samples.reduce(
      (sum, sample) => sum + trainingFlops(spec, engine.layout, "all", sample.tokens.length, count(sample.counted)),
      0,
    );
    console.log(`step ${step + 1}: ${tokens} tokens, ${(tokens / seconds).toFixed(0)} tokens/s`);
    if (step >= WARMUP_STEPS) speeds.push({ tokensPerSecond: tokens / seconds, flopsPerSecond: flops / seconds });
  }
  const library = Math.max(before.library, ceiling(spec, false));
  const own = Math.max(before.own, ceiling(spec, true));
  const middle = (values: number[]) => values.sort((a, b) => a - b)[values.length >> 1]!;
  const flopsPerSecond = middle(speeds.map((speed) => speed.flopsPerSecond));
  console.log(
    JSON.stringify({
      tokensPerSecond: round(middle(speeds.map((speed) => speed.tokensPerSecond))),
      peakMemoryBytes: process.resourceUsage().maxRSS * 1024,
      matmulGflops: round(library / 1e9),
      ownMatmulGflops: round(own / 1e9),
      trainingGflops: round(flopsPerSecond / 1e9),
      ceilingRatio: round(flopsPerSecond / library),
      ownCeilingRatio: round(flopsPerSecond / own),
      memory,
      holdType,
      cpuVariant: engine.cpuVariant,
      threads,
    }),
  );
} finally {
  await rm(directory, { recursive: true, force: true });
}

/** All linear products of a layer, in the best type at each shape: floating-point operations per second. */
function ceiling(spec: ModelSpec, usesKernels: boolean): number {
  using backend = new Backend(threads, { usesKernels });
  const shapes = Object.values(MODULE_GROUPS).flatMap((group) => {
    const output = group.reduce((sum, name) => sum + moduleShape(spec, name).output, 0);
    const { input } = moduleShape(spec, group[0]);
    // Forward, and transposed for the gradient of the input.
    return [
      [input, output],
      [output, input],
    ] as const;
  });
  let flops = 0;
  let seconds = 0;
  for (const [k, m] of shapes) {
    const types: readonly TensorTypeName[] = usesKernels ? HOLD_TYPES : [...HOLD_TYPES, "Q8_0", "Q4_0"];
    const best = Math.max(...types.map((type) => productSpeed(backend, type, k, m, 512)));
    flops += 2 * k * m;
    seconds += (2 * k * m) / best;
  }
  return flops / seconds;
}

function count(flags: Uint8Array): number {
  return flags.reduce((a, b) => a + b, 0);
}

function round(value: number): number {
  return Number(value.toPrecision(4));
}
