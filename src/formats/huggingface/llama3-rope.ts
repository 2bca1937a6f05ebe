/**
 * Llama 3's RoPE scaling. transformers keeps four numbers and derives a factor per frequency; llama.cpp keeps the factors
 * (`rope_freqs.weight`). Waves that fit the original context often enough stay, long ones are stretched by `factor`, between them it goes
 * over smoothly: 1 / f = (1 - s) / factor + s with s = (context / wavelength - low) / (high - low).
 */
export interface Llama3Rope {
  factor: number;
  low_freq_factor: number;
  high_freq_factor: number;
  original_max_position_embeddings: number;
}

/** `headSize / 2` factors that frequencies are divided by. */
export function llama3Factors(rope: Llama3Rope, base: number, headSize: number): Float32Array {
  const { factor, low_freq_factor: low, high_freq_factor: high, original_max_position_embeddings: context } = rope;
  return Float32Array.from({ length: headSize / 2 }, (_, i) => {
    const wavesInContext = context / wavelength(i, base, headSize);
    if (wavesInContext > high) return 1;
    if (wavesInContext < low) return factor;
    const smooth = (wavesInContext - low) / (high - low);
    return 1 / ((1 - smooth) / factor + smooth);
  });
}

const ORIGINAL_CONTEXT = 8192;
const LOW = 1;
const HIGH = 4;

/**
 * The four numbers behind the factors; undefined when no such numbers give them. Only ratios of the context to the two bounds can be
 * seen in the factors, and not even those in few of them, so the numbers of Llama 3 itself are assumed as far as they fit.
 */
export function llama3RopeOf(factors: Float32Array, base: number, headSize: number): Llama3Rope | undefined {
  const factor = factors.reduce((a, b) => Math.max(a, b), 0);
  const wave = (i: number) => wavelength(i, base, headSize);
  const smooth = (i: number) => (1 / factors[i]! - 1 / factor) / (1 - 1 / factor);
  const between = [...factors.keys()].filter((i) => factors[i]! > 1.0001 && factors[i]! < factor * 0.9999);
  const [first, last] = [between[0], between.at(-1)];
  const candidate = (context: number, low = LOW, high = HIGH): Llama3Rope => ({
    factor,
    low_freq_factor: low,
    high_freq_factor: high,
    original_max_position_embeddings: context,
  });
  const candidates = [candidate(ORIGINAL_CONTEXT)];
  // One point of the smooth part gives the context.
  if (first !== undefined) candidates.push(candidate(Math.round(wave(first) * (LOW + (HIGH - LOW) * smooth(first)))));
  if (first !== undefined && last !== first) {
    // Two points give the line s = slope / wavelength - offset.
    const slope = (smooth(first) - smooth(last!)) / (1 / wave(first) - 1 / wave(last!));
    const span = ORIGINAL_CONTEXT / slope;
    const low = (slope / wave(first) - smooth(first)) * span;
    candidates.push(candidate(ORIGINAL_CONTEXT, low, low + span));
  }
  // None: it lies between the last wave that stays and the first that is stretched.
  const stretched = factors.findIndex((value) => value > 1.0001);
  if (first === undefined && stretched > 0)
    candidates.push(candidate(Math.round(Math.sqrt(HIGH * wave(stretched - 1) * LOW * wave(stretched)))));
  return candidates.find((each) => {
    const again = llama3Factors(each, base, headSize);
    return factors.length === again.length && factors.every((value, i) => Math.abs(value / again[i]! - 1) < 1e-4);
  });
}

function wavelength(index: number, base: number, headSize: number): number {
  return 2 * Math.PI * base ** ((2 * index) / headSize);
}
