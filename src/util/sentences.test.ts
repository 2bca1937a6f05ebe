import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { packageRoot } from "./assets.ts";
import { plainText, splitSentences } from "./sentences.ts";

describe("splitSentences", () => {
  test.each<[string, string[]]>([
    ["It rains. We stay in.", ["It rains.", "We stay in."]],
    ["Why? Because! So.", ["Why?", "Because!", "So."]],
    ["The ship sank in 1731. 40 men died.", ["The ship sank in 1731.", "40 men died."]],
    ["It weighs 2.4 kilograms. It is small.", ["It weighs 2.4 kilograms.", "It is small."]],
    ["Dr. Moss met Mr. Reed. They spoke.", ["Dr. Moss met Mr. Reed.", "They spoke."]],
    ["J. R. Holt wrote it. He was 40.", ["J. R. Holt wrote it.", "He was 40."]],
    ["Take vitamin C. It helps.", ["Take vitamin C.", "It helps."]],
    ["Fruit, e.g. Apples, is sold at No. 5 here. Come!", ["Fruit, e.g. Apples, is sold at No. 5 here.", "Come!"]],
    ["It opens at 9 a.m. Nobody comes.", ["It opens at 9 a.m.", "Nobody comes."]],
    ["He lived in St. Agnes. She did not.", ["He lived in St. Agnes.", "She did not."]],
    ["They moved to the U.S. In 1990 they left.", ["They moved to the U.S.", "In 1990 they left."]],
    ['"Where is it?" he asked. "Here." She laughed.', ['"Where is it?" he asked.', '"Here."', "She laughed."]],
    [
      "It waits ... and waits. (Nobody knows why.) So it goes.",
      ["It waits ... and waits.", "(Nobody knows why.)", "So it goes."],
    ],
    ["Version 3.\nIt runs\non one line.", ["Version 3.", "It runs on one line."]],
    ["First paragraph\n\nSecond one", ["First paragraph", "Second one"]],
    ["- red\n- green and\n  blue\n2. last", ["red", "green and blue", "last"]],
    ["雨が降る。家にいる。", ["雨が降る。", "家にいる。"]],
    ["Élan is here. Ñandú runs.", ["Élan is here.", "Ñandú runs."]],
    ["", []],
    [" \n \n", []],
  ])("%j", (text, sentences) => {
    expect(splitSentences(text)).toEqual(sentences);
  });

  test("loses no words and runs in time that grows with the length only", () => {
    const text = plainText(readFileSync(join(packageRoot, "assets", "benchmarks", "general-text.md"), "utf8"));
    const sentences = splitSentences(text);
    expect(sentences.join(" ").split(/\s+/)).toEqual(text.split(/\s+/));
    expect(sentences.length).toBeGreaterThan(60);
    expect(Math.max(...sentences.map((sentence) => sentence.split(" ").length))).toBeLessThan(45);
    const start = performance.now();
    splitSentences("a. ".repeat(200_000));
    splitSentences("A. ".repeat(200_000));
    splitSentences(`${".".repeat(200_000)}${'"'.repeat(200_000)}`);
    expect(performance.now() - start).toBeLessThan(5000);
  });
});

describe("plainText", () => {
  test("takes markup away and keeps the words", () => {
    expect(
      plainText("# A & B\n\nHe *said* `x = 1` in [a link](http://x.y) &amp; 2 \\* 3.\nNext ![pic](p.png)line<br>."),
    ).toBe("A & B\n\nHe said x = 1 in a link & 2 * 3. Next line.");
  });

  test("list items stand alone, nested ones too", () => {
    expect(plainText("- one\n- two\n  - three\n\n1. **four**\n- [x] done").split("\n\n")).toEqual([
      "one",
      "two",
      "three",
      "four",
      "done",
    ]);
  });

  test("a table row names its columns; comments and rules vanish", () => {
    expect(
      plainText("| Name | Height |\n|---|---|\n| Othe | 918 m |\n| Tor | |\n\n<!-- no -->\n\n---\n\n> quoted"),
    ).toBe("Name: Othe, Height: 918 m.\n\nName: Tor.\n\nquoted");
  });
});
