/**
 * The base model's weights in memory, read straight from the GGUF. Every matrix is there twice, as it is (for y = W x) and transposed
 * (for dx = Wᵀ dy): a product is many times faster than ggml's outer product. Behind each matrix stand spare inner positions
 * into which the adapter is copied after every step, so that the low-rank path costs no product of its own: [W | B] · [x ; s A x].
 */
import type { GgufFile } from "../../formats/gguf/types.ts";
import { type Backend, type Tensor, TensorContext } from "../../tensor/context.ts";
import { TensorType } from "../../tensor/ggml.ts";
import { createMatrixHolder, type HeldMatrix, type HoldType, type MatrixPart, suitsPacking } from "./held-matrix.ts";
import { loadVectors } from "./load-vectors.ts";
import { type GroupName, MODULE_GROUPS, type ModuleName, moduleShape, type ParameterLayout } from "./lora-layout.ts";
import type { ModelSpec } from "./model-spec.ts";
import { FLOAT_BYTES } from "./pack-graph.ts";
import { WeightReader } from "./weight-reader.ts";

/** Products want inner dimensions that are multiples of this. */
const INNER_MULTIPLE = 32;

/** One group of linear layers that read the same input, with room for its adapter. */
export interface LinearGroup {
  input: number;
  output: number;
  /** Rows of each module inside the output: first row, count. */
  parts: Map<ModuleName, { from: number; count: number }>;
  /** Ranks in use, and ranks rounded up to `INNER_MULTIPLE`; 0 without an adapter. */
  ranks: number;
  /** Its number among all groups of the model. */
  index: number;
  /** `[input + padded ranks, output]` */
  forward: HeldMatrix;
  /** `[output + padded ranks, input]`; with dropout `[output, input]` */
  backward: HeldMatrix;
  adapter?: GroupAdapter;
  /** `[output]`, where one of the layers has a bias; zero for those that have none. */
  bias?: Tensor;
}

/** Copies of A `[input, padded ranks]` and of the block-diagonal transposed B `[output, padded ranks]`. */
export interface GroupAdapter {
  a: HeldMatrix;
  b: HeldMatrix;
  /** A transposed, `[padded ranks, input]`: with dropout it cannot ride on the frozen matrix. */
  backwardA?: HeldMatrix;
}

export interface FrozenLayer {
  attentionNorm: Tensor;
  feedForwardNorm: Tensor;
  /** Norms of what attention and feed-forward give. */
  attentionPostNorm?: Tensor;
  feedForwardPostNorm?: Tensor;
  /** The norm of a query head once per query head, then that of a key head once per key head: `[headSize, heads + keyValueHeads]`. */
  queryKeyNorm?: Tensor;
  groups: Record<GroupName, LinearGroup>;
}

/** `[width, vocabulary]`, `[vocabulary, width]`, and as stored, for single rows. */
export interface OutputHead {
  forward: HeldMatrix;
  backward: HeldMatrix;
  rows: Tensor;
}

export interface FrozenWeights extends Disposable {
  embedding: Tensor;
  outputNorm: Tensor;
  head: OutputHead;
  outputBias?: Tensor;
  ropeFactors?: Tensor;
  layers: FrozenLayer[];
  sizeBytes: number;
}

export interface HoldingOptions {
  holdType: HoldType;
  /**
   * Keep matrices in the file's own type and convert each anew before every product: a quarter of the memory and less, for a few percent
   * more time with packs of some hundred tokens.
   */
  isStreamed: boolean;
  /** The parameter vector when it holds the weights themselves: then nothing is read from the file here. */
  trained?: Tensor;
  onLayer?: (layer: number) => void;
}

export function loadFrozenWeights(
  file: GgufFile,
  spec: ModelSpec,
  layout: ParameterLayout,
  backend: Backend,
  options: HoldingOptions,
): FrozenWeights {
  const context = new TensorContext(spec.layers * 40 + 32);
  const isPackable = suitsPacking(
    Object.values(MODULE_GROUPS)
      .flat()
      .flatMap((module) => Object.values(moduleShape(spec, module))),
    layout.rank,
  );
  const holder = createMatrixHolder(context, backend, options.holdType, isPackable);
  const headHolder = createMatrixHolder(
    context,
    backend,
    options.holdType,
    suitsPacking([spec.width], spec.vocabulary),
  );
  using reader = new WeightReader(file);
  const vector = (...shape: number[]) => context.tensor(TensorType.F32, ...shape);
  const held = (inner: number, rows: number): HeldMatrix =>
    options.isStreamed ? holder.makeStreamed(inner, rows) : holder.make(inner, rows);
  const makeGroup = (layer: number, name: GroupName): LinearGroup => {
    const parts: LinearGroup["parts"] = new Map();
    let output = 0;
    let input = 0;
    for (const module of MODULE_GROUPS[name]) {
      const shape = moduleShape(spec, module);
      input = shape.input;
      parts.set(module, { from: output, count: shape.output });
      output += shape.output;
    }
    const adapted = layout.modules.filter((module) => module.layer === layer && parts.has(module.name)).length;
    const ranks = adapted * layout.rank;
    const paddedRanks = Math.ceil(ranks / INNER_MULTIPLE) * INNER_MULTIPLE;
    const hasDropout = layout.dropout > 0;
    return {
      input,
      output,
      parts,
      ranks,
      index: layer * Object.keys(MODULE_GROUPS).length + Object.keys(MODULE_GROUPS).indexOf(name),
      forward: held(input + paddedRanks, output),
      backward: held(output + (hasDropout ? 0 : paddedRanks), input),
      adapter:
        ranks === 0
          ? undefined
          : {
              a: holder.make(input, paddedRanks),
              b: holder.make(output, paddedRanks),
              backwardA: hasDropout ? holder.make(paddedRanks, input) : undefined,
            },
      bias: MODULE_GROUPS[name].some((module) => spec.biases.has(module)) ? vector(output) : undefined,
    };
  };

  const { trained } = options;
  const rowsOf = (name: string): Tensor => {
    const weights = layout.weights.get(name);
    if (trained === undefined || weights === undefined) return reader.tensor(context, name);
    const row = spec.width * FLOAT_BYTES;
    const place = weights.offset * FLOAT_BYTES;
    return context.view(
      trained,
      [spec.width, spec.vocabulary, 1, 1],
      [row, weights.elements * 4, weights.elements * 4],
      place,
    );
  };
  const heldHead = (inner: number, rows: number): HeldMatrix =>
    options.isStreamed
      ? headHolder.makeStreamed(inner, rows, { isRememberedPerGraph: true })
      : headHolder.make(inner, rows);
  const embedding = rowsOf("token_embd.weight");
  const headName = spec.isTied ? "token_embd.weight" : "output.weight";
  const outputNorm = vector(spec.width);
  const head: OutputHead = {
    forward: heldHead(spec.width, spec.vocabulary),
    backward: heldHead(spec.vocabulary, spec.width),
    rows: spec.isTied ? embedding : rowsOf(headName),
  };
  const outputBias = spec.hasOutputBias ? vector(spec.vocabulary) : undefined;
  const ropeFactors = spec.hasRopeFactors ? vector(spec.rope!.dimensions / 2) : undefined;
  const layers: FrozenLayer[] = [];
  for (let layer = 0; layer < spec.layers; layer++)
    layers.push({
      attentionNorm: vector(spec.width),
      feedForwardNorm: vector(spec.width),
      attentionPostNorm: spec.hasPostNorms ? vector(spec.width) : undefined,
      feedForwardPostNorm: spec.hasPostNorms ? vector(spec.width) : undefined,
      queryKeyNorm: spec.hasQueryKeyNorms ? vector(spec.headSize, spec.heads + spec.keyValueHeads) : undefined,
      groups: {
        attentionInput: makeGroup(layer, "attentionInput"),
        attentionOutput: makeGroup(layer, "attentionOutput"),
        feedForwardInput: makeGroup(layer, "feedForwardInput"),
        feedForwardOutput: makeGroup(layer, "feedForwardOutput"),
      },
    });
  const groups = layers.map((layer, index) =>
    Object.values(layer.groups).map((group) => ({
      group,
      modules: [...group.parts].map(([module, { from }]) => ({ name: `blk.${index}.${module}.weight`, from })),
    })),
  );
  const readsFile = trained === undefined;
  const stored = new Map(
    options.isStreamed && readsFile
      ? groups
          .flat(2)
          .flatMap(({ modules }) => modules.map(({ name }) => [name, reader.tensor(context, name)] as const))
      : [],
  );
  const sizeBytes = context.allocatePersistent(backend);
  const weights: FrozenWeights = {
    embedding,
    outputNorm,
    head,
    outputBias,
    ropeFactors,
    layers,
    sizeBytes,
    [Symbol.dispose]: () => context[Symbol.dispose](),
  };
  if (backend.isPlanned) return weights;
  holder.clear();
  headHolder.clear();
  ropeFactors?.writeFloats(reader.vector("rope_freqs.weight"));
  if (!readsFile) return weights;

  loadVectors(spec, weights, (name) => reader.vector(name));
  reader.raw("token_embd.weight", embedding);
  if (!spec.isTied) reader.raw(headName, head.rows);
  reader.use(backend, [], (c) => writeMatrix(c, head, () => head.rows, 0));
  for (const [index] of layers.entries()) {
    for (const { group, modules } of groups[index]!)
      if (options.isStreamed)
        for (const { name, from } of modules) {
          const tensor = stored.get(name)!;
          reader.raw(name, tensor);
          writeMatrix(context, group, () => tensor, from);
        }
      else
        reader.use(
          backend,
          modules.map(({ name }) => name),
          (c, tensors) => {
            for (const [i, { from }] of modules.entries()) writeMatrix(c, group, () => tensors[i]!, from);
          },
        );
    options.onLayer?.(index);
  }
  return weights;
}

/** A matrix into both directions of its group, `from` rows below the group's first. */
export function writeMatrix(
  c: TensorContext,
  { forward, backward }: { forward: HeldMatrix; backward: HeldMatrix },
  source: MatrixPart["source"],
  from: number,
): void {
  forward.write(c, { source, isTransposed: false, firstRow: from, firstInner: 0 });
  backward.write(c, { source, isTransposed: true, firstRow: 0, firstInner: from });
}
