/**
 * LoRA training here against PyTorch, transformers and peft on the same model, samples and settings: `npm run bench -- train-peer` after
 * `npm run peers:setup`. Both trainers live in processes of their own and take every step in turn, because this machine's speed
 * changes from minute to minute: what counts is the median of the ratios. The last line is one JSON object.
 */
import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { readGguf } from "../src/formats/gguf/read-gguf.ts";
import { openTokenizer } from "../src/llm/tokenizer.ts";
import { createLoraLayout, initialLoraParameters } from "../src/training/engine/lora-layout.ts";
import { readModelSpec } from "../src/training/engine/model-spec.ts";
import { ALL_TARGETS } from "../src/training/engine/target-modules.ts";
import { MEMORY_MODES } from "../src/training/memory-mode.ts";
import { trainingSettingsSchema } from "../src/training/training-settings.ts";
import { physicalCores } from "../src/util/physical-cores.ts";
import { createRandomSource } from "../src/util/rng.ts";
import { defaultModelFile } from "../test/helpers/default-model.ts";
import { cutSample, instructionSamples } from "./helpers/instruction-samples.ts";
import { LineProcess } from "./helpers/line-process.ts";
import { withOtherLoad } from "./helpers/other-load.ts";
import type { DoneAnswer, PeerPlan, PlanModule, PlanSample, ReadyAnswer, StepAnswer } from "./helpers/peer-plan.ts";

const SECTIONS = ["instruction", "allTokens", "full", "curve"] as const;
type Section = (typeof SECTIONS)[number];

const INSTRUCTION_BATCH = 16;
const FULL_SEQUENCE_TOKENS = 512;
const LEARNING_RATE = 5e-4;
const FULL_LEARNING_RATE = 2e-5;
const CURVE_STEPS = 50;
const CURVE_BATCH = 2;
const CURVE_MOST_TOKENS = 96;
/** Token budgets of a padded micro-batch among which PyTorch gets its fastest; 1 = every sample alone, without padding. */
const MICRO_BATCH_TOKENS = [1, 600, 1200, 2400];
/** A step beside which other programs took more than this is left out of the figures, as long as there is another. */
const MOST_OTHER_CORES = 0.15;
const HUGGING_FACE_NAMES: Record<string, string> = {
  attn_q: "q_proj",
  attn_k: "k_proj",
  attn_v: "v_proj",
  attn_output: "o_proj",
  ffn_gate: "gate_proj",
  ffn_up: "up_proj",
  ffn_down: "down_proj",
};
const root = fileURLToPath(new URL("..", import.meta.url));

const { values: options } = parseArgs({
  options: {
    sections: { type: "string", default: SECTIONS.join(",") },
    steps: { type: "string", default: "5" },
    model: { type: "string" },
    threads: { type: "string", default: String(physicalCores()) },
    /** How our side uses memory, as `ilab model train --memory`. */
    memory: { type: "string", default: "balanced" },
    /** What PyTorch computes in; processors without 16-bit products are faster in f32. */
    "peer-precision": { type: "string", default: "bf16" },
    /** Skips the search for PyTorch's fastest micro-batch. */
    "micro-batch-tokens": { type: "string" },
  },
});
const modelFile = options.model ?? defaultModelFile();
const threads = Number(options.threads);
const memory = MEMORY_MODES.find((mode) => mode === options.memory);
if (memory === undefined) throw new Error(`--memory is one of ${MEMORY_MODES.join(", ")}`);
const peerPrecision: PeerPlan["precision"] = options["peer-precision"] === "f32" ? "f32" : "bf16";
const measuredSteps = Number(options.steps);
const sections = options.sections.split(",") as Section[];
for (const section of sections)
  if (!SECTIONS.includes(section))
    throw new Error(`there is no section '${section}'; there are ${SECTIONS.join(", ")}`);
const python = join(root, ".peers", "venv", "bin", "python");
if (!existsSync(python)) throw new Error("PyTorch is not installed in .peers/; run 'npm run peers:setup' first");

const settings = trainingSettingsSchema.parse({});
const random = createRandomSource(1);
const text = await readText();
const directory = await mkdtemp(join(tmpdir(), "ilab-bench-"));
try {
  const results: { [section in Section]?: Record<string, unknown> } = {};
  if (sections.includes("instruction")) {
    const steps = Array.from({ length: 1 + measuredSteps }, () => instructionSamples(text, INSTRUCTION_BATCH, random));
    results.instruction = await compare("instruction", basePlan(steps));
  }
  if (sections.includes("allTokens")) {
    const sequence = () => [cutSample(text, FULL_SEQUENCE_TOKENS, 1, random)];
    // Steps are short here, so more of them are taken.
    results.allTokens = await compare("allTokens", basePlan(Array.from({ length: 1 + 3 * measuredSteps }, sequence)));
  }
  if (sections.includes("full")) {
    const steps = Array.from({ length: 1 + measuredSteps }, () => instructionSamples(text, INSTRUCTION_BATCH, random));
    const plan = basePlan(steps);
    const adamw = { ...plan.adamw, learningRate: FULL_LEARNING_RATE };
    results.full = await compare("full", { ...plan, method: "full", adamw });
  }
  if (sections.includes("curve")) results.curve = await compareCurves();
  console.log(
    JSON.stringify({
      speedRatio: results.instruction?.["speedRatio"],
      memoryRatio: results.instruction?.["memoryRatio"],
      curveMaxRelativeDifference: results.curve?.["maxRelativeDifference"],
      ...results,
      memory,
      peerPrecision,
      threads,
    }),
  );
} finally {
  await rm(directory, { recursive: true, force: true });
}

interface Round {
  samples: PlanSample[];
  ourSeconds: number;
  theirSeconds: number;
  otherCores: number;
}

/** Both trainers on the same steps, the first of which warms up. */
async function compare(name: string, untuned: PeerPlan): Promise<Record<string, unknown>> {
  const { steps } = untuned;
  const plan = {
    ...untuned,
    microBatchTokens: Number(options["micro-batch-tokens"] ?? (await fastestMicroBatch(untuned))),
  };
  await using ours = startOurs(await writePlan(name, plan));
  await using theirs = startTheirs(await writePlan(`${name} peer`, { ...plan, precision: peerPrecision }));
  const ourReady = await ours.answer<ReadyAnswer>();
  const theirReady = await theirs.answer<ReadyAnswer>();
  const rounds: Round[] = [];
  for (const [step, samples] of steps.entries()) {
    // Neither always comes first.
    const order = step % 2 === 0 ? [ours, theirs] : [theirs, ours];
    const taken = new Map<LineProcess, StepAnswer>();
    let otherCores = 0;
    for (const trainer of order) {
      const measured = await withOtherLoad(trainer.pid, () => trainer.ask<StepAnswer>({ step }));
      taken.set(trainer, measured.result);
      otherCores = Math.max(otherCores, measured.otherCores);
    }
    const [our, their] = [taken.get(ours)!, taken.get(theirs)!];
    console.log(
      `${name} step ${step}: ${countTokens(samples)} tokens; ours ${our.seconds.toFixed(2)} s, loss ${our.loss.toFixed(4)}; ` +
        `PyTorch ${their.seconds.toFixed(2)} s, loss ${their.loss.toFixed(4)}; other programs took up to ${otherCores.toFixed(2)} cores`,
    );
    if (step > 0) rounds.push({ samples, ourSeconds: our.seconds, theirSeconds: their.seconds, otherCores });
  }
  const quiet = rounds.filter(({ otherCores }) => otherCores <= MOST_OTHER_CORES);
  const counting = quiet.length > 0 ? quiet : rounds;
  const describe = async (trainer: LineProcess, ready: ReadyAnswer, secondsOf: (round: Round) => number) => {
    const done = await trainer.ask<DoneAnswer>({ end: true });
    return {
      samplesPerSecond: round(median(counting.map((entry) => entry.samples.length / secondsOf(entry)))),
      tokensPerSecond: round(median(counting.map((entry) => countTokens(entry.samples) / secondsOf(entry)))),
      peakMemoryBytes: done.peakMemoryBytes - done.unusedLibraryBytes,
      loadPeakBytes: ready.loadPeakBytes,
    };
  };
  const our = await describe(ours, ourReady, ({ ourSeconds }) => ourSeconds);
  const their = await describe(theirs, theirReady, ({ theirSeconds }) => theirSeconds);
  return {
    speedRatio: round(median(counting.map(({ ourSeconds, theirSeconds }) => theirSeconds / ourSeconds))),
    memoryRatio: round(our.peakMemoryBytes / their.peakMemoryBytes),
    measuredSteps: rounds.length,
    disturbedSteps: rounds.length - quiet.length,
    ours: our,
    pytorch: { ...their, microBatchTokens: plan.microBatchTokens },
  };
}

/** The token budget with which PyTorch takes a step fastest, each tried once after a warm-up. */
async function fastestMicroBatch(plan: PeerPlan): Promise<number> {
  const samples = plan.steps[0]!;
  // One sample has only one way of being cut.
  if (samples.length === 1) return 1;
  let best: { budget: number; seconds: number } | undefined;
  for (const budget of MICRO_BATCH_TOKENS) {
    const tried = { ...plan, precision: peerPrecision, steps: [samples.slice(-2), samples], microBatchTokens: budget };
    await using peer = startTheirs(await writePlan("tried", tried));
    await peer.answer();
    await peer.ask({ step: 0 });
    const { seconds } = await peer.ask<StepAnswer>({ step: 1 });
    console.log(
      `PyTorch with micro-batches of ${budget} tokens: ${(countTokens(samples) / seconds).toFixed(0)} tokens/s`,
    );
    if (best === undefined || seconds < best.seconds) best = { budget, seconds };
  }
  return best!.budget;
}

/** The losses of both in F32 from the same adapter. */
async function compareCurves(): Promise<Record<string, unknown>> {
  const steps = Array.from({ length: CURVE_STEPS }, () =>
    instructionSamples(text, CURVE_BATCH, random, CURVE_MOST_TOKENS),
  );
  const plan = { ...basePlan(steps), precision: "f32" as const, initialAdapter: await writeInitialAdapter() };
  const planFile = await writePlan("curve", plan);
  await using ours = startOurs(planFile);
  await using theirs = startTheirs(planFile);
  await ours.answer();
  await theirs.answer();
  let maxRelativeDifference = 0;
  let firstLoss: number | undefined;
  let lastLoss = 0;
  for (const step of steps.keys()) {
    const our = await ours.ask<StepAnswer>({ step });
    const their = await theirs.ask<StepAnswer>({ step });
    const difference = Math.abs(our.loss - their.loss) / their.loss;
    maxRelativeDifference = Math.max(maxRelativeDifference, difference);
    firstLoss ??= their.loss;
    lastLoss = their.loss;
    console.log(
      `curve step ${step}: loss ${our.loss.toFixed(6)} and ${their.loss.toFixed(6)}, gradient norm ${our.gradientNorm.toPrecision(6)} and ` +
        `${their.gradientNorm.toPrecision(6)}, relative difference ${difference.toExponential(1)}`,
    );
  }
  return { maxRelativeDifference, steps: steps.length, firstLoss, lastLoss };
}

function basePlan(steps: PlanSample[][]): PeerPlan {
  return {
    modelFile,
    method: "lora",
    memory: memory!,
    precision: "bf16",
    threads,
    lora: { rank: settings.loraRank, alpha: settings.loraAlpha, targets: ALL_TARGETS },
    adamw: {
      learningRate: LEARNING_RATE,
      beta1: settings.beta1,
      beta2: settings.beta2,
      epsilon: settings.epsilon,
      weightDecay: settings.weightDecay,
      maxGradientNorm: settings.maxGradientNorm,
    },
    steps,
    packTokens: settings.maxBatchTokens,
    microBatchTokens: 1,
  };
}

async function writePlan(name: string, plan: PeerPlan): Promise<string> {
  const file = join(directory, `${name}.json`);
  await writeFile(file, JSON.stringify(plan));
  return file;
}

async function writeInitialAdapter(): Promise<NonNullable<PeerPlan["initialAdapter"]>> {
  const spec = readModelSpec(await readGguf(modelFile));
  const { rank, alpha } = { rank: settings.loraRank, alpha: settings.loraAlpha };
  const layout = createLoraLayout(spec, { rank, alpha, targets: ALL_TARGETS });
  const file = join(directory, "adapter.f32");
  await writeFile(file, initialLoraParameters(layout, 1));
  const modules = layout.modules.map(({ name, ...place }): PlanModule => {
    const heads = name === "attn_q" ? spec.heads : name === "attn_k" ? spec.keyValueHeads : 0;
    return { ...place, name: HUGGING_FACE_NAMES[name]!, heads };
  });
  return { file, modules };
}

/** The project's own documents as tokens: text that a model has never seen, of everyday difficulty. */
async function readText(): Promise<Int32Array> {
  const documents = join(root, "docs");
  const names = (await readdir(documents)).filter((name) => name.endsWith(".md")).sort();
  const texts = await Promise.all(names.map((name) => readFile(join(documents, name), "utf8")));
  await using tokenizer = await openTokenizer(await readGguf(modelFile));
  return tokenizer.encodeDocument(texts.join("\n")).tokens;
}

function startOurs(planFile: string): LineProcess {
  const child = join(root, "bench", "helpers", "engine-child.ts");
  return new LineProcess(process.execPath, ["--import", "tsx", child, planFile]);
}

function startTheirs(planFile: string): LineProcess {
  return new LineProcess(python, [join(root, "bench", "peers", "train_peer.py"), planFile], {
    OMP_NUM_THREADS: String(threads),
    HF_HUB_OFFLINE: "1",
  });
}

function countTokens(samples: readonly PlanSample[]): number {
  return samples.reduce((sum, sample) => sum + sample.tokens.length, 0);
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

function round(value: number): number {
  return Number(value.toPrecision(4));
}
