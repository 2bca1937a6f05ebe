/** What a pack asks of the engine: which row predicts which token, and what is shared. */
import { expect, test } from "vitest";
import { layOutPack } from "./lay-out-pack.ts";

const sample = (tokens: number[], from: number) => ({
  tokens: Int32Array.from(tokens),
  counted: Uint8Array.from(tokens, (_, t) => (t >= from ? 1 : 0)),
});

test("a counted token is predicted from the one before it, inside its own sample", () => {
  const pack = layOutPack([sample([5, 6, 7, 8], 2), sample([9, 10, 11], 0)]);
  expect([...pack.tokens]).toEqual([5, 6, 7, 8, 9, 10, 11]);
  expect(pack.segments).toEqual([
    { start: 0, length: 4 },
    { start: 4, length: 3 },
  ]);
  // 7 from 6, 8 from 7; 10 from 9, 11 from 10. Nothing predicts a sample's first token.
  expect([...pack.targets.rows]).toEqual([1, 2, 4, 5]);
  expect([...pack.targets.tokens]).toEqual([7, 8, 10, 11]);
});

test("a shared beginning stands once, and the first token behind it is predicted from its last", () => {
  const beginning = [1, 2, 3, 4, 5, 6, 7, 8, 9];
  const pack = layOutPack([sample([...beginning, 20, 21], 9), sample([30, 31], 1), sample([...beginning, 40], 9)]);
  expect([...pack.tokens]).toEqual([...beginning, 20, 21, 40, 30, 31]);
  expect(pack.segments).toEqual([
    { start: 0, length: 9 },
    { start: 9, length: 2, continues: 0 },
    { start: 11, length: 1, continues: 0 },
    { start: 12, length: 2 },
  ]);
  expect([...pack.targets.rows]).toEqual([8, 9, 8, 12]);
  expect([...pack.targets.tokens]).toEqual([20, 21, 40, 31]);
});

test("equal samples keep their last token for themselves", () => {
  const tokens = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
  const pack = layOutPack([sample(tokens, 1), sample(tokens, 1)]);
  expect(pack.tokens.length).toBe(11);
  expect([...pack.targets.tokens]).toEqual([...tokens.slice(1), ...tokens.slice(1)]);
});
