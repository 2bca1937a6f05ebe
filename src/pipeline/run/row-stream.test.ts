import { expect, test } from "vitest";
import type { Row } from "../../artifacts.ts";
import type { Block, BlockContext } from "../block.ts";
import type { PipelineStep } from "../files/load-pipeline.ts";
import { testLeaf } from "../test-leaf.ts";
import { openRowStream } from "./row-stream.ts";

const columns = { inputColumns: [], outputColumns: (list: readonly string[]) => [...list] };
const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

function step(name: string, block: object, more: Partial<PipelineStep> = {}): PipelineStep {
  return {
    name,
    type: "TestBlock",
    block: { ...columns, ...block } as unknown as Block,
    dropColumns: [],
    dropDuplicates: [],
    ...more,
  };
}

async function run(steps: PipelineStep[], rows: Row[]) {
  const drops: string[] = [];
  const stream = openRowStream(
    steps,
    ({ name }) =>
      ({
        seeds: testLeaf(),
        seed: 1,
        ask: () => Promise.reject(new Error("no model here")),
        drop: (row: Row, reason: string) => drops.push(`${name}: ${row["n"]} ${reason}`),
      }) satisfies BlockContext,
  );
  for (const row of rows) stream.push(row);
  return { rows: await stream.end(), drops };
}

const numbers = (count: number): Row[] => Array.from({ length: count }, (_, n) => ({ n }));
/** Later rows are done first. */
const backwards = (work: (row: Row) => Row[], log?: string[]) => ({
  async runRow(row: Row) {
    await pause(20 - 4 * Number(row["n"]));
    log?.push(`done ${row["n"]}`);
    return work(row);
  },
});

test("results are in the order of the rows, whatever is done first", async () => {
  const twice = backwards((row) => [
    { ...row, part: "a" },
    { ...row, part: "b" },
  ]);
  const { rows } = await run([step("one", twice), step("two", { runRow: (row: Row) => [row] })], numbers(4));
  expect(rows.map(({ n, part }) => `${n}${part}`)).toEqual(["0a", "0b", "1a", "1b", "2a", "2b", "3a", "3b"]);
});

test("a row goes on before the rows ahead of it are done", async () => {
  const log: string[] = [];
  const second = {
    runRow: (row: Row) => {
      log.push(`next ${row["n"]}`);
      return [row];
    },
  };
  await run(
    [
      step(
        "one",
        backwards((row) => [row], log),
      ),
      step("two", second),
    ],
    numbers(3),
  );
  expect(log).toEqual(["done 2", "next 2", "done 1", "next 1", "done 0", "next 0"]);
});

test("of equal rows the first in order stays, over the whole table", async () => {
  const same = backwards((row) => [{ ...row, question: Number(row["n"]) % 2 }]);
  const { rows, drops } = await run([step("one", same, { dropDuplicates: ["question"], dropColumns: [] })], numbers(5));
  expect(rows.map(({ n }) => n)).toEqual([0, 1]);
  expect(drops).toEqual(["one: 2 duplicate question", "one: 3 duplicate question", "one: 4 duplicate question"]);
});

test("a table block sees all rows in order; columns go after a step", async () => {
  const reversed = { run: async (rows: readonly Row[]) => [...rows].reverse() };
  const { rows } = await run(
    [
      step(
        "one",
        backwards((row) => [{ ...row, extra: 1 }]),
        { dropColumns: ["extra"] },
      ),
      step("table", reversed),
      step("three", { runRow: async (row: Row) => [row] }),
    ],
    numbers(4),
  );
  expect(rows).toEqual([{ n: 3 }, { n: 2 }, { n: 1 }, { n: 0 }]);
});

test("one bad row is dropped with its reason; a table block that fails ends the run", async () => {
  const shaky = {
    runRow: (row: Row) => {
      if (row["n"] === 1) throw new Error("cannot be read\nsecond line");
      return row["n"] === 2 ? Promise.reject(new Error("answered nonsense")) : [row];
    },
  };
  const { rows, drops } = await run([step("one", shaky)], numbers(4));
  expect(rows.map(({ n }) => n)).toEqual([0, 3]);
  expect(drops.sort()).toEqual([
    "one: 1 TestBlock failed: cannot be read",
    "one: 2 TestBlock failed: answered nonsense",
  ]);
  const broken = { run: () => Promise.reject(new Error("no")) };
  await expect(run([step("table", broken)], numbers(2))).rejects.toMatchObject({
    code: "BLOCK_FAILED",
    message: "block 'table' failed: no",
  });
});

test("no rows, no steps, many rows", async () => {
  expect((await run([step("one", { runRow: (row: Row) => [row] })], [])).rows).toEqual([]);
  expect((await run([], numbers(2))).rows).toHaveLength(2);
  const many = await run([step("one", { runRow: async (row: Row) => [row] })], numbers(5000));
  expect(many.rows.map(({ n }) => n)).toEqual(numbers(5000).map(({ n }) => n));
});
