/**
 * The rows that stand best for all others (facility location): each is taken for how much nearer it brings the whole set to what was taken
 * already. The greedy choice is within 1 - 1/e of the best; evaluated lazily (Minoux 1978) it is the same at a fraction of the work.
 */

export interface Selection {
  /** Rows in the order in which they were taken. */
  rows: number[];
  /** How much each added; never rises. */
  gains: number[];
}

/**
 * @param vectors `count` unit vectors of one length, one behind the other. Memory: count² numbers of 4 bytes.
 * @param wanted rows to take at most.
 */
export function selectByFacilityLocation(vectors: Float32Array, count: number, wanted: number): Selection {
  const similarity = similarities(vectors, count);
  /** How near each row is to what was taken. */
  const nearest = new Float32Array(count);
  const gainOf = (row: number) => {
    let gain = 0;
    for (let other = 0, at = row * count; other < count; other++, at++) {
      const more = similarity[at]! - nearest[other]!;
      if (more > 0) gain += more;
    }
    return gain;
  };
  /** Gains as of when they were last worked out. They only fall, so that an old one is an upper bound. */
  const bounds = Float64Array.from({ length: count }, (_, row) => gainOf(row));
  const isFresh = new Uint8Array(count).fill(1);
  const selection: Selection = { rows: [], gains: [] };
  while (selection.rows.length < Math.min(wanted, count)) {
    let best = 0;
    for (let row = 1; row < count; row++) if (bounds[row]! > bounds[best]!) best = row;
    if (isFresh[best] === 0) {
      bounds[best] = gainOf(best);
      isFresh[best] = 1;
      continue;
    }
    selection.rows.push(best);
    selection.gains.push(bounds[best]!);
    bounds[best] = Number.NEGATIVE_INFINITY;
    for (let other = 0, at = best * count; other < count; other++, at++)
      if (similarity[at]! > nearest[other]!) nearest[other] = similarity[at]!;
    isFresh.fill(0);
  }
  return selection;
}

/** Cosines, moved to 0 … 1. */
function similarities(vectors: Float32Array, count: number): Float32Array {
  const dimensions = vectors.length / count;
  // Converted once instead of at every product, and two rows by two at a time, so that every number that is read serves twice.
  const values = Float64Array.from(vectors);
  const result = new Float32Array(count * count);
  const store = (a: number, b: number, cosine: number) => {
    result[a * count + b] = (1 + cosine) / 2;
    result[b * count + a] = (1 + cosine) / 2;
  };
  for (let a = 0; a < count; a += 2) {
    const nextA = Math.min(a + 1, count - 1);
    for (let b = a; b < count; b += 2) {
      const nextB = Math.min(b + 1, count - 1);
      let [s00, s01, s10, s11] = [0, 0, 0, 0];
      for (let i = 0; i < dimensions; i++) {
        const x0 = values[a * dimensions + i]!;
        const x1 = values[nextA * dimensions + i]!;
        const y0 = values[b * dimensions + i]!;
        const y1 = values[nextB * dimensions + i]!;
        s00 += x0 * y0;
        s01 += x0 * y1;
        s10 += x1 * y0;
        s11 += x1 * y1;
      }
      store(a, b, s00);
      store(a, nextB, s01);
      store(nextA, b, s10);
      store(nextA, nextB, s11);
    }
  }
  return result;
}
