import { expect, test } from "vitest";
import { mathText } from "./math-text.ts";
import { childNamed, parseMarkup } from "./parse-markup.ts";

test.each([
  ["<mi>E</mi><mo>=</mo><mi>m</mi><msup><mi>c</mi><mn>2</mn></msup>", "E=mc²"],
  ["<mfrac><mrow><mi>a</mi><mo>+</mo><mi>b</mi></mrow><mn>10</mn></mfrac>", "(a+b)/10"],
  ["<msqrt><mn>2</mn><mi>x</mi></msqrt><mroot><mi>y</mi><mn>3</mn></mroot>", "√(2x)y^(1/3)"],
  ["<munderover><mo>∑</mo><mrow><mi>i</mi><mo>=</mo><mn>1</mn></mrow><mi>k</mi></munderover>", "∑_(i=1)^k"],
  ["<msub><mi>x</mi><mn>1</mn></msub>\n <msubsup><mi>y</mi><mn>0</mn><mn>2</mn></msubsup>", "x_1y_0²"],
  ["<mtable><mtr><mtd><mn>1</mn></mtd><mtd><mn>2</mn></mtd></mtr></mtable>", "1, 2; "],
  ["<semantics><mi>x</mi><annotation encoding='application/x-tex'> \\alpha </annotation></semantics>", "\\alpha"],
])("%s", (inside, expected) => {
  expect(mathText(childNamed(parseMarkup(`<math>${inside}</math>`), "math")!)).toBe(expected);
});

test("nesting costs no more than its length", () => {
  const started = performance.now();
  expect(mathText(parseMarkup(`${"<math><mrow>".repeat(50_000)}x`))).toBe("x");
  expect(performance.now() - started).toBeLessThan(2000);
});
