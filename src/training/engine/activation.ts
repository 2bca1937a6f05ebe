/**
 * The gate of the feed-forward part, forward and backward: activation(gate) * up, where gate and up are the two halves of one matrix.
 * ggml has a derivative of silu and none of gelu, which is therefore written as operations.
 */
import type { Tensor, TensorContext } from "../../tensor/context.ts";
import type { PackGraph } from "./pack-graph.ts";

/** gelu(x) = x h(x) with h = (1 + tanh u) / 2, u = SLOPE x (1 + CUBE x²): the approximation that llama.cpp uses (arXiv 1606.08415). */
const SLOPE = Math.sqrt(2 / Math.PI);
const CUBE = 0.044715;

export function gatedForward({ context: c, spec }: PackGraph, gateUp: Tensor): Tensor {
  // The same operation as llama.cpp's, which on the CPU reads gelu from a table in half precision.
  return spec.activation === "gelu" ? c.geglu(gateUp) : c.swiglu(gateUp);
}

/** Gradient of gate and up, one above the other as in `gateUp`. */
export function gatedBackward({ context: c, spec }: PackGraph, gateUp: Tensor, dResult: Tensor): Tensor {
  const gate = c.rows(gateUp, 0, spec.feedForward);
  const up = c.rows(gateUp, spec.feedForward, spec.feedForward);
  const dActivated = c.mul(dResult, up);
  if (spec.activation === "silu") {
    const dUp = c.mul(dResult, c.silu(gate));
    return c.concat(c.siluBack(dActivated, gate), dUp, 0);
  }
  const { value, derivative } = gelu(c, c.contiguous(gate));
  return c.concat(c.mul(dActivated, derivative), c.mul(dResult, value), 0);
}

function gelu(c: TensorContext, x: Tensor): { value: Tensor; derivative: Tensor } {
  const squares = c.square(x);
  const u = c.mul(x, c.scaleBias(squares, SLOPE * CUBE, SLOPE));
  const h = c.scaleBias(c.tanh(u), 0.5, 0.5);
  const value = c.mul(x, h);
  // gelu' = h + x h' and h' = 2 h (1 - h) u'.
  const du = c.scaleBias(squares, 2 * 3 * SLOPE * CUBE, 2 * SLOPE);
  const derivative = c.add(h, c.mul(c.mul(value, c.scaleBias(h, -1, 1)), du));
  return { value, derivative };
}
