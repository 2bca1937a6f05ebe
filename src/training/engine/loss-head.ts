/**
 * The output head and its gradient, only at the rows where something is to be learned. Both losses are cross-entropies against a
 * sparse distribution q over the vocabulary: the next token (q is one token), and the anchor (q is the base model's k most likely
 * tokens; the probability it leaves to all others is compared with the student's as one outcome). With respect to the logits the
 * gradient is p - q for the tokens in q and (1 - q_rest / p_rest) p for all others; the few tokens in q are sent through the head one
 * by one in 32 bits, because p and q nearly cancel there, and the many others as one product.
 */
import type { Tensor, TensorContext } from "../../tensor/context.ts";
import { TensorType } from "../../tensor/ggml.ts";
import { addOuterProduct } from "./add-outer-product.ts";
import { addVectorGradient } from "./add-vector-gradient.ts";
import type { FrozenWeights } from "./frozen-weights.ts";
import type { SoftTargets } from "./micro-batch.ts";
import type { ModelSpec } from "./model-spec.ts";
import { FLOAT_BYTES, type PackGraph } from "./pack-graph.ts";

/** Bounds the memory of logits (64 columns of SmolLM2's 49,152 need 13 MB; of Gemma's 262,144 it holds 24). */
const PIECE_BYTES = 25_000_000;
/** Columns of logits per piece; with fewer the products become slow. */
const MIN_COLUMNS = 24;
const MAX_COLUMNS = 64;
/** Smallest probability that is left to the tokens outside the base's top k, so that the ratio stays finite. */
const MINIMAL_REST = 1e-6;
/** A softmax in f32 underflows to 0 below this; the loss then reads 87 nats instead of infinity. */
const MINIMAL_PROBABILITY = 1.2e-38;

export interface LossPart {
  /** Gradient with respect to the selected rows of the last layer's output, `[width, rows]`. */
  dSelected: Tensor;
  /** Fills the inputs; call after allocation, before computing. */
  fill: () => void;
  /** Loss summed over the rows, in nats; call after computing. */
  loss: () => number;
}

interface Piece {
  gradient: Tensor;
  fill: () => void;
  loss: () => number;
}

/** @param weight factor of this loss in the gradient (1 / counted tokens of the whole effective batch). */
export function buildLoss(
  graph: PackGraph,
  weights: FrozenWeights,
  selected: Tensor,
  targets: SoftTargets,
  weight: number,
): LossPart {
  const { context, spec } = graph;
  const normed = context.mul(context.rmsNorm(selected, spec.normEpsilon), weights.outputNorm);
  const count = targets.rows.length;
  const pieces: Piece[] = [];
  const fitting = Math.floor(PIECE_BYTES / (spec.vocabulary * FLOAT_BYTES));
  const columns = Math.min(MAX_COLUMNS, Math.max(MIN_COLUMNS, fitting));
  for (let from = 0; from < count; from += columns)
    pieces.push(buildPiece(graph, weights, normed, targets, weight, from, Math.min(columns, count - from)));
  const dNormed = pieces.map((piece) => piece.gradient).reduce((a, b) => context.concat(a, b, 1));
  const scaled = context.scale(dNormed, weight * spec.logitScale);
  addVectorGradient(graph, "output_norm.weight", () =>
    context.mul(scaled, context.rmsNorm(selected, spec.normEpsilon)),
  );
  const dSelected = context.rmsNormBack(context.mul(scaled, weights.outputNorm), selected, spec.normEpsilon);
  return {
    dSelected,
    fill: () => {
      for (const piece of pieces) piece.fill();
    },
    loss: () => pieces.reduce((sum, piece) => sum + piece.loss(), 0),
  };
}

/** Logits of normed rows, with the model's scale, bias and soft cap. */
export function outputLogits(c: TensorContext, spec: ModelSpec, weights: FrozenWeights, normed: Tensor): Tensor {
  return headForward(c, spec, weights, normed).logits;
}

/** Logits, and the derivative of the soft cap where there is one; the logit scale's derivative is left to the caller. */
function headForward(
  c: TensorContext,
  spec: ModelSpec,
  weights: FrozenWeights,
  normed: Tensor,
): { logits: Tensor; slope: Tensor | undefined } {
  let logits = weights.head.forward.multiply(c, normed);
  if (spec.logitScale !== 1) logits = c.scale(logits, spec.logitScale);
  if (weights.outputBias !== undefined) logits = c.add(logits, weights.outputBias);
  if (spec.finalSoftCap === undefined) return { logits, slope: undefined };
  const squashed = c.tanh(c.scale(logits, 1 / spec.finalSoftCap));
  return { logits: c.scale(squashed, spec.finalSoftCap), slope: c.scaleBias(c.square(squashed), -1, 1) };
}

function buildPiece(
  graph: PackGraph,
  weights: FrozenWeights,
  normed: Tensor,
  targets: SoftTargets,
  weight: number,
  from: number,
  count: number,
): Piece {
  const { context: c, spec } = graph;
  const { vocabulary, width } = spec;
  const k = targets.topCount;
  const row = normed.strides[1];
  const columns = c.view(normed, [width, count, 1, 1], [row, row * count, row * count], from * row);
  const { logits, slope } = headForward(c, spec, weights, columns);
  const p = c.softMax(logits, 1);
  const indices = c.input(TensorType.I32, count * k);
  const wanted = c.input(TensorType.F32, 1, count * k);
  const flat = c.reshape(p, 1, vocabulary * count);
  const picked = c.output(c.getRows(flat, indices));

  const zeros = c.input(TensorType.F32, 1, count * k);
  const others = c.reshape(c.setRows(flat, zeros, indices), vocabulary, count);
  let dOthers = slope === undefined ? others : c.mul(others, slope);
  let gradient = weights.head.backward.multiply(c, dOthers);
  const hasRest = targets.rest.subarray(from, from + count).some((rest) => rest > 0);
  let restWanted: Tensor | undefined;
  if (hasRest) {
    restWanted = c.input(TensorType.F32, 1, count);
    const rest = c.clamp(c.scaleBias(c.sumRows(c.reshape(picked, k, count)), -1, 1), MINIMAL_REST, 1);
    const factor = c.scaleBias(c.div(restWanted, rest), -1, 1);
    gradient = c.mul(gradient, factor);
    if (graph.layout.weights.size > 0) dOthers = c.mul(dOthers, factor);
  }
  const ids = c.input(TensorType.I32, count * k);
  const rows = c.reshape(c.getRows(weights.head.rows, ids), width, k, count);
  let difference = c.sub(picked, wanted);
  if (slope !== undefined) difference = c.mul(difference, c.getRows(c.reshape(slope, 1, vocabulary * count), indices));
  const named = c.outProd(rows, c.reshape(difference, 1, k, count));
  gradient = c.expand(c.add(gradient, c.reshape(named, width, count)));
  const head = graph.layout.weights.get(spec.isTied ? "token_embd.weight" : "output.weight");
  if (head !== undefined) {
    // All of the logits' gradient at once: by now nothing else reads the memory of the others'.
    const dLogits = c.reshape(
      c.setRows(c.reshape(dOthers, 1, vocabulary * count), difference, indices),
      vocabulary,
      count,
    );
    addOuterProduct(graph, head.offset, c.scale(columns, weight * spec.logitScale), dLogits);
    addVectorGradient(graph, "output.bias", () => c.scale(dLogits, weight));
  }

  const tokens = targets.tokens.subarray(from * k, (from + count) * k);
  const probabilities = targets.probabilities.subarray(from * k, (from + count) * k);
  const rests = targets.rest.subarray(from, from + count);
  return {
    gradient,
    fill: () => {
      indices.writeIntegers(tokens.map((token, i) => Math.floor(i / k) * vocabulary + token));
      ids.writeIntegers(tokens);
      zeros.clear();
      wanted.writeFloats(probabilities);
      restWanted?.writeFloats(rests);
    },
    loss: () => {
      const values = picked.floats();
      let sum = 0;
      for (let i = 0; i < count; i++) {
        let rest = 1;
        for (let j = i * k; j < (i + 1) * k; j++) {
          const q = probabilities[j]!;
          if (q > 0) sum += q * Math.log(q / Math.max(values[j]!, MINIMAL_PROBABILITY));
          rest -= values[j]!;
        }
        if (rests[i]! > 0) sum += rests[i]! * Math.log(rests[i]! / Math.max(rest, MINIMAL_REST));
      }
      return sum;
    },
  };
}
