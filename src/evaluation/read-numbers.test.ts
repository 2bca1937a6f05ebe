import { expect, test } from "vitest";
import { readNumbers } from "./read-numbers.ts";

test.each([
  ["1,200 people", ["1200"]],
  ["1200", ["1200"]],
  ["1\u202F200", ["1200"]],
  ["twelve", ["12"]],
  ["twelve hundred", ["1200"]],
  ["the 5th day and the fifth night", ["5", "5"]],
  ["75kg, 11 kilometres", ["75", "11"]],
  ["twenty-one", ["21"]],
  ["Twenty one boats", ["21"]],
  ["two hundred and five", ["205"]],
  ["one hundred and twenty thousand", ["120000"]],
  ["1.2 million", ["1200000"]],
  ["two thousand five hundred", ["2500"]],
  ["in 1731, in 1898.", ["1731", "1898"]],
  ["3.5 metres", ["3.5"]],
  ["1.50 is 1.5", ["1.5", "1.5"]],
  ["six times, twice a day", ["6", "2"]],
  ["a dozen eggs, two dozen", ["12", "24"]],
  ["two, three", ["2", "3"]],
  ["two three", ["2", "3"]],
  ["twenty and five", ["20", "5"]],
  ["from 10 to 20", ["10", "20"]],
  ["10:30", ["10", "30"]],
  ["1,2", ["1", "2"]],
  ["ninth-century, the 19th century", ["9", "19"]],
  ["one of the oldest; no one; the one who", []],
  ["one bridge", ["1"]],
  ["once upon a time, at first, a second later", []],
  ["hundreds of hundred-year-old trees", []],
  ["road A40", []],
  ["someone, often, tent, weight", []],
  ["", []],
])("%j holds %j", (text, expected) => {
  expect(readNumbers(text).map(({ value }) => value)).toEqual(expected);
});

test("positions cover the number", () => {
  const text = "about two hundred and five boats";
  expect(readNumbers(text).map(({ start, end }) => text.slice(start, end))).toEqual(["two hundred and five"]);
});
