import { expect, test } from "vitest";
import type { GeneratedLeaf, Row } from "../../artifacts.ts";
import { createRandomSource } from "../../util/rng.ts";
import { testLeaf } from "../test-leaf.ts";
import { createNearDuplicateIndex } from "./near-duplicates.ts";
import { removeDuplicates } from "./remove-duplicates.ts";

/** The same question decided pair by pair, with sets of shingles. */
function slowSimilarity(a: string, b: string): number {
  const shingles = (text: string) =>
    new Set(Array.from({ length: text.length - 4 }, (_, at) => text.slice(at, at + 5)));
  const [left, right] = [shingles(a), shingles(b)];
  const common = [...left].filter((shingle) => right.has(shingle)).length;
  return common / (left.size + right.size - common);
}

test("finds what comparing every pair finds", () => {
  const random = createRandomSource(7);
  const words = "stone river market winter bridge lantern harvest meadow signal copper weaver orchard".split(" ");
  const sentence = () => Array.from({ length: 60 }, () => words[random.integer(words.length)]).join(" ");
  const bases = Array.from({ length: 60 }, sentence);
  const changed = bases.map((text, index) => {
    const list = text.split(" ");
    for (let change = 0; change < index % 6; change++) list[random.integer(list.length)] = "xylophone";
    return list.join(" ");
  });
  const index = createNearDuplicateIndex(0.8);
  for (const text of bases) expect(index.findOrAdd(text)).toBeUndefined();
  let pairs = 0;
  for (const [place, text] of changed.entries()) {
    const similarity = slowSimilarity(bases[place]!, text);
    // Candidates are found by chance: certain for equal texts, likely far above the bound, impossible below it.
    if (similarity >= 0.93) expect(index.findOrAdd(text)).toBe(place);
    else if (similarity < 0.8) expect(index.findOrAdd(text)).not.toBe(place);
    if (similarity >= 0.93) pairs += 1;
  }
  expect(pairs).toBeGreaterThan(10);
});

test("another number is another text; case and punctuation are not", () => {
  const index = createNearDuplicateIndex(0.8);
  const text = "The tower of Tarn was built by the masons of the hills in the year 1287, after the great fire.";
  expect(index.findOrAdd(text)).toBeUndefined();
  expect(index.findOrAdd(text.replace("1287", "1286"))).toBeUndefined();
  expect(index.findOrAdd(text.toUpperCase().replace(",", ";"))).toBe(0);
  expect(index.findOrAdd("ab")).toBeUndefined();
  expect(index.findOrAdd("ab")).toBe(3);
});

test("over all leaves the first row stays, and every other is accounted for", () => {
  const made = (name: string, rows: Row[]): GeneratedLeaf => ({
    leaf: { ...testLeaf().leaf, taxonomyPath: name },
    preprocessed: [],
    generated: rows,
    drops: [],
  });
  const pair = { question: "Who built the eastern gate of Tarn?", response: "A mason from the hills built it." };
  const [first, second] = removeDuplicates([
    made("a", [pair, { text: "A sentence." }, { text: "A sentence." }]),
    made("b", [
      pair,
      { ...pair, question: "Who built the western gate of Tarn?" },
      { ...pair, response: "a mason from the hills built it" },
    ]),
  ]);
  expect(first!.generated).toHaveLength(3);
  expect(second!.generated.map((row) => row["question"])).toEqual(["Who built the western gate of Tarn?"]);
  expect(second!.drops.map(({ reason, count }) => [reason, count])).toEqual([
    ["equal to a row of a", 1],
    ["nearly equal to a row of a", 1],
  ]);
});
