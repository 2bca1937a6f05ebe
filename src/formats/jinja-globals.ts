/** What every Jinja template may name besides its own values: constants in both spellings, and a bounded `range()`. */

/** Longest `range()`. */
export const MAX_RANGE = 100_000;

/** @param tooLong the error for a `range()` of more numbers than `MAX_RANGE`. */
export function jinjaGlobals(tooLong: (length: number) => Error) {
  return {
    true: true,
    false: false,
    none: null,
    True: true,
    False: false,
    None: null,
    range(first: number, second?: number, step = 1): number[] {
      const [start, stop] = second === undefined ? [0, first] : [first, second];
      const length = Math.max(0, Math.ceil((stop - start) / step));
      if (!(length <= MAX_RANGE)) throw tooLong(length);
      return Array.from({ length }, (_, index) => start + index * step);
    },
  };
}
