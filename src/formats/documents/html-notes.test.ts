import { expect, test } from "vitest";
import { blockText } from "./document-block.ts";
import { readHtml } from "./read-html.ts";

const show = (html: string) => readHtml(html).map(blockText);

test.each([
  ["Sphinx", '<a class="footnote-reference brackets" href="#id2" role="doc-noteref">1</a>'],
  ["Sphinx with brackets", '<a href="#id2" role="doc-noteref"><span class="fn-bracket">[</span>12<span>]</span></a>'],
  ["DocBook", '<a href="#ftn.1" class="footnote"><sup>[1]</sup></a>'],
  ["pandoc", '<a href="#fn1" class="footnote-ref"><sup>1</sup></a>'],
  ["others", '<sup><a href="#n1">a</a></sup>'],
])("the sign of a note is no part of the word before it: %s", (_, sign) => {
  expect(show(`<p>The mill burned${sign}.`)).toEqual(["The mill burned."]);
});

test("links and labels with words stay", () => {
  expect(show('<dl><dt><a class="fn-backref" href="#id1">[Red-Book]</a></dt><dd>Quantities.</dd></dl>')).toEqual([
    "- [Red-Book]: Quantities.",
  ]);
  expect(
    show('<p>See <a href="#a">it</a>, <a class="footnote-ref" href="#b">the first note</a>, km<sup>2</sup>.'),
  ).toEqual(["See it, the first note, km²."]);
});

test.each([
  ["Sphinx", '<aside class="footnote"><span class="label">1</span><p>In 1750.</p></aside>'],
  [
    "Sphinx, back",
    '<aside role="doc-footnote"><span>[<a role="doc-backlink" href="#id1">1</a>]</span><p>In 1750.</p></aside>',
  ],
  ["docutils", '<dl><dt class="label"><a class="fn-backref" href="#id1">1</a></dt><dd>In 1750.</dd></dl>'],
  ["pandoc", '<p>In 1750.<a href="#fnref1" class="footnote-back">↩</a></p>'],
])("a note is its words: %s", (_, note) => {
  expect(show(note).map((text) => text.replace(/^- /, ""))).toEqual(["In 1750."]);
});
