import { expect, test } from "vitest";
import { blockText } from "./document-block.ts";
import { readHtml } from "./read-html.ts";
import { readMarkdown } from "./read-markdown.ts";

const show = (html: string) => readHtml(html).map(blockText);
const inMain = (html: string) => show(`<main>${html}</main>`);

test.each<[string, string, string[]]>([
  [
    "ids from headings",
    "<section id=menu><h2>Menu</h2><p>Soup.</section><h2 id=navigation>Stars</h2><p>Ankaa.",
    ["Menu", "Soup.", "Stars", "Ankaa."],
  ],
  [
    "ids of old Sphinx",
    "<div class=section id=menu><h2>Menu</h2><p><a href=a>All of it</a></div>",
    ["Menu", "All of it"],
  ],
  [
    "boxes",
    "<div class=sidebar><p>BACK TO BASICS</p><p>Tides <a href=t>come</a>.</div><aside class=topic>T.</aside>",
    ["BACK TO BASICS", "Tides come.", "T."],
  ],
  ["warnings", "<div role=alert>Close the pump.</div><aside>Never both.</aside>", ["Close the pump.", "Never both."]],
  ["accordions", "<h3><button aria-expanded=true>How <b>old</b>?</button></h3><div>Very.</div>", ["How old?", "Very."]],
  [
    "formulas",
    `<p>Area <math><mn>5</mn><mtext> km</mtext></math>, <span style="display:none"><math><semantics><msup><mi>c</mi><mn>2</mn></msup>
    <annotation encoding="application/x-tex">c^{2}</annotation></semantics></math></span>.`,
    ["Area 5 km, c^{2}."],
  ],
])("the main element keeps its %s", (_, html, expected) => {
  expect(inMain(html)).toEqual(expected);
});

test("pages without a main element keep boxes of text, too", () => {
  expect(show("<div class=sidebar><p>CULTURE udev</p></div><aside class=footnote>Since 1750.</aside><p>T")).toEqual([
    "CULTURE udev",
    "Since 1750.",
    "T",
  ]);
});

test("what leads to other pages goes, wherever it stands", () => {
  const links = "<ul><li><a href=a>Anchors</a><li><a href=b>Boats</a></ul>";
  const turning = "Next: <a accesskey=n href=a>Boats</a>, Up: <a rel=up href=u>Harbour</a> [Index]";
  for (const furniture of [
    `<div class=sidebar><h3>More</h3>${links}</div>`,
    `<aside>${links}</aside>`,
    `<div class=toc>Contents ${links}</div>`,
    `<nav>${links}</nav>`,
    "<button>Copy</button>",
    `<div class=header><p>${turning}</p></div>`,
    "<ul class=docnav><li>Home<li><a href=a>Next</a></ul>",
    "<div class=navheader><table><tr><th>Chapter 2</th></tr></table></div>",
  ]) {
    expect(show(`${furniture}<p>Text</p>`), furniture).toEqual(["Text"]);
    expect(inMain(`${furniture}<p>Text</p>`), furniture).toEqual(["Text"]);
  }
  expect(show(`<div id=banner><a href=g>Download the ebook</a></div><aside>Buy!</aside><p>Text`)).toEqual(["Text"]);
  expect(
    inMain(`<p>Not ${turning}, but this sentence, which only says where the harbour and its boats are.</p>`),
  ).toHaveLength(1);
});

test("HTML inside of Markdown is content", () => {
  const text = '<div id="menu">\n\n## Menu\n\n</div>\n\n<h2 id="toc">Contents</h2>\n\n<aside>Mind the gap.</aside>\n';
  expect(readMarkdown(text).map(blockText)).toEqual(["Menu", "Contents", "Mind the gap."]);
});

test("boxes inside of boxes cost no more than their length", () => {
  const started = performance.now();
  expect(show(`${"<div class=sidebar>".repeat(190)}${"word <a href=x>l</a> ".repeat(100_000)}`)).toHaveLength(1);
  expect(performance.now() - started).toBeLessThan(5000);
});
