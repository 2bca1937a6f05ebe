/**
 * Adds rows of s B A to rows of weights, in 32 bits. Four directions of A are added at once, so that each weight is loaded and stored a
 * quarter as often; that is what bounds the speed.
 */
const AT_ONCE = 4;

export interface LoraProduct {
  /** @param values rows of `columns` values, changed in place. @param b as many rows of `rank` values. */
  addRows: (values: Float32Array, b: Float32Array) => void;
}

/** @param a `rank` rows of `columns` values. */
export function createLoraProduct(a: Float32Array, columns: number, scale: number): LoraProduct {
  const rank = a.length / columns;
  const none = new Float32Array(columns);
  const directions = Array.from({ length: Math.ceil(rank / AT_ONCE) * AT_ONCE }, (_, r) =>
    r < rank ? a.subarray(r * columns, (r + 1) * columns) : none,
  );
  return {
    addRows(values, b) {
      for (let row = 0; row * rank < b.length; row++) {
        const target = values.subarray(row * columns, (row + 1) * columns);
        const factor = (r: number) => (r < rank ? scale * b[row * rank + r]! : 0);
        for (let r = 0; r < rank; r += AT_ONCE) {
          const [f0, f1, f2, f3] = [factor(r), factor(r + 1), factor(r + 2), factor(r + 3)];
          const [d0, d1, d2, d3] = [directions[r]!, directions[r + 1]!, directions[r + 2]!, directions[r + 3]!];
          for (let i = 0; i < columns; i++)
            target[i] = target[i]! + f0 * d0[i]! + f1 * d1[i]! + f2 * d2[i]! + f3 * d3[i]!;
        }
      }
    },
  };
}
