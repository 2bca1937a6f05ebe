/**
 * Finds texts that say nearly the same: MinHash signatures over character shingles (Broder 1997; one permutation cut into bins, Li, Owen and Zhang 2012,
 * empty bins filled from their neighbours, Shrivastava and Li 2014), candidates by banding, and the exact Jaccard similarity of every candidate. Texts whose numbers differ are never near duplicates: "in 1286" is not "in 1287".
 */
import { plainWords } from "../../util/plain-words.ts";

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

interface KeptText {
  parts: string[];
  numbers: string;
  index: number;
  /** Of each part; made when a candidate is first looked at, which most texts never are. */
  shingles?: Uint32Array[];
}

/** @param similarity share of common shingles, of all that either text has, from which on two texts are the same. */
export function createNearDuplicateIndex(similarity: number): NearDuplicateIndex {
  const buckets = new Map<number, KeptText[]>();
  const signature = new Uint32Array(SIGNATURE);
  let count = 0;

  return {
    findOrAdd(...texts) {
      const parts = texts.map(plainWords);
      const whole = parts.join(" ");
      const text: KeptText = { parts, numbers: (whole.match(/\p{N}+/gu) ?? []).join(" "), index: count++ };
      fillSignature(signature, whole);
      const keys = Array.from({ length: BANDS }, (_, band) => bandKey(signature, band));
      const seen = new Set<KeptText>();
      for (const key of keys)
        for (const other of buckets.get(key) ?? []) {
          if (seen.has(other)) continue;
          seen.add(other);
          if (other.numbers === text.numbers && isAlike(other, text, similarity)) return other.index;
        }
      for (const key of keys) {
        const bucket = buckets.get(key);
        if (bucket === undefined) buckets.set(key, [text]);
        else bucket.push(text);
      }
      return undefined;
    },
  };
}

function isAlike(a: KeptText, b: KeptText, similarity: number): boolean {
  a.shingles ??= a.parts.map(shingleHashes);
  b.shingles ??= b.parts.map(shingleHashes);
  return a.shingles.every((shingles, part) => jaccard(shingles, b.shingles![part]!) >= similarity);
}

/** Two bands with one key make a candidate too many at worst. */
function bandKey(signature: Uint32Array, band: number): number {
  let hash = 0;
  for (let row = band * ROWS_PER_BAND; row < (band + 1) * ROWS_PER_BAND; row++) hash = scramble(hash ^ signature[row]!);
  return hash * BANDS + band;
}

/** Distinct, in rising order. A text shorter than a shingle is one shingle. */
function shingleHashes(text: string): Uint32Array {
  const hashes = Uint32Array.from({ length: countShingles(text) }, (_, start) => shingleHash(text, start)).sort();
  let length = 0;
  for (const hash of hashes) if (length === 0 || hashes[length - 1] !== hash) hashes[length++] = hash;
  return hashes.slice(0, length);
}

function countShingles(text: string): number {
  return Math.max(1, text.length - SHINGLE + 1);
}

/** FNV-1a over the shingle's code units. */
function shingleHash(text: string, start: number): number {
  let hash = 0x811c9dc5;
  for (let place = start; place < Math.min(start + SHINGLE, text.length); place++)
    hash = Math.imul(hash ^ text.charCodeAt(place), 0x01000193);
  return hash >>> 0;
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

/** Marks a bin that no shingle fell into. */
const EMPTY = 0xffffffff;
/** Bins of the 32-bit hash: its upper 6 bits number them. */
const BIN_SHIFT = 26;

function fillSignature(signature: Uint32Array, text: string): void {
  signature.fill(EMPTY);
  for (let start = 0, count = countShingles(text); start < count; start++) {
    const hash = scramble(shingleHash(text, start));
    const bin = hash >>> BIN_SHIFT;
    if (hash < signature[bin]!) signature[bin] = hash;
  }
  const filled = Uint32Array.from(signature);
  for (let bin = 0; bin < SIGNATURE; bin++) {
    // The distance keeps bins that borrow from the same neighbour apart.
    let distance = 0;
    while (filled[(bin + distance) % SIGNATURE] === EMPTY && distance < SIGNATURE) distance += 1;
    if (distance > 0) signature[bin] = scramble(filled[(bin + distance) % SIGNATURE]! + distance);
  }
}

/** MurmurHash3's finaliser: every bit of the input moves every bit of the result. */
function scramble(value: number): number {
  let hash = value >>> 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
