import { describe, expect, test } from "vitest";
import { readTemplate } from "./template.ts";

/** Recorded from Python's jinja2 3.1.6: Template(text, undefined=StrictUndefined).render(**values). */
const recorded: [template: string, values: Record<string, unknown>, text: string][] = [
  ["Hello {{ name }}!\n", { name: "Ada" }, "Hello Ada!"],
  ["{{ nothing }} {{ yes }} {{ no }}", { nothing: null, yes: true, no: false }, "None True False"],
  [
    "{{ list }} {{ map }}",
    { list: ["a", "it's", 'say "x"', 1, 2.5, null, true, ["\n"]], map: { k: "v", n: null } },
    "['a', \"it's\", 'say \"x\"', 1, 2.5, None, True, ['\\n']] {'k': 'v', 'n': None}",
  ],
  ["{% for x in xs %}\n- {{ x }}\n{% endfor %}\nend", { xs: [1, 2] }, "\n- 1\n\n- 2\n\nend"],
  [
    "{% for x in xs -%}\n {{ loop.index }}/{{ loop.length }} {{ x.n }}{% if not loop.last %}, {% endif %}\n{%- endfor %}",
    { xs: [{ n: "a" }, { n: "b" }] },
    "1/2 a, 2/2 b",
  ],
  ["{% if a is defined %}A{% else %}none{% endif %}{% if b is defined and b %}B{% endif %}", { b: 1 }, "noneB"],
  ["{{ a | default('x') }}{{ b | default('y', true) }}{{ c | d }}|", { b: "" }, "xy|"],
  [
    "{{ s | upper }} {{ s | title }} {{ s | capitalize }} {{ s | length }} {{ s | reverse }} {{ s | first }}{{ s | last }}",
    { s: "deep sea" },
    "DEEP SEA Deep Sea Deep sea 8 aes peed da",
  ],
  [
    "{{ s | trim }}|{{ s | trim('- ') }}|{{ s | replace('a', 'o') }}|{{ s | wordcount }}",
    { s: " -ab a-b- " },
    "-ab a-b-|ab a-b| -ob o-b- |3",
  ],
  [
    "{{ xs | join(', ') }} {{ xs | join }} {{ ms | join('; ', attribute='n') }} {{ xs | length }} {{ xs | first }} {{ xs | last }} {{ xs | sum }} {{ xs | max }} {{ xs | min }}",
    { xs: [3, 1, 2], ms: [{ n: "a" }, { n: "b" }] },
    "3, 1, 2 312 a; b 3 3 2 6 3 1",
  ],
  [
    "{{ 2.5 | round }} {{ 3.14159 | round(2) }} {{ 7 | round }} {{ -2 | abs }} {{ '3' | int + 1 }} {{ 2 / 4 }} {{ 7 // 2 }} {{ 7 % 3 }} {{ 1.0 }}",
    {},
    "2.0 3.14 7 2 4 0.5 3 1 1.0",
  ],
  [
    "{{ t | truncate(12) }}|{{ t | truncate(12, true) }}|{{ t | truncate(20, False, '…', 0) }}",
    { t: "The quick brown fox jumps" },
    "The...|The quick...|The quick brown…",
  ],
  ["{{ t | indent(2) }}", { t: "a\nb\n\nc" }, "a\n  b\n\n  c"],
  [
    "{{ '%s-%d' % (s, n) }}|{{ '%.1f' % f }}|{{ '%05.2f'|format(f) }}|{{ '%5s|%-5s|%+d' % ('a', 'b', n) }}",
    { n: 3, f: 1.5, s: "hello world" },
    "hello world-3|1.5|01.50|    a|b    |+3",
  ],
  [
    "{{ '{:.2f}'.format(f) }}|{{ 'a{}b{name}'.format(n, name='z') }}|{{ '{0:>5}{0:<5}|{1:,}'.format('x', 1234567) }}",
    { n: 3, f: 1.5 },
    "1.50|a3bz|    xx    |1,234,567",
  ],
  [
    "{{ -7 % 3 }} {{ 7.5 % 2 }} {{ 7 % -3 }} {{ 'A' < 'B' }} {{ 'b' >= 'c' }} {{ n <= 3 }} {{ n > f }}",
    { n: 3, f: 1.5 },
    "2 1.5 -2 True False True True",
  ],
  [
    "{{ ', '.join(l) }} {{ s.find('w') }} {{ s.count('l') }} {{ ml.splitlines() }} {{ '12'.isdigit() }}{{ s.isdigit() }} {{ '-7'.zfill(4) }} {{ s.ljust(13) }}|",
    { l: ["b", "a", "b"], s: "hello world", ml: "a\nb\nc" },
    "b, a, b 6 3 ['a', 'b', 'c'] TrueFalse -007 hello world  |",
  ],
  [
    "{{ l|map('upper')|list }} {{ l|select('equalto', 'a')|list }} {{ l|reject('in', ['a'])|list }} {{ objs|selectattr('a', 'gt', 1)|map(attribute='t')|list }} {{ objs|rejectattr('a', 'eq', 1)|list|length }} {{ [0, 1, '']|select|list }}",
    {
      l: ["b", "a", "b"],
      objs: [
        { a: 1, t: "x" },
        { a: 2, t: "y" },
      ],
    },
    "['B', 'A', 'B'] ['a'] ['b', 'b'] ['y'] 1 [1]",
  ],
  [
    "{{ l|batch(2)|list }} {{ l|batch(2, '-')|list }} {{ '<a>&\"'|e }} {{ 'a b/c(d)'|urlencode }} {{ '<p>a\n <b>b</b></p>'|striptags }}",
    { l: ["b", "a", "b"] },
    "[['b', 'a'], ['b']] [['b', 'a'], ['b', '-']] &lt;a&gt;&amp;&#34; a%20b/c%28d%29 a b",
  ],
  [
    "{{ nul|default('q') }} {{ nul|default('q', true) }} {{ objs|map(attribute='q', default=0)|list }}",
    {
      nul: null,
      objs: [
        { a: 1, t: "x" },
        { a: 2, t: "y" },
      ],
    },
    "None q [0, 0]",
  ],
  ["{{ 'a' ~ 1 ~ none ~ xs }}", { xs: [1] }, "a1None[1]"],
  ["{% set total = 0 %}{% for x in xs %}{% set total = x %}{% endfor %}{{ total }}", { xs: [1, 2] }, "0"],
  [
    "{% set ns = namespace(n=0) %}{% for x in xs %}{% set ns.n = ns.n + x %}{% endfor %}{{ ns.n }}",
    { xs: [1, 2] },
    "3",
  ],
  [
    "{% macro item(x, sep=': ') %}<{{ x }}{{ sep }}>{% endmacro %}{{ item('a') }}{{ item('b', sep='-') }}",
    {},
    "<a: ><b->",
  ],
  ["{# a comment #}{{ '{{ literal }}' }}{% raw %}{{ raw }}{% endraw %}", {}, "{{ literal }}{{ raw }}"],
  [
    "{{ d['key'] }} {{ d.key }} {{ d.get('other', 'z') }} {{ xs[0] }} {{ xs[-1] }} {{ xs[1:] }} {{ s[:3] }}",
    { d: { key: "v" }, xs: [1, 2, 3], s: "abcdef" },
    "v v z 1 3 [2, 3] abc",
  ],
  [
    "{{ 'x' if flag else 'y' }} {{ 1 in xs }} {{ 'b' not in s }} {{ xs == [1] }} {{ not flag }}",
    { flag: true, xs: [1], s: "abc" },
    "x True False True False",
  ],
  ["{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %}", { d: { a: 1, b: null } }, "a=1;b=None;"],
  [
    "{{ xs | sort | join }} {{ xs | unique | join }} {{ ms | map(attribute='n') | list }} {{ ms | selectattr('n', 'equalto', 'a') | list | length }}",
    { xs: [2, 1, 2], ms: [{ n: "a" }, { n: "b" }] },
    "122 21 ['a', 'b'] 1",
  ],
  ["{{ d | tojson }}", { d: { a: [1, null, true, "x"] } }, '{"a": [1, null, true, "x"]}'],
  ["a\n\n{{ b }}\n\n", { b: "c\n" }, "a\n\nc\n\n"],
  ["  {% if true %}\n  x\n  {% endif %}\n", {}, "  \n  x\n  "],
];

/** On these, jinja2 raises UndefinedError. */
const undefinedInPython: [template: string, values: Record<string, unknown>][] = [
  ["{{ x }}", {}],
  ["{{ x.y }}", { x: {} }],
  ["{% if x %}a{% endif %}", {}],
  ["{% for a in x %}{% endfor %}", {}],
  ["{{ x | upper }}", {}],
  ["{{ d.a.b }}", { d: { a: {} } }],
  ["{{ xs | first }}", { xs: [] }],
];

describe("templates give what Python's jinja2 gives", () => {
  test.each(recorded)("%j", (template, values, text) => {
    expect(readTemplate(template, "prompt").render(values)).toBe(text);
  });

  test.each(undefinedInPython)("%j fails", (template, values) => {
    expect(() => readTemplate(template, "prompt").render(values)).toThrow(
      /prompt: ('.*' has no value|'first' of an empty list)/,
    );
  });
});

test("what a template takes from outside is known beforehand", () => {
  const names = (text: string) => readTemplate(text, "prompt").names;
  expect(names("{{ a }} {{ b.c }} {{ d[e] }} {{ f(g, h=i) }}")).toEqual(["a", "b", "d", "e", "f", "g", "i"]);
  expect(names("{% for x in xs %}{{ x }}{{ loop.index }}{% endfor %}{% set y = z %}{{ y }}")).toEqual(["xs", "z"]);
  expect(names("{% if a is defined %}{{ a }}{% endif %}{{ b | default('x') }}{{ c | upper }}")).toEqual(["c"]);
  expect(names("{% macro m(p, q=r) %}{{ p }}{{ q }}{% endmacro %}{{ m(s) }}{% raw %}{{ t }}{% endraw %}")).toEqual([
    "r",
    "s",
  ]);
});

test("columns may bear the names of what templates know themselves", () => {
  const values = { namespace: "n", range: "r", loop: "l", raw_text_0: "x" };
  expect(readTemplate("{{ namespace }} {{ range }} {% raw %}{{{% endraw %}", "p").render(values)).toBe("n r {{");
});

test("a template that cannot be read is refused with its place", () => {
  expect(() => readTemplate("{{ a", "p.yaml")).toThrow(/p\.yaml: not a valid template/);
  expect(() => readTemplate("{{ a | uper }}", "p.yaml")).toThrow(/unknown filter 'uper' \(did you mean 'upper'/);
});

test("a template that works without end is stopped", () => {
  const loops = readTemplate("{% for i in range(800) %}{% for j in range(800) %}x{% endfor %}{% endfor %}", "p");
  expect(() => loops.render({})).toThrow(/stopped after 100000 steps/);
  expect(() => readTemplate("{% for i in range(10 ** 9) %}{% endfor %}", "p").render({})).toThrow(/at most 100000/);
  const doubling = `{% set x = "xxxxxxxxxxxxxxxx" %}${"{% set x = x ~ x %}".repeat(30)}{{ x }}`;
  expect(() => readTemplate(doubling, "p").render({})).toThrow(/more than 8388608 characters/);
});
