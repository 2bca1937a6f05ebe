import { mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { countDataRows, type DataRow, readDataFile, writeDataFile } from "./data-file.ts";

const directory = await mkdtemp(join(tmpdir(), "data-file-"));
async function* from(rows: readonly DataRow[]) {
  yield* rows;
}
async function all(path: string) {
  const rows: DataRow[] = [];
  for await (const row of readDataFile(path)) rows.push(row);
  return rows;
}
async function roundTrip(name: string, rows: readonly DataRow[]) {
  const path = join(directory, name);
  await writeDataFile(path, () => from(rows));
  expect(await countDataRows(path)).toBe(rows.length);
  return all(path);
}

const samples: DataRow[] = [
  {
    messages: [
      { role: "user", content: "Größe 5/8?\u2028\u0085 🙂" },
      { role: "assistant", content: "" },
    ],
    metadata: '{"a": 1}',
    id: "x",
    unmask: true,
  },
  { messages: [], metadata: null, id: "y", unmask: false },
];

test.each(["a.jsonl", "a.parquet", "A.PARQUET"])("message rows come back from %s as they were", async (name) => {
  expect(await roundTrip(name, samples)).toEqual(samples);
});

test("Parquet keeps numbers, lists, objects and what has several types", async () => {
  const rows = [
    {
      whole: 1,
      part: 0.5,
      large: 2 ** 40,
      list: [1, 2],
      nested: { a: [{ b: "c" }], d: null },
      mixed: "text",
      none: null,
    },
    { whole: -2147483648, part: 2, large: 0, list: [], nested: { a: [], d: true }, mixed: 7, none: null },
    { whole: null, part: -0.25, large: 5, list: [3], nested: null, mixed: { k: ["v"] }, none: null },
  ];
  expect(JSON.stringify(await roundTrip("b.parquet", rows))).toBe(JSON.stringify(rows));
});

test("whole numbers that are floats stay floats, from and to lines and Parquet", async () => {
  const lines =
    '{"score":2.0,"rank":2,"parts":[1.0,1],"inner":{"x":-3.0}}\n{"score":0.5,"rank":1,"parts":[],"inner":{"x":4.0}}\n';
  await writeFile(join(directory, "f.jsonl"), lines);
  const copy = async (from: string, to: string) =>
    await writeDataFile(join(directory, to), () => readDataFile(join(directory, from)));
  await copy("f.jsonl", "g.jsonl");
  expect(await readFile(join(directory, "g.jsonl"), "utf8")).toBe(lines);
  await copy("f.jsonl", "f.parquet");
  await copy("f.parquet", "h.jsonl");
  const [first, second] = (await readFile(join(directory, "h.jsonl"), "utf8")).split("\n");
  // Inside lists and objects of Parquet files the difference is not read.
  expect(first).toBe('{"score":2.0,"rank":2,"parts":[1,1],"inner":{"x":-3}}');
  expect(second).toBe('{"score":0.5,"rank":1,"parts":[],"inner":{"x":4}}');
});

test("Parquet of several row groups is read whole and in order", async () => {
  const rows = Array.from({ length: 4321 }, (_, index) => ({ index, text: `row ${index}` }));
  expect(await roundTrip("c.parquet", rows)).toEqual(rows);
});

test("a file without rows stays one", async () => {
  expect(await roundTrip("d.parquet", [])).toEqual([]);
  expect(await roundTrip("d.jsonl", [])).toEqual([]);
});

test("lines end at line feeds alone; blank ones do not count", async () => {
  const path = join(directory, "e.jsonl");
  await writeFile(path, `\ufeff{"a": "x\u2028y\u0085z"}\r\n\n  \n{"a": 2}`);
  expect(await all(path)).toEqual([{ a: "x\u2028y\u0085z" }, { a: 2 }]);
  expect(await countDataRows(path)).toBe(2);
});

test("what is no data is refused with its place", async () => {
  await writeFile(join(directory, "f.parquet"), "PAR1 and nothing");
  await writeFile(join(directory, "f.jsonl"), "{}\n[1]\n");
  await expect(all(join(directory, "f.parquet"))).rejects.toMatchObject({ code: "PARQUET_INVALID" });
  await expect(all(join(directory, "f.jsonl"))).rejects.toThrow(/f\.jsonl:2: /);
  await expect(all(join(directory, "none.jsonl"))).rejects.toMatchObject({ code: "DATA_NOT_FOUND" });
});
