import { expect, test } from "vitest";
import { stem } from "./stem.ts";

test.each([
  ["houses", "house"],
  ["cities", "city"],
  ["carried", "carry"],
  ["boxes", "box"],
  ["churches", "church"],
  ["glasses", "glass"],
  ["destroyed", "destroy"],
  ["baked", "bake"],
  ["baking", "bake"],
  ["stopped", "stop"],
  ["running", "run"],
  ["painting", "painted"],
  ["housed", "houses"],
  ["danced", "dance"],
  ["moving", "moves"],
  ["located", "locate"],
  ["visited", "visits"],
  ["opening", "open"],
  ["using", "use"],
])("%s and %s are one word", (first, second) => {
  expect(stem(first)).toBe(stem(second));
});

test.each([
  ["bus", "bu"],
  ["slate", "slat"],
  ["glass", "glas"],
  ["spring", "spr"],
  ["king", "k"],
  ["bed", "b"],
  ["seed", "se"],
  ["tennis", "tenni"],
  ["his", "hi"],
])("%s stays whole", (word, wrong) => {
  expect(stem(word)).not.toBe(wrong);
});

test("different words stay different", () => {
  const words = "slate salt ferry pear perrin bell tower lake slats museum boat wood stone iron wool pearl".split(" ");
  expect(new Set(words.map(stem)).size).toBe(words.length);
});
