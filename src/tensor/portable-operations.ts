/**
 * Operations that some of ggml's backends lack, made of ones that all of them have (multiplication of matrices, row sums, copies):
 * Metal has no derivatives of norm and softmax, Vulkan's outer product takes no strides, none copies k-quants. On every device but the processor
 * these take the place of ggml's own, so that there is one graph for all devices and a test on one of them speaks for the others.
 */
import type { Tensor, TensorContext } from "./context.ts";
import { TensorType } from "./ggml.ts";

/** `a[m, t]`, `b[n, t]` -> `[m, n]`, summed over t. */
export function outerProduct(c: TensorContext, a: Tensor, b: Tensor): Tensor {
  return c.mulMat(c.contiguous(c.transpose(a)), c.contiguous(c.transpose(b)));
}

/** With r = 1 / sqrt(mean x² + epsilon) and y = r x: dx = r (dy - y mean(dy y)). */
export function rmsNormBack(c: TensorContext, gradient: Tensor, input: Tensor, epsilon: number): Tensor {
  const perElement = 1 / input.shape[0];
  const normed = c.rmsNorm(input, epsilon);
  const mean = c.scale(c.sumRows(c.mul(gradient, normed)), perElement);
  const root = c.squareRoot(c.scaleBias(c.sumRows(c.square(input)), perElement, epsilon));
  return c.div(c.sub(gradient, c.mul(normed, mean)), root);
}

/** dx = scale p (dp - sum(dp p)) */
export function softMaxBack(c: TensorContext, gradient: Tensor, probabilities: Tensor, scale: number): Tensor {
  const sum = c.sumRows(c.mul(gradient, probabilities));
  return c.scale(c.mul(probabilities, c.sub(gradient, sum)), scale);
}

/** Sums over the dimensions in which `like` has one element. */
export function repeatBack(c: TensorContext, a: Tensor, like: Tensor): Tensor {
  let sum = a;
  for (const dimension of [0, 1, 2, 3]) {
    if (like.shape[dimension] === sum.shape[dimension]) continue;
    const axes: [number, number, number, number] = [0, 1, 2, 3];
    [axes[0], axes[dimension]] = [dimension, 0];
    const swap = (tensor: Tensor) => (dimension === 0 ? tensor : c.contiguous(c.permute(tensor, ...axes)));
    sum = swap(c.sumRows(swap(sum)));
  }
  return sum;
}

/** Any weight type in 32 bits: reading all rows unpacks them. */
export function unpack(c: TensorContext, a: Tensor): Tensor {
  return c.getRows(a, c.cast(c.range(a.shape[1]), TensorType.I32));
}
