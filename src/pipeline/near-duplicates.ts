/**
 * Finds texts that say nearly the same: MinHash signatures over character shingles (Broder 1997), candidates by banding (locality-sensitive hashing), and
 * the exact Jaccard similarity of every candidate. Texts whose numbers differ are never near duplicates: "in 1286" is not "in 1287".
 */

/** Characters per shingle. */
const SHINGLE = 5;
/** 8 bands of 8: a pair of similarity 0.9 becomes a candidate with probability 0.99, one of 0.6 with 0.13. */
const BANDS = 8;
const ROWS_PER_BAND = 8;
const SIGNATURE = BANDS * ROWS_PER_BAND;

export interface NearDuplicateIndex {
  /**
   * Index of an earlier text of which every part has at least the similarity with the same part here; otherwise undefined, and the text is
   * remembered. Parts keep a question from being outweighed by a long answer.
   */
  findOrAdd(...parts: string[]): number | undefined;
}

/** @param similarity share of common shingles, of all that either text has, from which on two texts are the same. */
export function createNearDuplicateIndex(similarity: number): NearDuplicateIndex {
  const { multipliers, increments } = hashFamily();
  const buckets = new Map<string, number[]>();
  const kept: { parts: Uint32Array[]; numbers: string; index: number }[] = [];
  const signature = new Uint32Array(SIGNATURE);
  let count = 0;

  return {
    findOrAdd(...texts) {
      const index = count++;
      const normal = texts.map(normalise);
      const numbers = (normal.join(" ").match(/\p{N}+/gu) ?? []).join(" ");
      const parts = normal.map(shingleHashes);
      signature.fill(0xffffffff);
      for (const shingle of shingleHashes(normal.join(" ")))
        for (let place = 0; place < SIGNATURE; place++) {
          const hash = (Math.imul(shingle, multipliers[place]!) + increments[place]!) >>> 0;
          if (hash < signature[place]!) signature[place] = hash;
        }
      const keys = Array.from(
        { length: BANDS },
        (_, band) => `${band}:${signature.subarray(band * ROWS_PER_BAND, (band + 1) * ROWS_PER_BAND).join(",")}`,
      );
      const seen = new Set<number>();
      for (const key of keys)
        for (const candidate of buckets.get(key) ?? []) {
          if (seen.has(candidate)) continue;
          seen.add(candidate);
          const other = kept[candidate]!;
          if (
            other.numbers === numbers &&
            other.parts.every((shingles, part) => jaccard(shingles, parts[part]!) >= similarity)
          )
            return other.index;
        }
      const place = kept.push({ parts, numbers, index }) - 1;
      for (const key of keys) {
        const bucket = buckets.get(key);
        if (bucket === undefined) buckets.set(key, [place]);
        else bucket.push(place);
      }
      return undefined;
    },
  };
}

function normalise(text: string): string {
  return text
    .normalize("NFKC")
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, " ")
    .trim();
}

/** Distinct, in rising order. A text shorter than a shingle is one shingle. */
function shingleHashes(text: string): Uint32Array {
  const count = Math.max(1, text.length - SHINGLE + 1);
  const hashes = new Uint32Array(count);
  for (let start = 0; start < count; start++) {
    // FNV-1a over the shingle's code units.
    let hash = 0x811c9dc5;
    for (let place = start; place < Math.min(start + SHINGLE, text.length); place++)
      hash = Math.imul(hash ^ text.charCodeAt(place), 0x01000193);
    hashes[start] = hash >>> 0;
  }
  hashes.sort();
  let length = 0;
  for (const hash of hashes) if (length === 0 || hashes[length - 1] !== hash) hashes[length++] = hash;
  return hashes.slice(0, length);
}

/** Of two rising lists. */
function jaccard(a: Uint32Array, b: Uint32Array): number {
  let common = 0;
  for (let i = 0, j = 0; i < a.length && j < b.length; ) {
    if (a[i] === b[j]) {
      common += 1;
      i += 1;
      j += 1;
    } else if (a[i]! < b[j]!) i += 1;
    else j += 1;
  }
  return common / (a.length + b.length - common);
}

/** h(x) = a x + b modulo 2^32 with odd a, from a fixed sequence (SplitMix32), so that every run finds the same. */
function hashFamily(): { multipliers: Uint32Array; increments: Uint32Array } {
  const multipliers = new Uint32Array(SIGNATURE);
  const increments = new Uint32Array(SIGNATURE);
  let state = 0x9e3779b9;
  const next = () => {
    state = (state + 0x9e3779b9) >>> 0;
    let z = state;
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return (z ^ (z >>> 15)) >>> 0;
  };
  for (let place = 0; place < SIGNATURE; place++) {
    multipliers[place] = next() | 1;
    increments[place] = next();
  }
  return { multipliers, increments };
}
