/**
 * The llama architecture with LoRA in 64-bit TypeScript: losses and gradients by a tape. Slow and obviously right; only tests and tiny
 * models use it. Formulas: Llama 2 (arXiv 2307.09288), RoPE (2104.09864), LoRA (2106.09685).
 */
import { closeSync, openSync, readSync } from "node:fs";
import { dequantize } from "../../formats/gguf/dequantize.ts";
import type { GgufFile } from "../../formats/gguf/types.ts";
import type { LoraLayout, ModuleName } from "../engine/lora-layout.ts";
import type { MicroBatch } from "../engine/micro-batch.ts";
import { type ModelSpec, readModelSpec } from "../engine/model-spec.ts";
import { type Matrix, Tape } from "./tape.ts";

export interface ReferenceModel {
  spec: ModelSpec;
  weights: Map<string, Float64Array>;
}

export function loadReferenceModel(file: GgufFile): ReferenceModel {
  const weights = new Map<string, Float64Array>();
  const descriptor = openSync(file.path, "r");
  try {
    for (const tensor of file.tensors.values()) {
      const bytes = new Uint8Array(tensor.sizeBytes);
      readSync(descriptor, bytes, 0, bytes.length, tensor.offset);
      weights.set(
        tensor.name,
        dequantize(
          tensor.type,
          bytes,
          tensor.shape.reduce((product, n) => product * n, 1),
        ),
      );
    }
  } finally {
    closeSync(descriptor);
  }
  return { spec: readModelSpec(file), weights };
}

export interface ReferenceResult {
  targetLoss: number;
  anchorLoss: number;
  /** Of `targetWeight * targetLoss + anchorWeight * anchorLoss`, in the layout's order. */
  gradient: Float64Array;
  /** Per sample, `[tokens, vocabulary]`. */
  logits: Matrix[];
}

export function referenceGradient(
  model: ReferenceModel,
  layout: LoraLayout,
  parameters: ArrayLike<number>,
  batch: MicroBatch,
  targetWeight: number,
  anchorWeight: number,
): ReferenceResult {
  const tape = new Tape();
  const adapters = new Map<string, { a: Matrix; b: Matrix }>();
  for (const module of layout.modules) {
    const read = (offset: number, rows: number, columns: number) =>
      tape.matrix(
        rows,
        columns,
        Float64Array.from({ length: rows * columns }, (_, i) => parameters[offset + i]!),
      );
    adapters.set(`${module.layer}.${module.name}`, {
      a: read(module.offsetA, layout.rank, module.input),
      b: read(module.offsetB, layout.rank, module.output),
    });
  }
  const logits: Matrix[] = [];
  let targetLoss = 0;
  let anchorLoss = 0;
  for (const { start, length } of batch.segments) {
    const result = sampleLogits(model, tape, layout, adapters, batch.tokens.subarray(start, start + length));
    for (const [i, row] of batch.targets.rows.entries())
      if (row >= start && row < start + length)
        targetLoss += crossEntropy(result, row - start, new Map([[batch.targets.tokens[i]!, 1]]), 0, targetWeight);
    for (const [i, row] of (batch.anchors?.rows ?? []).entries())
      if (row >= start && row < start + length) {
        const { topCount, tokens, probabilities, rest } = batch.anchors!;
        const wanted = new Map<number, number>();
        for (let j = i * topCount; j < (i + 1) * topCount; j++) wanted.set(tokens[j]!, probabilities[j]!);
        anchorLoss += crossEntropy(result, row - start, wanted, rest[i]!, anchorWeight);
      }
    logits.push(result);
  }
  tape.backward();
  const gradient = new Float64Array(layout.size);
  for (const module of layout.modules) {
    const { a, b } = adapters.get(`${module.layer}.${module.name}`)!;
    gradient.set(a.gradient, module.offsetA);
    gradient.set(b.gradient, module.offsetB);
  }
  return { targetLoss, anchorLoss, gradient, logits };
}

function sampleLogits(
  { spec, weights }: ReferenceModel,
  tape: Tape,
  layout: LoraLayout,
  adapters: Map<string, { a: Matrix; b: Matrix }>,
  tokens: Int32Array,
): Matrix {
  const { width, heads, keyValueHeads, headSize } = spec;
  const embedding = weights.get("token_embd.weight")!;
  const frozen = (name: string, input: number) => {
    const values = weights.get(name)!;
    return tape.matrix(values.length / input, input, values);
  };
  const linear = (layer: number, name: ModuleName, x: Matrix): Matrix => {
    const y = tape.linear(x, frozen(`blk.${layer}.${name}.weight`, x.columns));
    const adapter = adapters.get(`${layer}.${name}`);
    if (adapter === undefined) return y;
    return tape.add(y, tape.scale(tape.linear(tape.linear(x, adapter.a), tape.transpose(adapter.b)), layout.scale));
  };
  const head = (x: Matrix, index: number) => tape.gather(x, headSize, (_, j) => [[index * headSize + j, 1]]);

  let x = tape.matrix(tokens.length, width);
  for (const [i, token] of tokens.entries())
    x.values.set(embedding.subarray(token * width, (token + 1) * width), i * width);
  for (let layer = 0; layer < spec.layers; layer++) {
    const normed = tape.rmsNorm(x, weights.get(`blk.${layer}.attn_norm.weight`)!, spec.normEpsilon);
    const queries = linear(layer, "attn_q", normed);
    const keys = linear(layer, "attn_k", normed);
    const values = linear(layer, "attn_v", normed);
    const keyHeads = Array.from({ length: keyValueHeads }, (_, h) => rotate(tape, head(keys, h), spec, weights));
    const valueHeads = Array.from({ length: keyValueHeads }, (_, h) => head(values, h));
    const attended = Array.from({ length: heads }, (_, h) => {
      const shared = Math.floor(h / (heads / keyValueHeads));
      return tape.attention(rotate(tape, head(queries, h), spec, weights), keyHeads[shared]!, valueHeads[shared]!);
    });
    x = tape.add(x, linear(layer, "attn_output", tape.beside(attended)));
    const normedMiddle = tape.rmsNorm(x, weights.get(`blk.${layer}.ffn_norm.weight`)!, spec.normEpsilon);
    const gate = linear(layer, "ffn_gate", normedMiddle);
    const sigmoid = (v: number) => 1 / (1 + Math.exp(-v));
    const activated = tape.map(
      gate,
      (v) => v * sigmoid(v),
      (v) => sigmoid(v) * (1 + v * (1 - sigmoid(v))),
    );
    x = tape.add(x, linear(layer, "ffn_down", tape.mul(activated, linear(layer, "ffn_up", normedMiddle))));
  }
  const normed = tape.rmsNorm(x, weights.get("output_norm.weight")!, spec.normEpsilon);
  return tape.linear(normed, frozen(spec.isTied ? "token_embd.weight" : "output.weight", width));
}

/** Rotates neighbouring pairs of the first `rope.dimensions` values of a head by position * base^(-2i/d). */
function rotate(tape: Tape, a: Matrix, spec: ModelSpec, weights: Map<string, Float64Array>): Matrix {
  const { dimensions, frequencyBase, frequencyScale } = spec.rope;
  const factors = weights.get("rope_freqs.weight");
  return tape.gather(a, a.columns, (position, j) => {
    if (j >= dimensions) return [[j, 1]];
    const pair = j >> 1;
    const angle = (position * frequencyScale * frequencyBase ** ((-2 * pair) / dimensions)) / (factors?.[pair] ?? 1);
    const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
    return j % 2 === 0
      ? [
          [j, cos],
          [j + 1, -sin],
        ]
      : [
          [j - 1, sin],
          [j, cos],
        ];
  });
}

/**
 * Kullback–Leibler divergence of the wanted distribution (some tokens, and `rest` for all others as one outcome) from the softmax
 * of one row of logits; adds `weight` times its gradient to the logits' gradient.
 */
function crossEntropy(logits: Matrix, row: number, wanted: Map<number, number>, rest: number, weight: number): number {
  const n = logits.columns;
  const values = logits.values.subarray(row * n, (row + 1) * n);
  const largest = values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const exponentials = values.map((v) => Math.exp(v - largest));
  const sum = exponentials.reduce((a, b) => a + b, 0);
  const p = exponentials.map((e) => e / sum);
  let loss = 0;
  let pRest = 1;
  for (const [token, q] of wanted) {
    if (q > 0) loss += q * Math.log(q / p[token]!);
    pRest -= p[token]!;
  }
  if (rest > 0) loss += rest * Math.log(rest / pRest);
  for (let j = 0; j < n; j++) {
    const q = wanted.get(j) ?? (rest > 0 ? (rest * p[j]!) / pRest : 0);
    logits.gradient[row * n + j]! += weight * (p[j]! - q);
  }
  return loss;
}
