import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { packageRoot } from "../util/assets.ts";
import { plainText } from "../util/sentences.ts";
import { chunkDocument, countWords } from "./chunk-document.ts";

const chunk = (text: string, maxWords?: number, name = "a.md") => chunkDocument({ name, text }, { maxWords });
const texts = (text: string, maxWords?: number, name?: string) => chunk(text, maxWords, name).map((one) => one.text);
const words = (count: number, word = "w") => Array(count).fill(word).join(" ");

describe("sections", () => {
  test("every piece has the headings above it and belongs to one section", () => {
    const text =
      "Intro.\n\n# A\n\nOne.\n\nTwo.\n\n## B *b*\n\nThree.\n\n#### D\n\nFour.\n\n## C\n\nFive.\n\nTitle\n=====\n\nSix.\n\n# Empty\n";
    expect(chunk(text)).toEqual([
      { source: "a.md", headings: [], text: "Intro." },
      { source: "a.md", headings: ["A"], text: "One.\n\nTwo." },
      { source: "a.md", headings: ["A", "B b"], text: "Three." },
      { source: "a.md", headings: ["A", "B b", "D"], text: "Four." },
      { source: "a.md", headings: ["A", "C"], text: "Five." },
      { source: "a.md", headings: ["Title"], text: "Six." },
    ]);
  });

  test("two sections with the same heading stay apart", () => {
    expect(texts("# A\n\nOne.\n\n# A\n\nTwo.")).toEqual(["One.", "Two."]);
  });

  test("what holds no words is left out; front matter too", () => {
    const text =
      "---\ntitle: X\n---\n\n![p](p.png)\n\n<!-- note -->\n\n---\n\n[l]: http://x.y\n\n<div>Shown</div>\n\nText [l].";
    expect(texts(text)).toEqual(["Shown\n\nText [l]."]);
    expect(texts("---\n\nNo front matter.\n\n---\n")).toEqual(["No front matter."]);
  });

  test("quoted text counts as text", () => {
    expect(texts("> Said.\n>\n> - one\n> - two")).toEqual(["Said.\n\n- one\n- two"]);
  });
});

describe("length", () => {
  test("whole paragraphs together up to the limit", () => {
    const text = [words(4, "a"), words(4, "b"), words(4, "c")].join("\n\n");
    expect(texts(text, 8)).toEqual([`${words(4, "a")}\n\n${words(4, "b")}`, words(4, "c")]);
    expect(texts(text, 12)).toHaveLength(1);
  });

  test("a long paragraph is cut between sentences, a long sentence between words", () => {
    expect(texts("One two. Three four. Five\nsix.", 4)).toEqual(["One two. Three four.", "Five six."]);
    expect(texts(words(5), 2)).toEqual(["w w", "w w", "w"]);
  });

  test("a long list is cut between items, a long item between sentences", () => {
    expect(texts("- a b\n- c d\n- e f", 6)).toEqual(["- a b\n- c d", "- e f"]);
    expect(texts("1. One two. Three four.\n2. Five", 3)).toEqual(["One two.", "Three four.", "2. Five"]);
  });

  test("code and tables stay whole", () => {
    const code = `\`\`\`\n${words(30)}\n\n# not a heading\n\`\`\``;
    const table = `| a | b |\n|---|---|\n${"| c | d |\n".repeat(20)}`.trim();
    expect(texts(`Before.\n\n${code}\n\n${table}\n\nAfter.`, 10)).toEqual(["Before.", code, table, "After."]);
  });

  test("no words are lost or doubled at any limit", () => {
    const text = readFileSync(join(packageRoot, "assets", "benchmarks", "general-text.md"), "utf8");
    const body = plainText(text.replace(/^#.*$/gm, "")).split(/\s+/);
    for (const maxWords of [1, 7, 40, 250, 10_000]) {
      const pieces = texts(text, maxWords);
      expect(pieces.flatMap((piece) => piece.split(/\s+/))).toEqual(body);
      expect(Math.max(...pieces.map(countWords))).toBeLessThanOrEqual(maxWords);
    }
  });
});

test("plain text has no headings and keeps its signs", () => {
  expect(texts("# not a heading\r\n\r\n* star\r\n", 10, "a.TXT")).toEqual(["# not a heading\n\n* star"]);
});

test("hostile nesting ends in an error or a result, not a crash", () => {
  for (const text of [">".repeat(20_000), `${"- ".repeat(5000)}x`, "[".repeat(20_000), "*a ".repeat(20_000)])
    try {
      chunk(text);
    } catch (error) {
      expect(error).toMatchObject({ code: "DOCUMENT_TOO_NESTED" });
    }
});

const places = [
  "examples/taxonomy",
  ...readdirSync(join(packageRoot, "bench/places")).map((name) => `bench/places/${name}`),
];
test.each(places)("%s: contexts stand in the document, and about half of it is not in them", (place) => {
  const all = readdirSync(join(packageRoot, place, "knowledge"), { recursive: true, encoding: "utf8" });
  const file = (end: string) =>
    readFileSync(join(packageRoot, place, "knowledge", all.find((name) => name.endsWith(end))!), "utf8");
  const document = file(".md");
  const contexts = (parse(file("qna.yaml")) as { seed_examples: { context: string }[] }).seed_examples.map(
    (seed) => seed.context,
  );
  const pieces = chunk(document).map(({ text }) => text);
  for (const context of contexts)
    expect(
      pieces.some((piece) => piece.includes(context)),
      context,
    ).toBe(true);
  const share = countWords(contexts.join(" ")) / countWords(pieces.join(" "));
  expect(share).toBeGreaterThan(0.35);
  expect(share).toBeLessThan(0.65);
});
