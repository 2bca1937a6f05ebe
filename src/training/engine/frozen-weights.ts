/**
 * The base model's weights in memory, read straight from the GGUF. Linear layers are held in the type that this CPU multiplies
 * fastest, once as they are (for y = W x) and once transposed (for dx = Wᵀ dy): ggml's matrix product is 6 to 20 times faster than its
 * outer product. Behind each matrix stand spare columns into which the adapter is copied after every step, so that the
 * low-rank path costs no operation of its own: [W | B] · [x ; s A x].
 */
import { closeSync, openSync, readSync } from "node:fs";
import { dequantize } from "../../formats/gguf/dequantize.ts";
import { type GgufFile, ggufError } from "../../formats/gguf/types.ts";
import { type Backend, GraphAllocator, type Tensor, TensorContext } from "../../tensor/context.ts";
import { TensorType, type TensorTypeId } from "../../tensor/ggml.ts";
import { loadLayerVectors } from "./layer-vectors.ts";
import { type GroupName, type LoraLayout, MODULE_GROUPS, type ModuleName, moduleShape } from "./lora-layout.ts";
import type { ModelSpec } from "./model-spec.ts";

/** ggml's fast matrix products want inner dimensions that are multiples of this. */
const INNER_MULTIPLE = 32;

/** One group of linear layers that read the same input, with room for its adapter. */
export interface LinearGroup {
  input: number;
  output: number;
  /** Rows of each module inside the output: first row, count. */
  parts: Map<ModuleName, { from: number; count: number }>;
  /** Ranks in use, and ranks rounded up to `INNER_MULTIPLE`; 0 without an adapter. */
  ranks: number;
  paddedRanks: number;
  /** `[input + paddedRanks, output]` */
  forward: Tensor;
  /** `[output + paddedRanks, input]` */
  backward: Tensor;
  /** Copies of A `[input, paddedRanks]` and of the block-diagonal transposed B `[output, paddedRanks]`. */
  adapterA?: Tensor;
  adapterB?: Tensor;
  /** `[output]`, where one of the layers has a bias; zero for those that have none. */
  bias?: Tensor;
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

export interface FrozenWeights extends Disposable {
  embedding: Tensor;
  outputNorm: Tensor;
  /** `[width, vocabulary]` and `[vocabulary, width]` */
  head: { forward: Tensor; backward: Tensor };
  outputBias?: Tensor;
  ropeFactors?: Tensor;
  layers: FrozenLayer[];
  sizeBytes: number;
}

export type HoldType = "F32" | "F16" | "BF16";

export function loadFrozenWeights(
  file: GgufFile,
  spec: ModelSpec,
  layout: LoraLayout,
  holdType: HoldType,
  backend: Backend,
  onLayer: (layer: number) => void = () => {},
): FrozenWeights {
  const context = new TensorContext(spec.layers * 32 + 16);
  const type = TensorType[holdType];
  const zeroed: Tensor[] = [];
  const held = (...shape: number[]): Tensor => {
    const tensor = context.tensor(type, ...shape);
    zeroed.push(tensor);
    return tensor;
  };
  const vector = (...shape: number[]) => context.tensor(TensorType.F32, ...shape);
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
    const group: LinearGroup = {
      input,
      output,
      parts,
      ranks,
      paddedRanks,
      forward: held(input + paddedRanks, output),
      backward: held(output + paddedRanks, input),
    };
    if (ranks > 0) {
      group.adapterA = held(input, paddedRanks);
      group.adapterB = held(output, paddedRanks);
    }
    if (MODULE_GROUPS[name].some((module) => spec.biases.has(module))) group.bias = vector(output);
    return group;
  };

  const embeddingInfo = file.tensors.get("token_embd.weight")!;
  const embedding = context.tensor(embeddingInfo.type as TensorTypeId, spec.width, spec.vocabulary);
  const outputNorm = vector(spec.width);
  const head = { forward: held(spec.width, spec.vocabulary), backward: held(spec.vocabulary, spec.width) };
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
  const sizeBytes = context.allocatePersistent(backend);
  // Spare columns must be zero: they take part in every product.
  for (const tensor of zeroed) tensor.bytes(tensor.strides[3]).fill(0);

  const descriptor = openSync(file.path, "r");
  using reader = new WeightReader(file, descriptor, backend);
  reader.raw("token_embd.weight", embedding);
  reader.convert([["output_norm.weight", outputNorm]]);
  if (ropeFactors !== undefined) reader.convert([["rope_freqs.weight", ropeFactors]]);
  if (outputBias !== undefined) reader.convert([["output.bias", outputBias]]);
  reader.linear([{ name: spec.isTied ? "token_embd.weight" : "output.weight", from: 0 }], head.forward, head.backward);
  for (const [index, layer] of layers.entries()) {
    const block = `blk.${index}.`;
    reader.convert([
      [`${block}attn_norm.weight`, layer.attentionNorm],
      [`${block}ffn_norm.weight`, layer.feedForwardNorm],
    ]);
    for (const group of Object.values(layer.groups))
      reader.linear(
        [...group.parts].map(([module, { from }]) => ({ name: `${block}${module}.weight`, from })),
        group.forward,
        group.backward,
      );
    loadLayerVectors(spec, layer, (name) => reader.vector(`${block}${name}`));
    onLayer(index);
  }
  return {
    embedding,
    outputNorm,
    head,
    outputBias,
    ropeFactors,
    layers,
    sizeBytes,
    [Symbol.dispose]: () => context[Symbol.dispose](),
  };
}

/** Reads tensors from the file and converts them by small graphs, one group at a time, so that little extra memory is needed. */
class WeightReader {
  readonly #file: GgufFile;
  readonly #descriptor: number;
  readonly #backend: Backend;

  constructor(file: GgufFile, descriptor: number, backend: Backend) {
    this.#file = file;
    this.#descriptor = descriptor;
    this.#backend = backend;
  }

  [Symbol.dispose](): void {
    closeSync(this.#descriptor);
  }

  raw(name: string, destination: Tensor): void {
    this.#fill(name, destination.bytes(this.#file.tensors.get(name)!.sizeBytes));
  }

  #fill(name: string, bytes: Uint8Array): void {
    const info = this.#file.tensors.get(name)!;
    for (let done = 0; done < bytes.length; ) {
      const count = readSync(this.#descriptor, bytes, done, bytes.length - done, info.offset + done);
      if (count === 0) throw ggufError(this.#file.path, `the file ends inside the tensor ${name}`, "GGUF_TRUNCATED");
      done += count;
    }
  }

  /** A small tensor as numbers. */
  vector(name: string): Float64Array {
    const info = this.#file.tensors.get(name)!;
    const bytes = new Uint8Array(info.sizeBytes);
    this.#fill(name, bytes);
    return dequantize(info.type, bytes, info.shape[0]!);
  }

  /** Copies whole tensors with conversion to the destination's type. */
  convert(pairs: [string, Tensor][]): void {
    this.#run(
      pairs.map(([name]) => name),
      (context, sources) => {
        for (const [i, [, destination]] of pairs.entries()) context.expand(context.copy(sources[i]!, destination));
      },
    );
  }

  /** Stacks matrices below each other in `forward`, and beside each other, transposed, in `backward`. */
  linear(parts: { name: string; from: number }[], forward: Tensor, backward: Tensor): void {
    this.#run(
      parts.map((part) => part.name),
      (context, sources) => {
        for (const [i, { from }] of parts.entries()) {
          const source = sources[i]!;
          const [input, output] = source.shape;
          const [element, row, s2, s3] = forward.strides;
          context.expand(context.copy(source, context.view(forward, [input, output, 1, 1], [row, s2, s3], from * row)));
          const [, backwardRow, b2, b3] = backward.strides;
          const target = context.view(backward, [output, input, 1, 1], [backwardRow, b2, b3], from * element);
          context.expand(context.copy(context.transpose(source), target));
        }
      },
    );
  }

  #run(names: string[], build: (context: TensorContext, sources: Tensor[]) => void): void {
    using raw = new TensorContext(names.length + 1);
    const stored = names.map((name) => {
      const info = this.#file.tensors.get(name)!;
      return raw.tensor(info.type as TensorTypeId, ...info.shape);
    });
    raw.allocatePersistent(this.#backend);
    for (const [i, name] of names.entries()) this.raw(name, stored[i]!);
    using context = new TensorContext(names.length * 8 + 8);
    build(
      context,
      stored.map((tensor) => context.cast(tensor, TensorType.F32)),
    );
    using allocator = new GraphAllocator(this.#backend);
    allocator.allocate(context.graph);
    this.#backend.compute(context.graph);
  }
}
