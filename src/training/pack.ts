/**
 * Packs sequences into micro-batches without padding: longest first, each into the fullest pack that still has room (best fit
 * decreasing). Attention stays inside each sequence, so packing changes the work, never the result.
 */

/** @returns indices of `lengths` per pack; a sequence longer than `capacity` gets a pack of its own. */
export function packSequences(lengths: readonly number[], capacity: number): number[][] {
  const order = lengths.map((_, index) => index).sort((a, b) => lengths[b]! - lengths[a]! || a - b);
  const packs: { room: number; members: number[] }[] = [];
  for (const index of order) {
    const length = lengths[index]!;
    let best: (typeof packs)[number] | undefined;
    for (const pack of packs) if (pack.room >= length && (best === undefined || pack.room < best.room)) best = pack;
    if (best === undefined) {
      best = { room: capacity, members: [] };
      packs.push(best);
    }
    best.room -= length;
    best.members.push(index);
  }
  return packs.map((pack) => pack.members.sort((a, b) => a - b));
}
