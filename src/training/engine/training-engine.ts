/**
 * LoRA training of a GGUF on ggml: forward and backward over packs of samples, AdamW, the base model's own
 * distribution for the anchor. Holds native memory and computes synchronously: it belongs in a child process (worker.ts).
 */
import type { TrainingVectors } from "../../artifacts.ts";
import type { GgufFile } from "../../formats/gguf/types.ts";
import { Backend, GraphAllocator, type Tensor, TensorContext } from "../../tensor/context.ts";
import { TensorType } from "../../tensor/ggml.ts";
import { IlabError } from "../../util/errors.ts";
import { countAttentionBlocks } from "./attention-blocks.ts";
import { type FrozenWeights, type LinearGroup, loadFrozenWeights } from "./frozen-weights.ts";
import type { HoldType } from "./held-matrix.ts";
import { type LayerActivations, layerBackward, layerForward } from "./layer.ts";
import { createLoraLayout, initialLoraParameters, type LoraLayout, type LoraOptions } from "./lora-layout.ts";
import { buildLoss, type LossPart, outputLogits } from "./loss-head.ts";
import { type MicroBatch, type MicroBatchLoss, type Segment, type SoftTargets, segmentsOf } from "./micro-batch.ts";
import { type ModelSpec, readModelSpec } from "./model-spec.ts";
import type { PackGraph } from "./pack-graph.ts";

export interface EngineOptions {
  lora: LoraOptions;
  seed: number;
  threads: number;
  /** Type in which the frozen matrices are held. */
  holdType: HoldType;
  /** Convert the layers' matrices anew before every product instead of holding them: less memory, a little more time. */
  isStreamed?: boolean;
  /** false: ggml's own products alone, even where this processor has faster ones. */
  usesKernels?: boolean;
  /** Recompute each layer in the backward pass instead of keeping its activations: a third more work, a fraction of the memory. */
  recompute?: boolean;
  /** Start from these adapter parameters instead of fresh ones. */
  parameters?: Float32Array;
  onLayerLoaded?: (layer: number) => void;
}

export interface AdamwOptions {
  learningRate: number;
  beta1: number;
  beta2: number;
  epsilon: number;
  weightDecay: number;
  /** Largest norm of the whole gradient; 0 = no clipping. */
  maxGradientNorm: number;
}

const FLOAT_BYTES = 4;

export interface EngineState extends TrainingVectors {
  /** Optimiser steps taken. */
  steps: number;
}

export class TrainingEngine {
  readonly spec: ModelSpec;
  readonly layout: LoraLayout;
  readonly #backend: Backend;
  readonly #weights: FrozenWeights;
  readonly #state: TensorContext;
  readonly #parameters: Tensor;
  readonly #gradients: Tensor;
  readonly #firstMoments: Tensor;
  readonly #secondMoments: Tensor;
  readonly #allocator: GraphAllocator;
  readonly #recompute: boolean;
  #refreshGraph: { context: TensorContext; allocator: GraphAllocator } | undefined;
  #steps = 0;

  constructor(file: GgufFile, options: EngineOptions) {
    this.spec = readModelSpec(file);
    this.layout = createLoraLayout(this.spec, options.lora);
    this.#recompute = options.recompute ?? false;
    this.#backend = new Backend(options.threads, { usesKernels: options.usesKernels ?? true });
    this.#weights = loadFrozenWeights(file, this.spec, this.layout, this.#backend, {
      holdType: options.holdType,
      isStreamed: options.isStreamed ?? false,
      onLayer: options.onLayerLoaded,
    });
    this.#state = new TensorContext(8);
    const vector = () => this.#state.tensor(TensorType.F32, this.layout.size);
    this.#parameters = vector();
    this.#gradients = vector();
    this.#firstMoments = vector();
    this.#secondMoments = vector();
    this.#state.markParameter(this.#parameters);
    this.#state.allocatePersistent(this.#backend);
    this.#firstMoments.floats().fill(0);
    this.#secondMoments.floats().fill(0);
    this.#gradients.floats().fill(0);
    this.#allocator = new GraphAllocator(this.#backend);
    this.setParameters(options.parameters ?? initialLoraParameters(this.layout, options.seed));
  }

  [Symbol.dispose](): void {
    this.#refreshGraph?.allocator[Symbol.dispose]();
    this.#refreshGraph?.context[Symbol.dispose]();
    this.#allocator[Symbol.dispose]();
    this.#state[Symbol.dispose]();
    this.#weights[Symbol.dispose]();
    this.#backend[Symbol.dispose]();
  }

  /** Which of ggml's CPU variants runs. */
  get cpuVariant(): string {
    return this.#backend.ggml.cpuVariant;
  }

  /** The adapter's numbers in the layout's order; a view of native memory. */
  get parameters(): Float32Array {
    return this.#parameters.floats();
  }

  /** Summed gradient since the last step, in the layout's order; a view of native memory. */
  get gradients(): Float32Array {
    return this.#gradients.floats();
  }

  /** Bytes held for weights and of the largest graph so far. */
  get memory(): { weightBytes: number; activationBytes: number } {
    return { weightBytes: this.#weights.sizeBytes, activationBytes: this.#allocator.sizeBytes };
  }

  setParameters(values: Float32Array): void {
    this.#parameters.floats().set(values);
    this.#refreshAdapter();
  }

  /** All that the next step depends on; views of native memory, so only what is copied of them outlives that step. */
  exportState(): EngineState {
    const [firstMoments, secondMoments] = [this.#firstMoments.floats(), this.#secondMoments.floats()];
    return { parameters: this.parameters, firstMoments, secondMoments, steps: this.#steps };
  }

  /** Goes on where `exportState` was; the engine's own views may be handed back, filled. */
  importState({ parameters, firstMoments, secondMoments, steps }: EngineState): void {
    this.#firstMoments.floats().set(firstMoments);
    this.#secondMoments.floats().set(secondMoments);
    this.#steps = steps;
    this.setParameters(parameters);
  }

  /** Runs `work` with the adapter switched off, that is, on the base model. */
  withBaseModel<Result>(work: () => Result): Result {
    const saved = this.parameters.slice();
    this.setParameters(new Float32Array(saved.length));
    try {
      return work();
    } finally {
      this.setParameters(saved);
    }
  }

  /**
   * Adds the gradient of `targetWeight * target loss + anchorWeight * anchor loss` of one pack to `gradients`.
   * @param _noiseSeed decides dropout and noise on the embeddings.
   */
  accumulate(batch: MicroBatch, targetWeight: number, anchorWeight: number, _noiseSeed = 0): MicroBatchLoss {
    return this.#run(batch, { targetWeight, anchorWeight });
  }

  /** The losses of one pack without any gradient. */
  evaluate(batch: MicroBatch): MicroBatchLoss {
    return this.#run(batch, undefined);
  }

  /** Norm of the summed gradient, then one AdamW step (arXiv 1711.05101) and a cleared gradient. Returns the norm before clipping. */
  step(options: AdamwOptions): number {
    const gradients = this.gradients;
    let squares = 0;
    for (let i = 0; i < gradients.length; i++) squares += gradients[i]! * gradients[i]!;
    const norm = Math.sqrt(squares);
    if (!Number.isFinite(norm))
      throw new IlabError({
        code: "LOSS_NOT_FINITE",
        message: `the gradient is not a finite number at step ${this.#steps + 1}`,
        hint: "Lower the learning rate (--learning-rate), or check that the model file is sound.",
      });
    this.#steps += 1;
    const clip = options.maxGradientNorm > 0 && norm > options.maxGradientNorm ? options.maxGradientNorm / norm : 1;
    using context = new TensorContext(16);
    const hyperparameters = context.input(TensorType.F32, 7);
    const scaled = clip === 1 ? this.#gradients : context.scaleInplace(this.#gradients, clip);
    context.expand(
      context.adamwStep(this.#parameters, scaled, this.#firstMoments, this.#secondMoments, hyperparameters),
    );
    using allocator = new GraphAllocator(this.#backend);
    allocator.allocate(context.graph);
    hyperparameters
      .floats()
      .set([
        options.learningRate,
        options.beta1,
        options.beta2,
        options.epsilon,
        options.weightDecay,
        1 / (1 - options.beta1 ** this.#steps),
        1 / (1 - options.beta2 ** this.#steps),
      ]);
    this.#backend.compute(context.graph);
    this.gradients.fill(0);
    this.#refreshAdapter();
    return norm;
  }

  /** Logits of every position of one sample, `[tokens * vocabulary]`, token after token. */
  logits(tokens: Int32Array): Float32Array {
    const segments = segmentsOf([tokens.length]);
    using context = new TensorContext(this.#capacity(segments));
    const { graph, fill } = this.#inputs(context, tokens, segments);
    const { output } = this.#forward(graph);
    const normed = context.mul(context.rmsNorm(output, this.spec.normEpsilon), this.#weights.outputNorm);
    const result = context.output(outputLogits(context, this.spec, this.#weights, normed));
    this.#compute(context, fill);
    return result.floats().slice();
  }

  /** The base model's `topCount` most likely tokens at each of the given rows of a pack. */
  baseDistribution(tokens: Int32Array, segments: Segment[], rows: Int32Array, topCount: number): SoftTargets {
    return this.withBaseModel(() => {
      const result: SoftTargets = {
        rows,
        topCount,
        tokens: new Int32Array(rows.length * topCount),
        probabilities: new Float32Array(rows.length * topCount),
        rest: new Float32Array(rows.length),
      };
      using context = new TensorContext(this.#capacity(segments));
      const { graph, fill } = this.#inputs(context, tokens, segments);
      const { output } = this.#forward(graph);
      const indices = context.input(TensorType.I32, rows.length);
      const selected = context.getRows(output, indices);
      const normed = context.mul(context.rmsNorm(selected, this.spec.normEpsilon), this.#weights.outputNorm);
      const probabilities = context.output(context.softMax(outputLogits(context, this.spec, this.#weights, normed), 1));
      this.#compute(context, () => {
        fill();
        indices.integers().set(rows);
      });
      const values = probabilities.floats();
      for (let row = 0; row < rows.length; row++)
        selectTop(values.subarray(row * this.spec.vocabulary, (row + 1) * this.spec.vocabulary), row, result);
      return result;
    });
  }

  #capacity(segments: readonly Segment[], lossRows = 0): number {
    return this.spec.layers * (280 + countAttentionBlocks(this.spec, segments) * 130) + lossRows * 3 + 4096;
  }

  #inputs(
    context: TensorContext,
    tokens: Int32Array,
    segments: Segment[],
  ): { graph: PackGraph & { embedded: Tensor }; fill: () => void } {
    const ids = context.input(TensorType.I32, tokens.length);
    // Some models do not rotate: the input must be part of the graph all the same.
    const positions = context.expand(context.input(TensorType.I32, tokens.length));
    const embedded = context.getRows(this.#weights.embedding, ids);
    const { embeddingScale } = this.spec;
    const masks: PackGraph["masks"] = new Map();
    return {
      graph: {
        context,
        kernels: this.#backend.kernels,
        spec: this.spec,
        layout: this.layout,
        positions,
        ropeFactors: this.#weights.ropeFactors,
        tokens: tokens.length,
        segments,
        gradients: this.#gradients,
        masks,
        embedded: embeddingScale === 1 ? embedded : context.scale(embedded, embeddingScale),
      },
      fill: () => {
        ids.integers().set(tokens);
        for (const mask of masks.values()) mask.fill();
        const values = positions.integers();
        for (const { start, length, continues } of segments) {
          const first = continues === undefined ? 0 : segments[continues]!.length;
          for (let i = 0; i < length; i++) values[start + i] = first + i;
        }
      },
    };
  }

  #forward(graph: PackGraph & { embedded: Tensor }): { output: Tensor; saved: LayerActivations[] } {
    const saved: LayerActivations[] = [];
    let current = graph.embedded;
    for (const [index, layer] of this.#weights.layers.entries()) {
      const activations = layerForward(graph, index, layer, current);
      saved.push(activations);
      current = activations.output;
    }
    return { output: current, saved };
  }

  #run(batch: MicroBatch, weights: { targetWeight: number; anchorWeight: number } | undefined): MicroBatchLoss {
    const lossRows = batch.targets.rows.length + (batch.anchors?.rows.length ?? 0);
    using context = new TensorContext(this.#capacity(batch.segments, lossRows) * (this.#recompute ? 2 : 1));
    const { graph, fill } = this.#inputs(context, batch.tokens, batch.segments);
    const { output, saved } = this.#forward(graph);

    const hard = batch.targets.rows.length > 0 ? hardTargets(batch.targets) : undefined;
    const parts: { indices: Tensor; targets: SoftTargets; part: LossPart }[] = [];
    for (const [targets, weight] of [
      [hard, weights?.targetWeight ?? 0],
      [batch.anchors, weights?.anchorWeight ?? 0],
    ] as const) {
      if (targets === undefined || targets.rows.length === 0) continue;
      const indices = context.input(TensorType.I32, targets.rows.length);
      const part = buildLoss(context, this.spec, this.#weights, context.getRows(output, indices), targets, weight);
      parts.push({ indices, targets, part });
    }
    if (weights !== undefined && parts.length > 0) {
      let gradient = parts
        .map(({ part, indices }) => context.getRowsBack(part.dSelected, indices, output))
        .reduce((a, b) => context.add(a, b));
      for (let index = this.spec.layers - 1; index >= 0; index--) {
        const layer = this.#weights.layers[index]!;
        const kept = saved[index]!;
        const activations = this.#recompute ? layerForward(graph, index, layer, kept.input) : kept;
        const next = layerBackward(graph, index, layer, activations, gradient, index > 0);
        if (next !== undefined) gradient = next;
      }
    }
    this.#compute(context, () => {
      fill();
      for (const { indices, targets, part } of parts) {
        indices.integers().set(targets.rows);
        part.fill();
      }
    });
    const lossOf = (targets: SoftTargets | undefined) =>
      parts.find((entry) => entry.targets === targets)?.part.loss() ?? 0;
    return { targetLoss: hard === undefined ? 0 : lossOf(hard), anchorLoss: lossOf(batch.anchors) };
  }

  #compute(context: TensorContext, fill: () => void): void {
    this.#allocator.allocate(context.graph);
    fill();
    this.#backend.compute(context.graph);
  }

  /** Copies the adapter's numbers into the spare columns of the frozen matrices. */
  #refreshAdapter(): void {
    this.#refreshGraph ??= this.#buildRefresh();
    this.#backend.compute(this.#refreshGraph.context.graph);
  }

  #buildRefresh(): { context: TensorContext; allocator: GraphAllocator } {
    const c = new TensorContext(this.layout.modules.length * 16 + 64);
    for (const [index, layer] of this.#weights.layers.entries())
      for (const group of Object.values(layer.groups)) this.#refreshGroup(c, group, index);
    const allocator = new GraphAllocator(this.#backend);
    allocator.allocate(c.graph);
    return { context: c, allocator };
  }

  #refreshGroup(
    c: TensorContext,
    { input, output, parts, forward, backward, adapter }: LinearGroup,
    layer: number,
  ): void {
    if (adapter === undefined) return;
    const { rank } = this.layout;
    const modules = this.layout.modules.filter((module) => module.layer === layer && parts.has(module.name));
    for (const [i, module] of modules.entries()) {
      const first = i * rank;
      const { from, count } = parts.get(module.name)!;
      const a = this.#parameterRows(module.offsetA, input, rank);
      adapter.a.write(c, { source: a, isTransposed: false, firstRow: first, firstInner: 0 });
      backward.write(c, { source: a, isTransposed: true, firstRow: 0, firstInner: output + first });
      const b = this.#parameterRows(module.offsetB, count, rank);
      adapter.b.write(c, { source: b, isTransposed: false, firstRow: first, firstInner: from });
      forward.write(c, { source: b, isTransposed: true, firstRow: from, firstInner: input + first });
    }
  }

  /** Part of the parameter vector as a matrix. */
  #parameterRows(offset: number, columns: number, rows: number): (c: TensorContext) => Tensor {
    const stride = columns * FLOAT_BYTES;
    return (c) =>
      c.view(this.#parameters, [columns, rows, 1, 1], [stride, stride * rows, stride * rows], offset * FLOAT_BYTES);
  }
}

/** The next token as a distribution with one outcome. */
function hardTargets({ rows, tokens }: MicroBatch["targets"]): SoftTargets {
  return {
    rows,
    topCount: 1,
    tokens,
    probabilities: new Float32Array(tokens.length).fill(1),
    rest: new Float32Array(tokens.length),
  };
}

/** Writes the most likely tokens of one row into `result`, most likely first (a bounded insertion: k is small). */
function selectTop(probabilities: Float32Array, row: number, result: SoftTargets): void {
  const { topCount } = result;
  const tokens = result.tokens.subarray(row * topCount, (row + 1) * topCount);
  const top = result.probabilities.subarray(row * topCount, (row + 1) * topCount);
  top.fill(-1);
  for (let token = 0; token < probabilities.length; token++) {
    const p = probabilities[token]!;
    if (p <= top[topCount - 1]!) continue;
    let place = topCount - 1;
    while (place > 0 && top[place - 1]! < p) {
      top[place] = top[place - 1]!;
      tokens[place] = tokens[place - 1]!;
      place -= 1;
    }
    top[place] = p;
    tokens[place] = token;
  }
  let sum = 0;
  for (const p of top) sum += p;
  result.rest[row] = Math.max(0, 1 - sum);
}
