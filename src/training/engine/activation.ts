/**
 * The gate of the feed-forward part, forward and backward: activation(gate) * up, where gate and up are the two halves of one matrix.
 * ggml has no derivative of gelu and a slow one of silu; both are written as operations.
 */
import type { Tensor, TensorContext } from "../../tensor/context.ts";
import type { PackGraph } from "./pack-graph.ts";

/** gelu(x) = x sigmoid(v), v = 2 SLOPE x (1 + CUBE x²): the approximation that llama.cpp uses (arXiv 1606.08415). */
const SLOPE = Math.sqrt(2 / Math.PI);
const CUBE = 0.044715;
/** Makes zero divisible and changes no other number that matters. */
const TINY = 1e-30;

export function gatedForward({ context: c, spec }: PackGraph, gateUp: Tensor): Tensor {
  // The same operation as llama.cpp's, which on the CPU reads gelu from a table in half precision.
  return spec.activation === "gelu" ? c.geglu(gateUp) : c.swiglu(gateUp);
}

/** Gradient of gate and up, one above the other as in `gateUp`. */
export function gatedBackward({ context: c, spec }: PackGraph, gateUp: Tensor, dResult: Tensor): Tensor {
  const gate = c.contiguous(c.rows(gateUp, 0, spec.feedForward));
  const up = c.rows(gateUp, spec.feedForward, spec.feedForward);
  const { value, derivative } = spec.activation === "gelu" ? gelu(c, gate) : silu(c, gate);
  return c.concat(c.mul(c.mul(dResult, up), derivative), c.mul(dResult, value), 0);
}

/** ggml's silu is written for vectors; its sigmoid, tanh and derivative of silu are not, and take ten times as long. */
function sigmoidAndSilu(c: TensorContext, x: Tensor): { sigmoid: Tensor; silu: Tensor } {
  const divisible = c.scaleBias(x, 1, TINY);
  const silu = c.silu(divisible);
  return { sigmoid: c.div(silu, divisible), silu };
}

function silu(c: TensorContext, x: Tensor): { value: Tensor; derivative: Tensor } {
  // silu' = s + x s (1 - s)
  const { sigmoid, silu: value } = sigmoidAndSilu(c, x);
  return { value, derivative: c.add(value, c.mul(sigmoid, c.scaleBias(value, -1, 1))) };
}

function gelu(c: TensorContext, x: Tensor): { value: Tensor; derivative: Tensor } {
  const squares = c.square(x);
  const v = c.mul(x, c.scaleBias(squares, 2 * SLOPE * CUBE, 2 * SLOPE));
  const { sigmoid } = sigmoidAndSilu(c, v);
  const value = c.mul(x, sigmoid);
  // gelu' = s + x s (1 - s) v'
  const dv = c.scaleBias(squares, 6 * SLOPE * CUBE, 2 * SLOPE);
  const derivative = c.add(sigmoid, c.mul(c.mul(value, c.scaleBias(sigmoid, -1, 1)), dv));
  return { value, derivative };
}
