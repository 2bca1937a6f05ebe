/**
 * All supported architectures with LoRA in 64-bit TypeScript: losses and gradients by a tape. Slow and obviously right; only tests and
 * tiny models use it. Formulas: Llama 2 (arXiv 2307.09288), Gemma 2 (2408.00118), GELU (1606.08415),
 * LoRA (2106.09685).
 */
import { closeSync, openSync, readSync } from "node:fs";
import { dequantize } from "../../formats/gguf/dequantize.ts";
import type { GgufFile } from "../../formats/gguf/types.ts";
import type { ModuleName, ParameterLayout } from "../engine/lora-layout.ts";
import type { MicroBatch } from "../engine/micro-batch.ts";
import { type ModelSpec, readModelSpec } from "../engine/model-spec.ts";
import { rotate } from "./rotate.ts";
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
  layout: ParameterLayout,
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
  layout: ParameterLayout,
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
    let y = tape.linear(x, frozen(`blk.${layer}.${name}.weight`, x.columns));
    const bias = weights.get(`blk.${layer}.${name}.bias`);
    if (bias !== undefined) y = tape.addVector(y, bias);
    const adapter = adapters.get(`${layer}.${name}`);
    if (adapter === undefined) return y;
    return tape.add(y, tape.scale(tape.linear(tape.linear(x, adapter.a), tape.transpose(adapter.b)), layout.scale));
  };
  /** Norm with the weights of that name; where the model has none, nothing. */
  const norm = (name: string, x: Matrix): Matrix => {
    const weight = weights.get(name);
    return weight === undefined ? x : tape.rmsNorm(x, weight, spec.normEpsilon);
  };
  const head = (x: Matrix, index: number) => tape.gather(x, headSize, (_, j) => [[index * headSize + j, 1]]);
  const activation = spec.activation === "gelu" ? gelu : silu;

  let x = tape.matrix(tokens.length, width);
  for (const [i, token] of tokens.entries())
    for (let j = 0; j < width; j++) x.values[i * width + j] = embedding[token * width + j]! * spec.embeddingScale;
  for (let layer = 0; layer < spec.layers; layer++) {
    const block = `blk.${layer}.`;
    const local = spec.slidingWindow?.isLocal[layer] ? spec.slidingWindow : undefined;
    const rope = local === undefined ? spec.rope : local.rope;
    const turn = (a: Matrix) => (rope === undefined ? a : rotate(tape, a, rope, weights.get("rope_freqs.weight")));
    const normed = norm(`${block}attn_norm.weight`, x);
    const queries = linear(layer, "attn_q", normed);
    const keys = linear(layer, "attn_k", normed);
    const values = linear(layer, "attn_v", normed);
    const keyHeads = Array.from({ length: keyValueHeads }, (_, h) =>
      turn(norm(`${block}attn_k_norm.weight`, head(keys, h))),
    );
    const valueHeads = Array.from({ length: keyValueHeads }, (_, h) => head(values, h));
    const attended = Array.from({ length: heads }, (_, h) => {
      const shared = Math.floor(h / (heads / keyValueHeads));
      const query = turn(norm(`${block}attn_q_norm.weight`, head(queries, h)));
      const window = local?.size ?? Number.POSITIVE_INFINITY;
      const { attentionScale, attentionSoftCap } = spec;
      return tape.attention(query, keyHeads[shared]!, valueHeads[shared]!, attentionScale, attentionSoftCap, window);
    });
    const fromAttention = linear(layer, "attn_output", tape.beside(attended));
    x = tape.add(x, tape.scale(norm(`${block}post_attention_norm.weight`, fromAttention), spec.residualScale));
    const normedMiddle = norm(`${block}ffn_norm.weight`, x);
    const gate = linear(layer, "ffn_gate", normedMiddle);
    const activated = tape.map(gate, activation.value, activation.derivative);
    const down = linear(layer, "ffn_down", tape.mul(activated, linear(layer, "ffn_up", normedMiddle)));
    x = tape.add(x, tape.scale(norm(`${block}post_ffw_norm.weight`, down), spec.residualScale));
  }
  const normed = norm("output_norm.weight", x);
  let logits = tape.linear(normed, frozen(spec.isTied ? "token_embd.weight" : "output.weight", width));
  logits = tape.scale(logits, spec.logitScale);
  const outputBias = weights.get("output.bias");
  if (outputBias !== undefined) logits = tape.addVector(logits, outputBias);
  return spec.finalSoftCap === undefined ? logits : tape.softCap(logits, spec.finalSoftCap);
}

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
const silu = {
  value: (x: number) => x * sigmoid(x),
  derivative: (x: number) => sigmoid(x) * (1 + x * (1 - sigmoid(x))),
};

/** The approximation with tanh. */
const geluInner = (x: number) => Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3);
const gelu = {
  value: (x: number) => 0.5 * x * (1 + Math.tanh(geluInner(x))),
  derivative: (x: number) => {
    const tanh = Math.tanh(geluInner(x));
    const innerDerivative = Math.sqrt(2 / Math.PI) * (1 + 3 * 0.044715 * x ** 2);
    return 0.5 * (1 + tanh) + 0.5 * x * (1 - tanh ** 2) * innerDerivative;
  },
};

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
