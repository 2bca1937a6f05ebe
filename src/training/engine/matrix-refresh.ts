/** Brings the matrices in line with the parameters after every step: adapters into their spare places, or the trained weights themselves. */
import { type Backend, GraphAllocator, type Tensor, type TensorContext } from "../../tensor/context.ts";
import { type FrozenWeights, type LinearGroup, writeMatrix } from "./frozen-weights.ts";
import { loadVectors } from "./load-vectors.ts";
import type { ParameterLayout } from "./lora-layout.ts";
import type { ModelSpec } from "./model-spec.ts";
import { FLOAT_BYTES } from "./pack-graph.ts";

export class MatrixRefresh implements Disposable {
  readonly #backend: Backend;
  readonly #spec: ModelSpec;
  readonly #layout: ParameterLayout;
  readonly #weights: FrozenWeights;
  readonly #parameters: Tensor;
  readonly #context: TensorContext;
  readonly #allocator: GraphAllocator;

  constructor(backend: Backend, spec: ModelSpec, layout: ParameterLayout, weights: FrozenWeights, parameters: Tensor) {
    this.#backend = backend;
    this.#spec = spec;
    this.#layout = layout;
    this.#weights = weights;
    this.#parameters = parameters;
    const c = backend.context((layout.modules.length + layout.weights.size) * 16 + 64);
    this.#context = c;
    for (const [index, layer] of weights.layers.entries())
      for (const group of Object.values(layer.groups))
        if (layout.weights.size === 0) this.#writeAdapter(c, group, index);
        else
          for (const [module, { from }] of group.parts)
            writeMatrix(c, group, this.#weightRows(`blk.${index}.${module}.weight`), from);
    if (layout.weights.size > 0)
      writeMatrix(c, weights.head, this.#weightRows(spec.isTied ? "token_embd.weight" : "output.weight"), 0);
    this.#allocator = new GraphAllocator(backend);
    this.#allocator.allocate(c.graph);
  }

  [Symbol.dispose](): void {
    this.#allocator[Symbol.dispose]();
    this.#context[Symbol.dispose]();
  }

  run(): void {
    this.#backend.compute(this.#context.graph);
    if (this.#layout.weights.size === 0) return;
    const values = this.#parameters.floats();
    loadVectors(this.#spec, this.#weights, (name) => {
      const { offset, elements } = this.#layout.weights.get(name)!;
      return values.subarray(offset, offset + elements);
    });
  }

  /** Copies the adapter's numbers into the spare inner positions of the frozen matrices. */
  #writeAdapter(
    c: TensorContext,
    { input, output, parts, forward, backward, adapter }: LinearGroup,
    layer: number,
  ): void {
    if (adapter === undefined) return;
    const { rank } = this.#layout;
    const modules = this.#layout.modules.filter((module) => module.layer === layer && parts.has(module.name));
    const rows = (offset: number, columns: number) => (context: TensorContext) =>
      parameterRows(context, this.#parameters, offset, columns, rank);
    for (const [i, module] of modules.entries()) {
      const first = i * rank;
      const { from, count } = parts.get(module.name)!;
      const a = rows(module.offsetA, input);
      adapter.a.write(c, { source: a, isTransposed: false, firstRow: first, firstInner: 0 });
      if (adapter.backwardA === undefined)
        backward.write(c, { source: a, isTransposed: true, firstRow: 0, firstInner: output + first });
      else adapter.backwardA.write(c, { source: a, isTransposed: true, firstRow: 0, firstInner: first });
      const b = rows(module.offsetB, count);
      adapter.b.write(c, { source: b, isTransposed: false, firstRow: first, firstInner: from });
      forward.write(c, { source: b, isTransposed: true, firstRow: from, firstInner: input + first });
    }
  }

  #weightRows(name: string): (c: TensorContext) => Tensor {
    const { offset, shape } = this.#layout.weights.get(name)!;
    return (c) => parameterRows(c, this.#parameters, offset, shape[0]!, shape[1]!);
  }
}

/** Part of the parameter vector as a matrix `[columns, rows]`. */
export function parameterRows(
  c: TensorContext,
  parameters: Tensor,
  offset: number,
  columns: number,
  rows: number,
): Tensor {
  const stride = columns * FLOAT_BYTES;
  return c.view(parameters, [columns, rows, 1, 1], [stride, stride * rows, stride * rows], offset * FLOAT_BYTES);
}
