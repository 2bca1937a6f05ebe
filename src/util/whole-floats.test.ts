import { expect, test } from "vitest";
import { isWholeFloat, noteWholeFloat, parseNotedJson, wholeFloatText, withWholeFloatsOf } from "./whole-floats.ts";

test("whole floats are noted at every depth; texts, integers and fractions are not", () => {
  const text = String.raw`{"a": 2.0, "b": 2, "c": "\"d\": 2.0, x 1e3", "e": {"f": [1, -3.00, 1e3, 0.5]}, "2.0": 1}`;
  const value = parseNotedJson(text) as { e: { f: number[] } };
  expect(JSON.stringify(value)).toBe(JSON.stringify(JSON.parse(text)));
  expect(["a", "b", "c", "e", "2.0"].filter((key) => isWholeFloat(value, key))).toEqual(["a"]);
  expect([0, 1, 2, 3].filter((index) => isWholeFloat(value.e.f, String(index)))).toEqual([1, 2]);
});

test("Python's words for what is no number are null, outside of texts", () => {
  expect(parseNotedJson('{"a": NaN, "b": [-Infinity, "NaN"], "c": Infinity, "d": 1.0}')).toMatchObject({
    ...{ a: null, b: [null, "NaN"], c: null, d: 1 },
  });
  expect(() => parseNotedJson('{"a": NaNa}')).toThrow(SyntaxError);
});

test("the note goes along with copies", () => {
  const row: Record<string, number> = { score: 2, n: 1 };
  noteWholeFloat(row, "score");
  expect(isWholeFloat({ ...row, more: 1 }, "score")).toBe(true);
  expect(isWholeFloat(withWholeFloatsOf(row, { score: 2 }), "score")).toBe(true);
  expect(Object.keys(row)).toEqual(["score", "n"]);
  expect(JSON.stringify(row)).toBe('{"score":2,"n":1}');
});

test.each([
  [2, "2.0"],
  [-0, "0.0"],
  [1e15, "1000000000000000.0"],
  [1e16, "1e+16"],
])("%d is written %s", (value, text) => expect(wholeFloatText(value)).toBe(text));

test.each(["{", '{"a": 2.0', "2.0", "[1.0]", '{"a": 02.0}'])("%s fails or not as JSON.parse does", (text) => {
  const attempt = (parse: (text: string) => unknown) => {
    try {
      return JSON.stringify(parse(text));
    } catch (error) {
      return (error as Error).name;
    }
  };
  expect(attempt(parseNotedJson)).toEqual(attempt(JSON.parse));
});
