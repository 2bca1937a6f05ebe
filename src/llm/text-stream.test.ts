import { expect, test } from "vitest";
import { createTextStream } from "./text-stream.ts";

function feed(texts: string[], stop: string[]): { pieces: string[]; isStopped: boolean; text: string } {
  const stream = createTextStream(stop);
  let whole = "";
  const pieces = texts.map((text) => {
    whole += text;
    return stream.update(whole);
  });
  pieces.push(stream.finish());
  return { pieces, isStopped: stream.isStopped, text: stream.text };
}

test("the beginning of a stop string is held back until it is clear what it is", () => {
  expect(feed(["ab", "c\n", "\n", "d"], ["\n\n"])).toEqual({
    pieces: ["ab", "c", "", "", ""],
    isStopped: true,
    text: "abc",
  });
  expect(feed(["ab", "c\n", "d"], ["\n\n"]).pieces).toEqual(["ab", "c", "\nd", ""]);
});

test("at the end, what was held back is given out", () => {
  expect(feed(["a", "EN"], ["END"])).toEqual({ pieces: ["a", "", "EN"], isStopped: false, text: "aEN" });
});

test("the first of several stop strings counts, also inside one piece", () => {
  expect(feed(["one two three"], ["three", "two"]).text).toBe("one ");
});

test("an unfinished character waits", () => {
  const stream = createTextStream();
  expect(stream.update("a\uFFFD")).toBe("a");
  expect(stream.update("a\u00e9")).toBe("\u00e9");
});

test("every cut of a text gives the same whole", () => {
  const text = "Question: what?\nAnswer: this\n\nSentence: next";
  for (let first = 0; first <= text.length; first++)
    for (let second = first; second <= text.length; second += 3)
      expect(feed([text.slice(0, first), text.slice(first, second), text.slice(second)], ["\n\nSentence:"]).text).toBe(
        "Question: what?\nAnswer: this",
      );
});
