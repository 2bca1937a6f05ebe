import { expect, test } from "vitest";
import { blockText } from "./document-block.ts";
import { readMarkdown } from "./read-markdown.ts";

const show = (text: string) =>
  readMarkdown(text).map((block) =>
    block.kind === "heading" ? `${"#".repeat(block.level)} ${block.text}` : blockText(block),
  );

test("links become their text, emphasis goes, line breaks of the source are spaces", () => {
  expect(
    show(
      'The **old** [harbour\nmaster](http://x.y "T") of *Tollan* ![p](p.png) has\n`two` ~~boats~~ \\* [l].[^1]  \nNext\n\n[l]: http://z',
    ),
  ).toEqual(["The old harbour master of Tollan has `two` boats * l.[^1]\nNext"]);
  expect(show("a|b, 3 < 4 &amp; x<sup>2</sup> <br> y <!-- n --> snake_case_name")).toEqual([
    "a|b, 3 < 4 & x²\ny snake_case_name",
  ]);
});

test("headings of both kinds; front matter, rules, comments and pictures are no text", () => {
  expect(
    show("---\ntitle: X\n---\n\nA *b*\n===\n\n#### C\n\n---\n\n<!-- note -->\n\n![p](p.png)\n\n[l]: http://x.y"),
  ).toEqual(["# A b", "#### C"]);
  expect(show("---\n\nNo front matter.\n\n---\n")).toEqual(["No front matter."]);
  expect(show('+++\r\ntitle = "x"\r\n[menu]\r\n+++\r\n\r\nText')).toEqual(["Text"]);
  expect(show("+++\n[menu.main]\n+++\nText")).toEqual(["Text"]);
  expect(show("+++\n\nNo front matter.\n\n+++")).toEqual(["No front matter."]);
});

test("lists keep their levels and numbers", () => {
  expect(show("3) a\n4) b\n   - c\n     d\n   - [x] e\n\n     f\n")).toEqual([
    "3. a\n4. b\n   - c d\n   - [x] e\n     f",
  ]);
});

test("tasks keep their boxes", () => {
  expect(show("- [x] done\n- [ ] open\n  - [x] inner\n- plain")).toEqual([
    "- [x] done\n- [ ] open\n  - [x] inner\n- plain",
  ]);
  expect(show("1. [ ] open\n\n2. [x] done")).toEqual(["1. [ ] open\n2. [x] done"]);
});

test("tables become even, code stays as it is", () => {
  expect(show("a | *b*\n:-- | --:\nc | `d`\\|e\nf")).toEqual([
    "| a | b |\n| --- | --- |\n| c | `d\\|e` |\n| f |  |".replace("`d\\|e`", "`d`\\|e"),
  ]);
  expect(show("| a | b |\n|---|---|\n| ✓ | - |")).toEqual(["| a | b |\n| --- | --- |\n| ✓ | - |"]);
  expect(show("~~~sh title\n# no heading\n~~~\n\n    indented")).toEqual([
    "```sh\n# no heading\n```",
    "```\nindented\n```",
  ]);
});

test("HTML inside is read as HTML", () => {
  expect(
    show(
      "<h1 align=center>Title</h1>\n\n<table><tr><th>a<th>b<tr><td>1<td>2</table>\n\n<details><summary>More</summary>\n\nText **b**\n\n</details>\n",
    ),
  ).toEqual(["# Title", "| a | b |\n| --- | --- |\n| 1 | 2 |", "More", "Text b"]);
});

test("quoted text counts as text, and its headings as headings", () => {
  expect(show("> Said.\n>\n> - one\n> - two")).toEqual(["Said.", "- one\n- two"]);
});

test("more rows, items or fences than a call may have arguments", () => {
  const [table] = readMarkdown(`| a | b |\n|---|---|\n${"| c | d |\n".repeat(150_000)}`);
  expect(table).toMatchObject({ kind: "table", rows: { length: 150_000 } });
  expect(show(`~~~~\n${"```\n".repeat(150_000)}~~~~`)[0]!.slice(0, 8)).toBe("````\n```");
  expect(show("- a\n".repeat(150_000))).toHaveLength(1);
});

test("hostile nesting ends in an error or a result, not a crash", () => {
  for (const text of [">".repeat(20_000), `${"- ".repeat(5000)}x`, "[".repeat(20_000), "*a ".repeat(20_000)])
    try {
      readMarkdown(text);
    } catch (error) {
      expect(error).toMatchObject({ code: "DOCUMENT_TOO_NESTED" });
    }
});
