import { expect, test } from "vitest";
import { symbolCharacter, symbolText } from "./symbol-font.ts";

/** Codes of Adobe's Symbol encoding at the ends and in the middle of what the tables hold. */
test.each<[number, string]>([
  [0x22, "∀"],
  [0x39, "9"],
  [0x41, "Α"],
  [0x5a, "Ζ"],
  [0x61, "α"],
  [0x70, "π"],
  [0x7a, "ζ"],
  [0x7e, "∼"],
  [0xa3, "≤"],
  [0xae, "→"],
  [0xb0, "°"],
  [0xb3, "≥"],
  [0xb9, "≠"],
  [0xbb, "≈"],
  [0xc5, "⊕"],
  [0xce, "∈"],
  [0xd6, "√"],
  [0xde, "⇒"],
  [0xe0, "◊"],
  [0xe5, "∑"],
  [0xf2, "∫"],
])("Symbol %i", (code, expected) => {
  expect(symbolCharacter("Symbol", 0xf000 + code)).toBe(expected);
  expect(symbolCharacter("Symbol", code)).toBe(expected);
});

test("other fonts, other codes", () => {
  expect(symbolCharacter("Wingdings", 0xf0fc)).toBe("✓");
  expect(symbolCharacter("Wingdings", 0xf021)).toBe("");
  expect(symbolCharacter("Webdings", 0xf061)).toBe("");
  expect(symbolCharacter("Calibri", 0x2192)).toBe("→");
  expect(symbolCharacter("Calibri", 0xf041)).toBe("A");
  expect(symbolCharacter("Symbol", 0xffffff)).toBe("");
  expect(symbolText("Symbol", "5\uf0b0 C")).toBe("5° C");
});
