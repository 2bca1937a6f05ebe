/**
 * The draws of numpy's legacy `RandomState(seed).choice(count, size)` (with replacement), which the Python program's sampling rests on: Mersenne
 * Twister (Matsumoto and Nishimura 1998, MT19937), numbers below a bound by masking and trying again.
 */

const SIZE = 624;
const SHIFT = 397;

/** Indices below `count`, one after another, as numpy draws them. */
export function createNumpyChoice(seed: number, count: number): () => number {
  const next = createTwister(seed);
  const largest = count - 1;
  // numpy draws nothing when there is nothing to choose from.
  if (largest === 0) return () => 0;
  const mask = 2 ** (32 - Math.clz32(largest)) - 1;
  return () => {
    for (;;) {
      const value = (next() & mask) >>> 0;
      if (value <= largest) return value;
    }
  };
}

function createTwister(seed: number): () => number {
  const state = new Uint32Array(SIZE);
  state[0] = seed;
  for (let i = 1; i < SIZE; i++) {
    const previous = state[i - 1]! ^ (state[i - 1]! >>> 30);
    state[i] = Math.imul(1812433253, previous) + i;
  }
  let position = SIZE;
  const renew = () => {
    for (let i = 0; i < SIZE; i++) {
      const joined = (state[i]! & 0x80000000) | (state[(i + 1) % SIZE]! & 0x7fffffff);
      state[i] = state[(i + SHIFT) % SIZE]! ^ (joined >>> 1) ^ (joined & 1 ? 0x9908b0df : 0);
    }
    position = 0;
  };
  return () => {
    if (position === SIZE) renew();
    let value = state[position++]!;
    value ^= value >>> 11;
    value ^= (value << 7) & 0x9d2c5680;
    value ^= (value << 15) & 0xefc60000;
    return (value ^ (value >>> 18)) >>> 0;
  };
}
