import { expect, test } from "vitest";
import { cutDocument } from "./cut-document.ts";

const document = (length: number, from = 1) => ({
  tokens: Int32Array.from({ length }, (_, i) => 100 + i),
  counted: Uint8Array.from({ length }, (_, i) => (i >= from ? 1 : 0)),
});

test.each([2, 3, 7, 8, 9, 50])("blocks of %i: none is longer, every token counts once, in order", (limit) => {
  for (const length of [1, 2, 3, 7, 8, 9, 15, 16, 40]) {
    const whole = document(length);
    const blocks = cutDocument(whole, limit);
    for (const { tokens, counted } of blocks) {
      expect(tokens.length).toBe(counted.length);
      expect(tokens.length).toBeLessThanOrEqual(limit);
      expect(counted[0]).toBe(0);
    }
    const learned = blocks.flatMap(({ tokens, counted }) => [...tokens].filter((_, i) => counted[i] === 1));
    expect(learned).toEqual([...whole.tokens.slice(1)]);
    expect(blocks.length).toBe(Math.max(1, Math.ceil((length - 1) / (limit - 1))));
  }
});

test("a block begins with the last token of the one before", () => {
  const blocks = cutDocument(document(7), 4);
  expect(blocks.map(({ tokens }) => [...tokens])).toEqual([
    [100, 101, 102, 103],
    [103, 104, 105, 106],
  ]);
});
