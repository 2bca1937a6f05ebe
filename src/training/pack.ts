/**
 * Packs sequences into as few micro-batches as fit, evenly filled: longest first, each into the emptiest pack (longest processing time,
 * Graham 1969). Even packs need less memory at the peak. Attention stays inside each sequence, so packing changes the work, never the result.
 */

/** @returns indices of `lengths` per pack; a sequence longer than `capacity` gets a pack of its own. */
export function packSequences(lengths: readonly number[], capacity: number): number[][] {
  const indices = lengths.map((_, index) => index);
  const fitting = indices.filter((index) => lengths[index]! <= capacity);
  const oversized = indices.filter((index) => lengths[index]! > capacity).map((index) => [index]);
  const order = fitting.sort((a, b) => lengths[b]! - lengths[a]! || a - b);
  // Best fit sometimes needs a pack less than even filling does; it is the bound.
  const tight = fillTightly(order, lengths, capacity);
  const total = order.reduce((sum, index) => sum + lengths[index]!, 0);
  for (let count = Math.ceil(total / capacity); count <= tight.length; count++) {
    const even = fillEvenly(order, lengths, count);
    if (even.every((pack) => pack.load <= capacity)) return [...oversized, ...even.map(membersOf)];
  }
  return [...oversized, ...tight.map(membersOf)];
}

interface Pack {
  load: number;
  members: number[];
}

/** Each into the pack that holds least; the first of several. */
function fillEvenly(order: readonly number[], lengths: readonly number[], count: number): Pack[] {
  const packs = Array.from({ length: count }, (): Pack => ({ load: 0, members: [] }));
  for (const index of order) {
    const emptiest = packs.reduce((best, pack) => (pack.load < best.load ? pack : best));
    emptiest.load += lengths[index]!;
    emptiest.members.push(index);
  }
  return packs;
}

/** Each into the fullest pack that still has room (best fit decreasing). */
function fillTightly(order: readonly number[], lengths: readonly number[], capacity: number): Pack[] {
  const packs: Pack[] = [];
  for (const index of order) {
    const length = lengths[index]!;
    let best: Pack | undefined;
    for (const pack of packs)
      if (pack.load + length <= capacity && (best === undefined || pack.load > best.load)) best = pack;
    if (best === undefined) {
      best = { load: 0, members: [] };
      packs.push(best);
    }
    best.load += length;
    best.members.push(index);
  }
  return packs;
}

function membersOf({ members }: Pack): number[] {
  return members.sort((a, b) => a - b);
}
