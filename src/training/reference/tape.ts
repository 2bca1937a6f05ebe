/**
 * A 64-bit reverse-mode differentiation tape for matrices: every operation records how to send its gradient back. Plain loops, no
 * shortcuts: this is what the engine's hand-written backward pass is held against.
 */

export interface Matrix {
  rows: number;
  columns: number;
  /** Row after row. */
  values: Float64Array;
  gradient: Float64Array;
}

export class Tape {
  readonly #steps: (() => void)[] = [];

  /** Sends gradients from the last operation to the first. */
  backward(): void {
    for (const step of this.#steps.toReversed()) step();
  }

  matrix(rows: number, columns: number, values: Float64Array = new Float64Array(rows * columns)): Matrix {
    return { rows, columns, values, gradient: new Float64Array(rows * columns) };
  }

  #result(rows: number, columns: number, back: (result: Matrix) => void): Matrix {
    const result = this.matrix(rows, columns);
    this.#steps.push(() => back(result));
    return result;
  }

  /** `x Wᵀ`: x `[rows, k]`, w `[m, k]` -> `[rows, m]`. */
  linear(x: Matrix, w: Matrix): Matrix {
    const k = x.columns;
    const result = this.#result(x.rows, w.rows, (y) => {
      for (let i = 0; i < y.rows; i++)
        for (let j = 0; j < y.columns; j++) {
          const g = y.gradient[i * y.columns + j]!;
          for (let l = 0; l < k; l++) {
            x.gradient[i * k + l]! += g * w.values[j * k + l]!;
            w.gradient[j * k + l]! += g * x.values[i * k + l]!;
          }
        }
    });
    for (let i = 0; i < x.rows; i++)
      for (let j = 0; j < w.rows; j++) {
        let sum = 0;
        for (let l = 0; l < k; l++) sum += x.values[i * k + l]! * w.values[j * k + l]!;
        result.values[i * w.rows + j] = sum;
      }
    return result;
  }

  #elementwise(
    a: Matrix,
    b: Matrix,
    value: (a: number, b: number) => number,
    da: (a: number, b: number) => number,
    db: (a: number, b: number) => number,
  ): Matrix {
    const result = this.#result(a.rows, a.columns, (y) => {
      for (let i = 0; i < y.gradient.length; i++) {
        a.gradient[i]! += y.gradient[i]! * da(a.values[i]!, b.values[i]!);
        b.gradient[i]! += y.gradient[i]! * db(a.values[i]!, b.values[i]!);
      }
    });
    for (let i = 0; i < result.values.length; i++) result.values[i] = value(a.values[i]!, b.values[i]!);
    return result;
  }

  add(a: Matrix, b: Matrix): Matrix {
    return this.#elementwise(
      a,
      b,
      (x, y) => x + y,
      () => 1,
      () => 1,
    );
  }

  mul(a: Matrix, b: Matrix): Matrix {
    return this.#elementwise(
      a,
      b,
      (x, y) => x * y,
      (_, y) => y,
      (x) => x,
    );
  }

  scale(a: Matrix, factor: number): Matrix {
    return this.map(
      a,
      (x) => factor * x,
      () => factor,
    );
  }

  /** Any function of one element and its derivative. */
  map(a: Matrix, f: (x: number) => number, derivative: (x: number) => number): Matrix {
    const result = this.#result(a.rows, a.columns, (y) => {
      for (let i = 0; i < y.gradient.length; i++) a.gradient[i]! += y.gradient[i]! * derivative(a.values[i]!);
    });
    for (let i = 0; i < result.values.length; i++) result.values[i] = f(a.values[i]!);
    return result;
  }

  /** Root-mean-square norm of every row, times `weight` per column. */
  rmsNorm(a: Matrix, weight: Float64Array, epsilon: number): Matrix {
    const n = a.columns;
    const inverse = (row: number) => {
      let squares = 0;
      for (let j = 0; j < n; j++) squares += a.values[row * n + j]! ** 2;
      return 1 / Math.sqrt(squares / n + epsilon);
    };
    const result = this.#result(a.rows, n, (y) => {
      for (let i = 0; i < a.rows; i++) {
        const r = inverse(i);
        let dot = 0;
        for (let j = 0; j < n; j++) dot += y.gradient[i * n + j]! * weight[j]! * a.values[i * n + j]!;
        for (let j = 0; j < n; j++)
          a.gradient[i * n + j]! += r * y.gradient[i * n + j]! * weight[j]! - (r ** 3 * dot * a.values[i * n + j]!) / n;
      }
    });
    for (let i = 0; i < a.rows; i++) {
      const r = inverse(i);
      for (let j = 0; j < n; j++) result.values[i * n + j] = a.values[i * n + j]! * r * weight[j]!;
    }
    return result;
  }

  /** A linear map of whole rows of columns `[from, from + count)` given by index and factor: rotation, slices. */
  gather(a: Matrix, columns: number, terms: (row: number, column: number) => [number, number][]): Matrix {
    const result = this.#result(a.rows, columns, (y) => {
      for (let i = 0; i < a.rows; i++)
        for (let j = 0; j < columns; j++)
          for (const [source, factor] of terms(i, j))
            a.gradient[i * a.columns + source]! += factor * y.gradient[i * columns + j]!;
    });
    for (let i = 0; i < a.rows; i++)
      for (let j = 0; j < columns; j++)
        for (const [source, factor] of terms(i, j))
          result.values[i * columns + j]! += factor * a.values[i * a.columns + source]!;
    return result;
  }

  /** Adds one number per column, which gets no gradient. */
  addVector(a: Matrix, vector: Float64Array): Matrix {
    const rows = this.matrix(a.rows, a.columns);
    for (let i = 0; i < a.rows; i++) rows.values.set(vector, i * a.columns);
    return this.add(a, rows);
  }

  /** cap * tanh(x / cap) */
  softCap(a: Matrix, cap: number): Matrix {
    return this.map(
      a,
      (x) => cap * Math.tanh(x / cap),
      (x) => 1 - Math.tanh(x / cap) ** 2,
    );
  }

  /** Causal attention of one head over the latest `window` positions: q, k, v `[tokens, headSize]`. */
  attention(q: Matrix, k: Matrix, v: Matrix, scale: number, softCap: number | undefined, window: number): Matrix {
    const scores = this.scale(this.linear(q, k), scale);
    const weights = this.#causalSoftMax(softCap === undefined ? scores : this.softCap(scores, softCap), window);
    return this.linear(weights, this.transpose(v));
  }

  transpose(a: Matrix): Matrix {
    const result = this.#result(a.columns, a.rows, (y) => {
      for (let i = 0; i < a.rows; i++)
        for (let j = 0; j < a.columns; j++) a.gradient[i * a.columns + j]! += y.gradient[j * a.rows + i]!;
    });
    for (let i = 0; i < a.rows; i++)
      for (let j = 0; j < a.columns; j++) result.values[j * a.rows + i] = a.values[i * a.columns + j]!;
    return result;
  }

  #causalSoftMax(a: Matrix, window: number): Matrix {
    const n = a.columns;
    const first = (row: number) => Math.max(0, row - window + 1);
    const result = this.#result(a.rows, n, (y) => {
      for (let i = 0; i < a.rows; i++) {
        let dot = 0;
        for (let j = first(i); j <= i; j++) dot += y.gradient[i * n + j]! * y.values[i * n + j]!;
        for (let j = first(i); j <= i; j++)
          a.gradient[i * n + j]! += y.values[i * n + j]! * (y.gradient[i * n + j]! - dot);
      }
    });
    for (let i = 0; i < a.rows; i++) {
      const row = a.values.subarray(i * n + first(i), i * n + i + 1);
      const largest = Math.max(...row);
      const sum = row.reduce((total, x) => total + Math.exp(x - largest), 0);
      for (const [j, x] of row.entries()) result.values[i * n + first(i) + j] = Math.exp(x - largest) / sum;
    }
    return result;
  }

  /** Stacks matrices of equal height beside each other. */
  beside(parts: Matrix[]): Matrix {
    const rows = parts[0]!.rows;
    const columns = parts.reduce((sum, part) => sum + part.columns, 0);
    const each = (visit: (part: Matrix, i: number, j: number, at: number) => void) => {
      for (let i = 0; i < rows; i++) {
        let offset = 0;
        for (const part of parts) {
          for (let j = 0; j < part.columns; j++) visit(part, i, j, i * columns + offset + j);
          offset += part.columns;
        }
      }
    };
    const result = this.#result(rows, columns, (y) =>
      each((part, i, j, at) => {
        part.gradient[i * part.columns + j]! += y.gradient[at]!;
      }),
    );
    each((part, i, j, at) => {
      result.values[at] = part.values[i * part.columns + j]!;
    });
    return result;
  }
}
