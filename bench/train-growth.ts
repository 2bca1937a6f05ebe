/**
 * How the cost of LoRA training grows with the model and the length of its samples: `npm run bench -- train-growth [--models 135M,7B] [--lengths 128,1024]
 * [--seconds 120]`. Models are random Q4_1 weights in known shapes; every cell is one sample of that length, two fifths of which count, in a
 * process of its own. A cell that would take longer than `--seconds` is not run: its memory is then what the planner says. The last line is
 * one JSON object.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { readGguf } from "../src/formats/gguf/read-gguf.ts";
import { Backend } from "../src/tensor/context.ts";
import { fastestHoldType, productSpeed } from "../src/training/engine/fastest-hold-type.ts";
import { segmentsOf } from "../src/training/engine/micro-batch.ts";
import { readModelSpec } from "../src/training/engine/model-spec.ts";
import { ALL_TARGETS } from "../src/training/engine/target-modules.ts";
import { TrainingEngine } from "../src/training/engine/training-engine.ts";
import { MEMORY_USE, type MemoryMode } from "../src/training/memory-mode.ts";
import { trainingFlops } from "../src/training/training-flops.ts";
import { physicalCores } from "../src/util/physical-cores.ts";
import { MODEL_SHAPES, writeRandomModel } from "./helpers/random-model.ts";

interface Cell {
  model: string;
  length: number;
  mode: MemoryMode;
  /** Of the work model: what the sample needs, with what is done again. */
  gigaflops: number;
  peakBytes: number;
  plannedBytes: number;
  seconds?: number;
}

const COUNTED_SHARE = 0.4;
const threads = physicalCores();
const { values: options } = parseArgs({
  options: {
    models: { type: "string", default: Object.keys(MODEL_SHAPES).join(",") },
    lengths: { type: "string", default: "128,512,1024,2048,4096" },
    seconds: { type: "string", default: "120" },
    /** Set in the process of one cell. */
    cell: { type: "string" },
  },
});

if (options.cell === undefined) await measureAll();
else await measureCell(options.cell);

async function measureAll(): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "ilab-growth-"));
  try {
    const cells: Cell[] = [];
    console.log("| model | length | memory | GFLOP per token | tokens/s | GFLOPS | peak memory |");
    console.log("| --- | --- | --- | --- | --- | --- | --- |");
    for (const model of options.models.split(",") as (keyof typeof MODEL_SHAPES)[]) {
      const path = join(directory, `${model}.gguf`);
      await mkdir(directory, { recursive: true });
      await writeRandomModel(path, MODEL_SHAPES[model]);
      for (const length of options.lengths.split(",").map(Number)) {
        const mode: MemoryMode = model === "7B" ? "least" : "balanced";
        const request = JSON.stringify({ path, model, length, mode, seconds: Number(options.seconds) });
        const child = spawnSync(
          process.execPath,
          [...process.execArgv, fileURLToPath(import.meta.url), "--cell", request],
          { encoding: "utf8" },
        );
        if (child.status !== 0) throw new Error(`${model} ${length}: ${child.stderr}`);
        const cell = JSON.parse(child.stdout.trim().split("\n").at(-1)!) as Cell;
        cells.push(cell);
        console.log(describe(cell));
      }
      await rm(path);
    }
    console.log(JSON.stringify({ cells, threads }));
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

function describe({ model, length, mode, gigaflops, seconds, peakBytes, plannedBytes }: Cell): string {
  const gigabytes = (bytes: number) => `${(bytes / 1e9).toFixed(2)} GB`;
  const speed =
    seconds === undefined ? ["not run", ""] : [(length / seconds).toFixed(1), (gigaflops / seconds).toFixed(0)];
  const memory = seconds === undefined ? `${gigabytes(plannedBytes)} planned` : gigabytes(peakBytes);
  return `| ${model} | ${length} | ${mode} | ${(gigaflops / length).toFixed(2)} | ${speed.join(" | ")} | ${memory} |`;
}

async function measureCell(request: string): Promise<void> {
  const { path, model, length, mode, seconds: limit } = JSON.parse(request);
  const file = await readGguf(path);
  const spec = readModelSpec(file);
  const holdType = fastestHoldType(spec, threads);
  const rows = Int32Array.from({ length: Math.floor(length * COUNTED_SHARE) }, (_, i) => length - 2 - i).reverse();
  const batch = {
    tokens: Int32Array.from({ length }, (_, i) => (i * 7919) % spec.vocabulary),
    segments: segmentsOf([length]),
    targets: { rows, tokens: Int32Array.from(rows, (row) => ((row + 1) * 7919) % spec.vocabulary) },
  };
  const lora = { rank: 16, alpha: 32, targets: ALL_TARGETS };
  const engineOptions = { lora, seed: 1, threads, holdType, ...MEMORY_USE[mode as MemoryMode] };
  let plannedBytes: number;
  let flops: number;
  {
    using planned = new TrainingEngine(file, { ...engineOptions, isPlanned: true });
    planned.accumulate(batch, 1, 0);
    const { weightBytes, stateBytes, activationBytes } = planned.memory;
    plannedBytes = process.memoryUsage().rss + weightBytes + stateBytes + activationBytes;
    flops = trainingFlops(spec, planned.layout, MEMORY_USE[mode as MemoryMode].keeping, length, rows.length);
  }
  using backend = new Backend(threads);
  const bare = productSpeed(backend, holdType, spec.width, spec.feedForward, 256);
  const cell: Cell = { model, length, mode, gigaflops: flops / 1e9, peakBytes: 0, plannedBytes };
  if (flops / (bare * 0.5) < limit) {
    using engine = new TrainingEngine(file, engineOptions);
    const started = performance.now();
    engine.accumulate(batch, 1 / rows.length, 0);
    engine.step({ learningRate: 1e-4, beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0, maxGradientNorm: 1 });
    cell.seconds = (performance.now() - started) / 1000;
    cell.peakBytes = peakMemory();
  }
  console.log(JSON.stringify(cell));
}

function peakMemory(): number {
  const status = existsSync("/proc/self/status") ? readFileSync("/proc/self/status", "utf8") : "";
  const kilobytes = /VmHWM:\s+(\d+)/.exec(status)?.[1];
  return kilobytes === undefined ? process.resourceUsage().maxRSS * 1024 : Number(kilobytes) * 1024;
}
