/**
 * Training of a GGUF on ggml, adapters or all weights: forward and backward over packs of samples, AdamW, the base model's own
 * distribution for the anchor. Holds native memory and computes synchronously: it belongs in a child process (worker.ts).
 */
import type { TrainingVectors } from "../../artifacts.ts";
import type { GgufFile } from "../../formats/gguf/types.ts";
import { Backend, GraphAllocator, type Tensor, TensorContext } from "../../tensor/context.ts";
import type { Device } from "../../tensor/devices.ts";
import { TensorType } from "../../tensor/ggml.ts";
import { IlabError } from "../../util/errors.ts";
import { countAttentionBlocks } from "./attention-blocks.ts";
import { type FrozenWeights, loadFrozenWeights } from "./frozen-weights.ts";
import { createFullLayout } from "./full-layout.ts";
import type { HoldType } from "./held-matrix.ts";
import { type Keeping, keep, type LayerActivations, layerAgain, layerBackward, layerForward } from "./layer.ts";
import { createLoraLayout, initialLoraParameters, type LoraOptions, type ParameterLayout } from "./lora-layout.ts";
import { buildLoss, type LossPart, outputLogits } from "./loss-head.ts";
import { MatrixRefresh, parameterRows } from "./matrix-refresh.ts";
import { type MicroBatch, type MicroBatchLoss, type Segment, type SoftTargets, segmentsOf } from "./micro-batch.ts";
import { type ModelSpec, readModelSpec } from "./model-spec.ts";
import { createDropout, embeddingNoise } from "./noise.ts";
import type { PackGraph } from "./pack-graph.ts";
import { hardTargets, selectTop } from "./soft-targets.ts";
import { WeightReader } from "./weight-reader.ts";

export interface EngineOptions {
  /** Adapters; without them all weights of the model are trained. */
  lora?: LoraOptions;
  /** Noise on the embeddings while training (NEFTune); 0 or absent: none. */
  neftuneAlpha?: number;
  seed: number;
  threads: number;
  /** Type in which the frozen matrices are held. */
  holdType: HoldType;
  /** Convert the layers' matrices anew before every product instead of holding them: less memory, a little more time. */
  isStreamed?: boolean;
  /** false: ggml's own products alone, even where this processor has faster ones. */
  usesKernels?: boolean;
  /** Train here instead of on the processor. */
  device?: Device;
  /** What of the forward pass is kept for the backward pass, and not computed again. */
  keeping?: Keeping;
  /** Take no memory and compute nothing: `accumulate` then only finds out what memory a pack needs. */
  isPlanned?: boolean;
  /** Start from these parameters instead of fresh adapters or the file's weights. */
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

export interface EngineState extends TrainingVectors {
  /** Optimiser steps taken. */
  steps: number;
}

export interface EngineMemory {
  weightBytes: number;
  stateBytes: number;
  activationBytes: number;
}

export class TrainingEngine {
  readonly spec: ModelSpec;
  readonly layout: ParameterLayout;
  readonly #backend: Backend;
  readonly #weights: FrozenWeights;
  readonly #state: TensorContext;
  readonly #parameters: Tensor;
  readonly #gradients: Tensor;
  readonly #firstMoments: Tensor;
  readonly #secondMoments: Tensor;
  readonly #allocator: GraphAllocator;
  readonly #keeping: Keeping;
  readonly #holdType: HoldType;
  readonly #file: GgufFile;
  readonly #neftuneAlpha: number;
  readonly #refresh: MatrixRefresh;
  readonly #stateBytes: number;
  #steps = 0;

  constructor(file: GgufFile, options: EngineOptions) {
    this.spec = readModelSpec(file);
    this.layout = options.lora === undefined ? createFullLayout(this.spec) : createLoraLayout(this.spec, options.lora);
    this.#file = file;
    this.#neftuneAlpha = options.neftuneAlpha ?? 0;
    this.#keeping = options.keeping ?? "all";
    this.#holdType = options.holdType;
    const { usesKernels = true, isPlanned = false, device } = options;
    this.#backend = new Backend(options.threads, { usesKernels, isPlanned, device });
    this.#state = new TensorContext(8);
    const vector = () => this.#state.tensor(TensorType.F32, this.layout.size);
    this.#parameters = vector();
    this.#gradients = vector();
    this.#firstMoments = vector();
    this.#secondMoments = vector();
    this.#state.markParameter(this.#parameters);
    this.#stateBytes = this.#state.allocatePersistent(this.#backend);
    this.#weights = loadFrozenWeights(file, this.spec, this.layout, this.#backend, {
      holdType: options.holdType,
      isStreamed: options.isStreamed ?? false,
      trained: this.#isFull ? this.#parameters : undefined,
      onLayer: options.onLayerLoaded,
    });
    this.#allocator = new GraphAllocator(this.#backend);
    this.#refresh = new MatrixRefresh(this.#backend, this.spec, this.layout, this.#weights, this.#parameters);
    if (isPlanned) return;
    this.#firstMoments.clear();
    this.#secondMoments.clear();
    this.#gradients.clear();
    if (options.parameters !== undefined) this.setParameters(options.parameters);
    else if (this.#isFull) this.#loadBaseWeights();
    else this.setParameters(initialLoraParameters(this.layout, options.seed));
  }

  get #isFull(): boolean {
    return this.layout.weights.size > 0;
  }

  /** The file's weights as parameters. */
  #loadBaseWeights(): void {
    using reader = new WeightReader(this.#file);
    for (const weights of this.layout.weights.values())
      reader.use(this.#backend, [weights.name], (c, [stored]) => {
        const [n0, n1 = 1] = weights.shape;
        c.expand(c.copy(stored!, parameterRows(c, this.#parameters, weights.offset, n0!, n1)));
      });
    this.#refresh.run();
  }

  [Symbol.dispose](): void {
    this.#refresh[Symbol.dispose]();
    this.#allocator[Symbol.dispose]();
    this.#state[Symbol.dispose]();
    this.#weights[Symbol.dispose]();
    this.#backend[Symbol.dispose]();
  }

  /** What computes: one of ggml's CPU variants, or a device. */
  get processor(): string {
    return this.#backend.name;
  }

  /** Which of ggml's CPU variants runs. */
  get cpuVariant(): string {
    return this.#backend.ggml.cpuVariant;
  }

  /** The trained numbers in the layout's order; a view of native memory, on a device a copy. */
  get parameters(): Float32Array {
    return this.#parameters.floats();
  }

  /** Summed gradient since the last step, in the layout's order; a view of native memory, on a device a copy. */
  get gradients(): Float32Array {
    return this.#gradients.floats();
  }

  /** Bytes held for weights, for parameters with gradient and moments, and of the largest graph so far. */
  get memory(): EngineMemory {
    const [weightBytes, activationBytes] = [this.#weights.sizeBytes, this.#allocator.sizeBytes];
    return { weightBytes, stateBytes: this.#stateBytes, activationBytes };
  }

  setParameters(values: Float32Array): void {
    this.#parameters.writeFloats(values);
    this.#refresh.run();
  }

  /** All that the next step depends on; views of native memory (on a device copies), so only what is copied of them outlives that step. */
  exportState(): EngineState {
    const [firstMoments, secondMoments] = [this.#firstMoments.floats(), this.#secondMoments.floats()];
    return { parameters: this.parameters, firstMoments, secondMoments, steps: this.#steps };
  }

  /** Goes on where `exportState` was; the engine's own views may be handed back, filled. */
  importState({ parameters, firstMoments, secondMoments, steps }: EngineState): void {
    this.#firstMoments.writeFloats(firstMoments);
    this.#secondMoments.writeFloats(secondMoments);
    this.#steps = steps;
    this.setParameters(parameters);
  }

  /** Runs `work` on the base model: with the adapter switched off, or with the file's weights. */
  withBaseModel<Result>(work: () => Result): Result {
    const saved = this.parameters.slice();
    if (this.#isFull) this.#loadBaseWeights();
    else this.setParameters(new Float32Array(saved.length));
    try {
      return work();
    } finally {
      this.setParameters(saved);
    }
  }

  /**
   * Adds the gradient of `targetWeight * target loss + anchorWeight * anchor loss` of one pack to `gradients`.
   * @param noiseSeed decides dropout and noise on the embeddings.
   */
  accumulate(batch: MicroBatch, targetWeight: number, anchorWeight: number, noiseSeed = 0): MicroBatchLoss {
    return this.#run(batch, { targetWeight, anchorWeight, noiseSeed });
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
    using context = this.#backend.context(16);
    const hyperparameters = context.input(TensorType.F32, 7);
    const scaled = clip === 1 ? this.#gradients : context.scaleInplace(this.#gradients, clip);
    context.expand(
      context.adamwStep(this.#parameters, scaled, this.#firstMoments, this.#secondMoments, hyperparameters),
    );
    using allocator = new GraphAllocator(this.#backend);
    allocator.allocate(context.graph);
    hyperparameters.writeFloats([
      options.learningRate,
      options.beta1,
      options.beta2,
      options.epsilon,
      options.weightDecay,
      1 / (1 - options.beta1 ** this.#steps),
      1 / (1 - options.beta2 ** this.#steps),
    ]);
    this.#backend.compute(context.graph);
    this.#gradients.clear();
    this.#refresh.run();
    return norm;
  }

  /** Logits of every position of one sample, `[tokens * vocabulary]`, token after token. */
  logits(tokens: Int32Array): Float32Array {
    const segments = segmentsOf([tokens.length]);
    using context = this.#backend.context(this.#capacity(segments));
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
      using context = this.#backend.context(this.#capacity(segments));
      const { graph, fill } = this.#inputs(context, tokens, segments);
      const { output } = this.#forward(graph);
      const indices = context.input(TensorType.I32, rows.length);
      const selected = context.getRows(output, indices);
      const normed = context.mul(context.rmsNorm(selected, this.spec.normEpsilon), this.#weights.outputNorm);
      const probabilities = context.output(context.softMax(outputLogits(context, this.spec, this.#weights, normed), 1));
      this.#compute(context, () => {
        fill();
        indices.writeIntegers(rows);
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
    noiseSeed?: number,
  ): { graph: PackGraph & { embedded: Tensor }; fill: () => void } {
    const ids = context.input(TensorType.I32, tokens.length);
    // Some models do not rotate: the input must be part of the graph all the same.
    const positions = context.expand(context.input(TensorType.I32, tokens.length));
    const { embeddingScale, width, feedForward, heads, headSize } = this.spec;
    let embedded = context.getRows(this.#weights.embedding, ids);
    if (embeddingScale !== 1) embedded = context.scale(embedded, embeddingScale);
    const fills: (() => void)[] = [];
    if (noiseSeed !== undefined && this.#neftuneAlpha > 0) {
      const noise = embeddingNoise(context, { width, tokens: tokens.length, segments }, this.#neftuneAlpha, noiseSeed);
      embedded = context.add(embedded, noise.tensor);
      fills.push(noise.fill);
    }
    let dropout: PackGraph["dropout"];
    if (noiseSeed !== undefined && this.layout.dropout > 0) {
      const largest = Math.max(width, feedForward, heads * headSize) * tokens.length;
      dropout = createDropout(context, this.layout.dropout, largest, noiseSeed);
      fills.push(dropout.fill);
    }
    const masks: PackGraph["masks"] = new Map();
    return {
      graph: {
        context,
        kernels: this.#backend.kernels,
        spec: this.spec,
        holdType: this.#holdType,
        layout: this.layout,
        positions,
        ropeFactors: this.#weights.ropeFactors,
        tokens: tokens.length,
        segments,
        gradients: this.#gradients,
        masks,
        dropout,
        embedded,
      },
      fill: () => {
        ids.writeIntegers(tokens);
        for (const fill of fills) fill();
        for (const mask of masks.values()) mask.fill();
        const values = new Int32Array(tokens.length);
        for (const { start, length, continues } of segments) {
          const first = continues === undefined ? 0 : segments[continues]!.length;
          for (let i = 0; i < length; i++) values[start + i] = first + i;
        }
        positions.writeIntegers(values);
      },
    };
  }

  /** Through all layers; `again(i)` gives layer i's activations for the backward pass. */
  #forward(graph: PackGraph & { embedded: Tensor }): { output: Tensor; again: (layer: number) => LayerActivations } {
    const saved: (() => LayerActivations)[] = [];
    let current = graph.embedded;
    for (const [index, layer] of this.#weights.layers.entries()) {
      const { activations, output } = layerForward(graph, index, layer, current);
      if (this.#keeping === "all") saved.push(() => activations);
      else {
        const kept = keep(graph, this.#keeping, activations);
        saved.push(() => layerAgain(graph, index, layer, kept));
      }
      current = output;
    }
    return { output: current, again: (layer) => saved[layer]!() };
  }

  #run(
    batch: MicroBatch,
    weights: { targetWeight: number; anchorWeight: number; noiseSeed: number } | undefined,
  ): MicroBatchLoss {
    const lossRows = batch.targets.rows.length + (batch.anchors?.rows.length ?? 0);
    using context = this.#backend.context(this.#capacity(batch.segments, lossRows) * (this.#keeping === "all" ? 1 : 2));
    const { graph, fill } = this.#inputs(context, batch.tokens, batch.segments, weights?.noiseSeed);
    const { output, again } = this.#forward(graph);

    const hard = batch.targets.rows.length > 0 ? hardTargets(batch.targets) : undefined;
    const parts: { indices: Tensor; targets: SoftTargets; part: LossPart }[] = [];
    for (const [targets, weight] of [
      [hard, weights?.targetWeight ?? 0],
      [batch.anchors, weights?.anchorWeight ?? 0],
    ] as const) {
      if (targets === undefined || targets.rows.length === 0) continue;
      const indices = context.input(TensorType.I32, targets.rows.length);
      const part = buildLoss(graph, this.#weights, context.getRows(output, indices), targets, weight);
      parts.push({ indices, targets, part });
    }
    let dEmbedded: Tensor | undefined;
    if (weights !== undefined && parts.length > 0) {
      let gradient = parts
        .map(({ part, indices }) => context.placeRows(part.dSelected, indices, output))
        .reduce((a, b) => context.add(a, b));
      // Below the lowest layer in which something is learned no gradient is needed.
      const lowest = this.#isFull ? -1 : this.layout.modules[0]!.layer;
      for (let index = this.spec.layers - 1; index >= Math.max(0, lowest); index--) {
        const next = layerBackward(graph, index, this.#weights.layers[index]!, again(index), gradient, index > lowest);
        if (next !== undefined) gradient = next;
      }
      if (this.#isFull) dEmbedded = context.output(gradient);
    }
    this.#compute(context, () => {
      fill();
      for (const { indices, targets, part } of parts) {
        indices.writeIntegers(targets.rows);
        part.fill();
      }
    });
    if (this.#backend.isPlanned) return { targetLoss: 0, anchorLoss: 0 };
    if (dEmbedded !== undefined) this.#addEmbeddingGradient(batch.tokens, dEmbedded.floats());
    const lossOf = (targets: SoftTargets | undefined) =>
      parts.find((entry) => entry.targets === targets)?.part.loss() ?? 0;
    return { targetLoss: hard === undefined ? 0 : lossOf(hard), anchorLoss: lossOf(batch.anchors) };
  }

  /** Few of the vocabulary's rows receive anything: they are added one by one. */
  #addEmbeddingGradient(tokens: Int32Array, dEmbedded: Float32Array): void {
    const { width, embeddingScale } = this.spec;
    const { offset } = this.layout.weights.get("token_embd.weight")!;
    for (const [position, token] of tokens.entries())
      this.#gradients.updateFloats(offset + token * width, width, (row) => {
        for (let i = 0; i < width; i++) row[i]! += embeddingScale * dEmbedded[position * width + i]!;
      });
  }

  #compute(context: TensorContext, fill: () => void): void {
    this.#allocator.allocate(context.graph);
    if (this.#backend.isPlanned) return;
    fill();
    this.#backend.compute(context.graph);
  }
}
