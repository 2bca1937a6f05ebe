/**
 * What training leaves to chance, as a function of one seed per pack, so that a run that goes on later draws the same: dropout in front of adapters,
 * and noise on the embeddings (NEFTune, arXiv 2310.05914).
 */
import type { Tensor, TensorContext } from "../../tensor/context.ts";
import { TensorType } from "../../tensor/ggml.ts";
import { createRandomSource } from "../../util/rng.ts";
import type { Segment } from "./micro-batch.ts";

/** Each group of layers reads the same random numbers from another place, up to this many further on. */
const SHIFTS = 1 << 14;

export interface Dropout {
  /** Zeros and 1 / (1 - dropout), shaped as `like`; `group` numbers the layers that share it. */
  maskFor(c: TensorContext, like: Tensor, group: number): Tensor;
  fill: () => void;
}

/**
 * One pool of random numbers serves all layers: masks of their own for each would take as much memory as the activations.
 * @param largest elements of the largest activation that is masked.
 */
export function createDropout(c: TensorContext, probability: number, largest: number, seed: number): Dropout {
  const pool = c.input(TensorType.F32, largest + SHIFTS);
  const shifts = createRandomSource(seed);
  const places: number[] = [];
  return {
    maskFor(context, like, group) {
      while (places.length <= group) places.push(shifts.integer(SHIFTS));
      const [n0, n1] = like.shape;
      return context.view(pool, [n0, n1, 1, 1], [n0 * 4, n0 * n1 * 4, n0 * n1 * 4], places[group]! * 4);
    },
    fill() {
      const random = createRandomSource(seed ^ 0x5bd1_e995);
      const values = new Float32Array(pool.elements);
      const kept = 1 / (1 - probability);
      for (let i = 0; i < values.length; i++) values[i] = random.next() < probability ? 0 : kept;
      pool.writeFloats(values);
    },
  };
}

/** Uniform noise in ± alpha / sqrt(tokens of the segment × width) on every value of the embeddings. */
export function embeddingNoise(
  c: TensorContext,
  { width, tokens, segments }: { width: number; tokens: number; segments: readonly Segment[] },
  alpha: number,
  seed: number,
): { tensor: Tensor; fill: () => void } {
  const tensor = c.input(TensorType.F32, width, tokens);
  return {
    tensor,
    fill() {
      const random = createRandomSource(seed ^ 0x2545_f491);
      const values = new Float32Array(tensor.elements);
      for (const { start, length } of segments) {
        const strength = alpha / Math.sqrt(length * width);
        for (let i = start * width; i < (start + length) * width; i++) values[i] = (2 * random.next() - 1) * strength;
      }
      tensor.writeFloats(values);
    },
  };
}
