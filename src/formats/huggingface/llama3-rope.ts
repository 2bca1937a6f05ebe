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

/**
 * The four numbers behind the factors; undefined when no such numbers give them. Only ratios of the context to the two bounds can be
 * seen in the factors, so the context of Llama 3 itself is assumed.
 */
export function llama3RopeOf(factors: Float32Array, base: number, headSize: number): Llama3Rope | undefined {
  const factor = factors.reduce((a, b) => Math.max(a, b), 0);
  // Two points of the smooth part give the line s = slope / wavelength - offset.
  const between = [...factors.keys()].filter((i) => factors[i]! > 1.0001 && factors[i]! < factor * 0.9999);
  const common = {
    factor,
    low_freq_factor: 1,
    high_freq_factor: 4,
    original_max_position_embeddings: ORIGINAL_CONTEXT,
  };
  const candidates: Llama3Rope[] = [common];
  if (between.length >= 2) {
    const smooth = (i: number) => (1 / factors[i]! - 1 / factor) / (1 - 1 / factor);
    const [first, last] = [between[0]!, between.at(-1)!];
    const frequency = (i: number) => 1 / wavelength(i, base, headSize);
    const slope = (smooth(first) - smooth(last)) / (frequency(first) - frequency(last));
    const span = ORIGINAL_CONTEXT / slope;
    const low = (slope * frequency(first) - smooth(first)) * span;
    candidates.push({ ...common, low_freq_factor: low, high_freq_factor: low + span });
  }
  return candidates.find((candidate) => {
    const again = llama3Factors(candidate, base, headSize);
    return factors.length === again.length && factors.every((f, i) => Math.abs(f / again[i]! - 1) < 1e-4);
  });
}

function wavelength(index: number, base: number, headSize: number): number {
  return 2 * Math.PI * base ** ((2 * index) / headSize);
}
