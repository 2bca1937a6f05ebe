import { expect, test } from "vitest";
import { docxListNumber } from "./docx-list-number.ts";

test.each<[string, string]>([
  ["lowerLetter", "a b z aa bb"],
  ["upperLetter", "A B Z AA BB"],
  ["lowerRoman", "i ii xxvi xxvii xxviii"],
  ["upperRoman", "I II XXVI XXVII XXVIII"],
  ["decimal", "1 2 26 27 28"],
])("%s", (format, expected) => {
  expect([1, 2, 26, 27, 28].map((number) => docxListNumber(number, format)).join(" ")).toBe(expected);
});

test("numbers that have no such form stay figures", () => {
  expect(docxListNumber(1994, "upperRoman")).toBe("MCMXCIV");
  expect([0, 4000].map((number) => docxListNumber(number, "lowerRoman"))).toEqual(["0", "4000"]);
  expect(docxListNumber(0, "lowerLetter")).toBe("0");
  expect(docxListNumber(1e9, "lowerLetter").length).toBeLessThan(20);
});
