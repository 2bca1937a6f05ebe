import { describe, expect, test } from "vitest";
import { blockText } from "./document-block.ts";
import { readHtml } from "./read-html.ts";

const show = (html: string) =>
  readHtml(html).map((block) =>
    block.kind === "heading" ? `${"#".repeat(block.level)} ${block.text}` : blockText(block),
  );

describe("what of a page is text", () => {
  test("the main part, without what is around it", () => {
    const page = `<!doctype html><html><head><title>Ferry times - Tollan</title><style>p{}</style><script>var a = "<p>no</p>";</script></head>
      <body><header><a href=/>Home</a><h1>Not this</h1></header><nav><ul><li><a href=a>A</a></ul></nav>
      <main><h1>Ferry times</h1><p>The ferry leaves at <b>seven</b>.<script>no()</script><aside><a href=/buy>Buy!</a></aside>
      <div hidden>hidden</div><p style="display: none">hidden</p><p aria-hidden=true>hidden</p></main>
      <footer>Imprint</footer></body></html>`;
    expect(show(page)).toEqual(["# Ferry times", "The ferry leaves at seven."]);
  });

  test("without one: the body, the page's heading, its title where no heading is one", () => {
    expect(
      show(
        "<title>T</title><header><h1>H</h1><p>Home</p></header><div class=sidebar><a href=s>S</a></div><p>Text</p><footer>F</footer>",
      ),
    ).toEqual(["# H", "Text"]);
    expect(show("<title>T &amp; U</title><h2>Part</h2><p>Text")).toEqual([" T & U", "## Part", "Text"]);
    expect(show("<title>1. Part\n</title><h2>1.&nbsp;Part</h2><p>Text")).toEqual(["## 1. Part", "Text"]);
    expect(show("<article><header><h1>A</h1></header><p>1</article>")).toEqual(["# A", "1"]);
    expect(show("<article>Text one</article><article>Text two</article>")).toEqual(["Text one", "Text two"]);
  });

  test("inline markup joins, it does not shatter", () => {
    expect(
      show(
        '<p>The <a href="x">old\n harbour</a>, <em>built</em>&nbsp;in 1874<sup><a href="#n1">[1]</a></sup> on 3&nbsp;km<sup>2</sup>, the 1<sup>st</sup> of H<sub>2</sub>O; <code>a&lt;b</code>.<a href="#x">¶</a></p>',
      ),
    ).toEqual(["The old harbour, built in 1874 on 3 km², the 1st of H2O; `a<b`."]);
    expect(show("One<br>two<br><br>three")).toEqual(["One\ntwo", "three"]);
    expect(show("<span><div>One</div>two</span> three")).toEqual(["One", "two three"]);
  });
});

test("lists, nested and of terms", () => {
  expect(show("<ol start=3><li>a<ul><li>b<li>c</ul><li><p>d<p>e</ol>")).toEqual(["3. a\n   - b\n   - c\n4. d\n   e"]);
  expect(show("<ul><li>a<ul><li>b</ul></ul><dl><dt>T<dt>U<dd>one<dd>two</dl>")).toEqual([
    "- a\n  - b",
    "- T, U: one\n- two",
  ]);
});

test("code keeps its lines and says its language", () => {
  expect(show('<pre><code class="language-py">if a:\n    b = "```"\n\n</code></pre>')).toEqual([
    '```py\nif a:\n    b = "```"\n```',
  ]);
  expect(show("<pre>\n```\ninner\n```\n</pre>")).toEqual(["````\n```\ninner\n```\n````"]);
});

describe("tables", () => {
  test("headers, merged cells, captions", () => {
    const html = `<table><caption>Quays</caption><tr><th>Quay<th>Depth<th>Built
      <tr><td rowspan=2>North<td>6 m<td>1874<tr><td>4 m | 5 m<td><ul><li>a<li>b</ul><tr><td colspan=3>All</table>`;
    expect(show(html)).toEqual([
      "Quays",
      "| Quay | Depth | Built |\n| --- | --- | --- |\n| North | 6 m | 1874 |\n| North | 4 m \\| 5 m | a; b |\n| All |  |  |",
    ]);
  });

  test("names beside the values are no header; frames are no tables", () => {
    expect(show("<table><tr><th>Name<td>Anvil<tr><th>Height<td>31 m</table>")).toEqual([
      "|  |  |\n| --- | --- |\n| Name | Anvil |\n| Height | 31 m |",
    ]);
    expect(show("<table><tr><td><h2>H</h2><p>T<table><tr><td>a<td>b<tr><td>c<td>d</table></table>")).toEqual([
      "## H",
      "T",
      "| a | b |\n| --- | --- |\n| c | d |",
    ]);
  });
});

describe("broken and hostile pages", () => {
  test.each<[string, string, string]>([
    ["rows", "<table>", "<tr><td>a<td>b"],
    ["frames", "<table>", "<tr><td>a"],
    ["headings in a header", "<header>", "<h2>a</h2>"],
    ["terms", "<dl>", "<dt>a"],
  ])("more %s than a call may have arguments", (_, start, piece) => {
    expect(readHtml(start + piece.repeat(150_000)).length).toBeGreaterThan(0);
  });

  test("what is left open or closed twice", () => {
    expect(show("<p>a<b>b</p>c</i></div><p>d")).toEqual(["ab", "c", "d"]);
    expect(show("a < b <3 &copy; &unknown; &#65; <!-- x --> c <!x> d")).toEqual(["a < b <3 © &unknown; A c d"]);
    expect(show("text <a href='x>never closed")).toEqual(["text <a href='x>never closed"]);
    expect(show("<script>never closed <p>x")).toEqual([]);
  });

  test("size and depth end in a result, in time", () => {
    const started = performance.now();
    for (const text of [
      "<div>".repeat(60_000),
      "<b><p>".repeat(20_000),
      "<table><tr><td>".repeat(10_000),
      "<ul><li>".repeat(20_000),
      "<a ".repeat(100_000),
      "<!--".repeat(100_000),
      `<p ${"a='".repeat(100_000)}`,
      `<table><tr>${"<td colspan=100000 rowspan=100000>x".repeat(50)}</table>`,
      "</p>".repeat(100_000),
      "<script>".repeat(100_000),
      "&".repeat(200_000),
    ])
      readHtml(`${text}end`);
    expect(performance.now() - started).toBeLessThan(5000);
  });
});
