import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { readMarkdown } from "../formats/documents/read-markdown.ts";
import { readPlainText } from "../formats/documents/read-plain-text.ts";
import { packageRoot } from "../util/assets.ts";
import { plainText } from "../util/sentences.ts";
import { type ChunkingOptions, chunkDocument } from "./chunk-document.ts";
import { estimateTokens } from "./token-counter.ts";

const countWords = (text: string) => text.match(/\S+/g)?.length ?? 0;
const counter = { prepare: async () => "words", count: countWords };
const chunk = (text: string, maxTokens?: number, options: ChunkingOptions = {}) =>
  chunkDocument({ name: "a.md", blocks: readMarkdown(text) }, { counter, ...(maxTokens && { maxTokens }), ...options });
const texts = async (text: string, maxTokens?: number, options?: ChunkingOptions) =>
  (await chunk(text, maxTokens, options)).map((one) => one.text);
const words = (count: number, word = "w") => Array(count).fill(word).join(" ");

describe("sections", () => {
  test("every piece has the headings above it and belongs to one section", async () => {
    const text =
      "Intro.\n\n# A\n\nOne.\n\nTwo.\n\n## B *b*\n\nThree.\n\n#### D\n\nFour.\n\n## C\n\nFive.\n\nTitle\n=====\n\nSix.\n\n# Empty\n";
    expect(await chunk(text)).toEqual([
      { source: "a.md", headings: [], text: "Intro.", tokens: 1 },
      { source: "a.md", headings: ["A"], text: "One.\n\nTwo.", tokens: 3 },
      { source: "a.md", headings: ["A", "B b"], text: "Three.", tokens: 4 },
      { source: "a.md", headings: ["A", "B b", "D"], text: "Four.", tokens: 5 },
      { source: "a.md", headings: ["A", "C"], text: "Five.", tokens: 3 },
      { source: "a.md", headings: ["Title"], text: "Six.", tokens: 2 },
    ]);
  });

  test("two sections with the same heading stay apart", async () => {
    expect(await texts("# A\n\nOne.\n\n# A\n\nTwo.")).toEqual(["One.", "Two."]);
  });

  test("headings count in the budget, but never take more than half of it", async () => {
    expect(await texts("# A b c\n\nOne two three. Four five six.", 6)).toEqual(["One two three.", "Four five six."]);
    expect(await texts("# A b c d\n\nOne two three. Four five six.", 6)).toEqual(["One two three. Four five six."]);
  });
});

test("a heading without a text below that says something becomes text of the section above", async () => {
  const text =
    "# Mill\n\nIt is old.\n\n## The wheel was built in 1702 by Aldous Fenn\n\n## Its stones came from the eastern hills\n\n## Notes\n\n# Fair\n\nIt is in May.\n\n# Nobody knows who first came here\n";
  expect((await chunk(text)).map(({ headings, text }) => [headings.join(" > "), text])).toEqual([
    ["Mill", "It is old."],
    ["Mill", "The wheel was built in 1702 by Aldous Fenn\n\nIts stones came from the eastern hills"],
    ["Fair", "It is in May."],
    ["", "Nobody knows who first came here"],
  ]);
});

describe("a list item that is too long", () => {
  const item =
    "1. Write the file. It holds the settings of the server and of the client.\n\n   ```yaml\n   server:\n     port: 1\n     # A comment. With a sentence.\n     host: a\n   ```\n\n   | Key | Meaning |\n   | --- | --- |\n   | port | The port. It is 1. |\n";
  test("keeps sentences together, code with its lines and indentation, and rows of tables", async () => {
    expect((await texts(item, 40)).join("\n")).toBe(
      "1. Write the file. It holds the settings of the server and of the client.\n   ```yaml\n   server:\n     port: 1\n     # A comment. With a sentence.\n     host: a\n   ```\n   | Key | Meaning |\n   | --- | --- |\n   | port | The port. It is 1. |",
    );
  });
  test("has no piece with a fence that is open", async () => {
    for (let tokens = 14; tokens < 60; tokens++)
      for (const piece of await texts(item, tokens))
        expect(piece.split("```").length % 2, `${tokens}: ${piece}`).toBe(1);
  });
});

describe("length", () => {
  test("whole paragraphs together up to the limit", async () => {
    const text = [words(4, "a"), words(4, "b"), words(4, "c")].join("\n\n");
    expect(await texts(text, 8)).toEqual([`${words(4, "a")}\n\n${words(4, "b")}`, words(4, "c")]);
    expect(await texts(text, 12)).toHaveLength(1);
  });

  test("a long paragraph is cut between sentences, a long sentence between words, a long word where it must", async () => {
    expect(await texts("One two. Three four. Five\nsix.", 4)).toEqual(["One two. Three four.", "Five six."]);
    expect(await texts(words(4), 2)).toEqual(["w w", "w w"]);
    const characters = { prepare: async () => "characters", count: (text: string) => [...text].length };
    const cut = await texts("𝐀".repeat(50), 7, { counter: characters });
    expect(cut.join("")).toBe("𝐀".repeat(50));
    expect(Math.max(...cut.map((text) => [...text].length))).toBeLessThanOrEqual(7);
  });

  test("a long paragraph begins where there is room", async () => {
    expect(await texts("A b.\n\nOne two three. Four five six. Seven eight nine. Ten.", 8)).toEqual([
      "A b.\n\nOne two three. Four five six.",
      "Seven eight nine. Ten.",
    ]);
  });

  test("a long list is cut between items, a long item between sentences", async () => {
    expect(await texts("- a b\n- c d\n- e f", 6)).toEqual(["- a b\n- c d", "- e f"]);
    expect(await texts("1. One two. Three four.\n2. Five", 3)).toEqual(["1. One two.", "Three four.", "2. Five"]);
    expect(await texts("- a b\n  - c d\n- e f", 6)).toEqual(["- a b\n  - c d", "- e f"]);
  });

  test("what is announced with a colon stays with it", async () => {
    expect(await texts("One two three.\n\nThese are:\n\n```\na\nb\nc\n```", 8)).toEqual([
      "One two three.",
      "These are:\n\n```\na\nb\nc\n```",
    ]);
  });

  test("code and tables are whole where they can be, even when the piece before is short", async () => {
    const code = `\`\`\`sh\n${words(6)}\n\n# not a heading\n\`\`\``;
    const table = "| a | b |\n| --- | --- |\n| c | d |";
    expect(await texts(`Before.\n\n${code}\n\n${table}\n\nAfter.`, 15)).toEqual([
      `Before.\n\n${code}`,
      table,
      "After.",
    ]);
  });

  test("a table that is too long is cut between rows below its repeated header, code between lines inside fences", async () => {
    const rows = Array.from({ length: 5 }, (_, i) => `| r${i} | d |`);
    const head = "| a | b |\n| --- | --- |";
    expect(await texts(`${head}\n${rows.join("\n")}`, 22)).toEqual([
      `${head}\n${rows.slice(0, 2).join("\n")}`,
      `${head}\n${rows.slice(2, 4).join("\n")}`,
      `${head}\n${rows[4]}`,
    ]);
    expect(await texts("```py\na b\nc d\n\ne f\n```", 7)).toEqual(["```py\na b\nc d\n```", "```py\ne f\n```"]);
  });

  test("no words are lost or doubled at any limit, and no limit is passed", async () => {
    const text = readFileSync(join(packageRoot, "assets", "benchmarks", "general-text.md"), "utf8");
    const body = plainText(text.replace(/^#.*$/gm, "")).split(/\s+/);
    for (const maxTokens of [1, 7, 40, 250, 10_000]) {
      const pieces = await chunk(text, maxTokens);
      expect(pieces.flatMap((piece) => piece.text.split(/\s+/))).toEqual(body);
      expect(Math.max(...pieces.map((piece) => countWords(piece.text)))).toBeLessThanOrEqual(maxTokens);
    }
  });
});

describe("overlap", () => {
  const text = "A b c. D e f. G h i. J k l. M n o.";
  test("the last sentences of a piece begin the next of the same section", async () => {
    expect(await texts(text, 9, { overlapSentences: 1 })).toEqual(["A b c. D e f. G h i.", "G h i. J k l. M n o."]);
    expect(await texts(`${text}\n\n# H\n\nP q r.`, 10, { overlapSentences: 1 })).toContain("P q r.");
  });

  test("it never fills the piece, and whole paragraphs give way to it", async () => {
    expect(await texts("A b c d e f. G h i j k l.", 6, { overlapSentences: 1 })).toEqual([
      "A b c d e f.",
      "G h i j k l.",
    ]);
    expect(await texts("A b. C d.\n\nE f. G h. I j.", 6, { overlapSentences: 1 })).toEqual([
      "A b. C d.",
      "C d.\n\nE f. G h.",
      "G h. I j.",
    ]);
  });

  test("code and tables are not repeated", async () => {
    expect(await texts("```\na b c d\n```\n\nE f. G h.", 6, { overlapSentences: 2 })).toEqual([
      "```\na b c d\n```",
      "E f. G h.",
    ]);
  });
});

test("plain text has no headings and keeps its signs", async () => {
  const blocks = readPlainText("# not a heading\r\n\r\n* star\r\n");
  expect((await chunkDocument({ name: "a.TXT", blocks }, { counter })).map(({ text }) => text)).toEqual([
    "# not a heading\n\n* star",
  ]);
});

test("an estimate is a little more than what vocabularies make of a text", () => {
  // SmolLM2 makes 12 and 16 of these.
  expect(estimateTokens("The ferry leaves the northern quay every morning at seven.")).toBe(13);
  expect(estimateTokens("")).toBe(0);
  expect(estimateTokens("x = foo_bar(12345, 'abc');\n")).toBe(17);
});

const places = [
  "examples/taxonomy",
  ...readdirSync(join(packageRoot, "bench/places")).map((name) => `bench/places/${name}`),
];
test.each(places)("%s: contexts stand in the document, and about half of it is not in them", async (place) => {
  const all = readdirSync(join(packageRoot, place, "knowledge"), { recursive: true, encoding: "utf8" });
  const file = (end: string) =>
    readFileSync(join(packageRoot, place, "knowledge", all.find((name) => name.endsWith(end))!), "utf8");
  const document = file(".md");
  const contexts = (parse(file("qna.yaml")) as { seed_examples: { context: string }[] }).seed_examples.map(
    (seed) => seed.context,
  );
  const pieces = await texts(document);
  for (const context of contexts)
    expect(
      pieces.some((piece) => piece.includes(context)),
      context,
    ).toBe(true);
  const share = countWords(contexts.join(" ")) / countWords(pieces.join(" "));
  expect(share).toBeGreaterThan(0.35);
  expect(share).toBeLessThan(0.65);
});
