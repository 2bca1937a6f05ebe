import { expect, test } from "vitest";
import { pythonPattern } from "./python-pattern.ts";

/** Recorded from Python 3: re.findall(pattern, text, re.DOTALL), one list per match. */
const recorded: [pattern: string, text: string, found: string[][]][] = [
  [
    "\\[(?:Question|QUESTION)\\]\\s*(.*?)\\s*\\[(?:Answer|ANSWER)\\]\\s*(.*?)\\s*(?=\\[(?:Question|QUESTION)\\]|$)",
    "[Question] a?\n[Answer]\n b \n[END]\n\n[QUESTION] c [ANSWER] d\n",
    [
      ["a?", "b \n[END]"],
      ["c", "d"],
    ],
  ],
  ["(?P<q>\\w+): (?P<a>[^\\n]+)\\Z", "x\n\u00e0_1: b ]c", [["\u00e0_1", "b ]c"]]],
  ["(?P<tag>b|i)>(.*?)</(?P=tag)>", "<b>x</b> <i>y</b>", [["b", "x"]]],
  ["(?i)q:(.*?)$", "Q:abc\n", [["abc"]]],
  ["(?m)^- ([^\\n]*)$", "- a\r\n- b\n", [["a\r"], ["b"]]],
  ["^- ([^\\n]*)", "- a\n- b", [["a"]]],
  ["[\\]\\[x-]+", "a[x]-b", [["[x]-"]]],
  ["[]a]+", "]a b", [["]a"]]],
  ["[^]a]+", "]a b", [[" b"]]],
  ["a{,2}b", "aab", [["aab"]]],
  ["a{2,}", "aaa a", [["aaa"]]],
  ["{a}", "{a}", [["{a}"]]],
  ["\\{(.*?)\\}", "{x}{y}", [["x"], ["y"]]],
  ["\\bfoo\\b", "foo \u00e9foo foo.", [["foo"], ["foo"]]],
  ["\\Boo", "foo oo", [["oo"]]],
  ['\\"(.*?)\\"', 'say "hi" "yo"', [["hi"], ["yo"]]],
  ["(?x) a  # comment\n \\s b", "a b", [["a b"]]],
  ["a(?#why)b", "ab", [["ab"]]],
  ["x*", "axb", [[""], ["x"], [""], [""]]],
  ["\\d+", "\u06634 5", [["\u06634"], ["5"]]],
  ["(a)?b", "b ab", [[""], ["a"]]],
  ["[^\\s\\d]+", "ab1 c", [["ab"], ["c"]]],
  ["[\\s]+", "a\u0085 b\ufeffc", [["\u0085 "]]],
  ["\\s", "a\u001fb\ufeffc", [["\u001f"]]],
  ["\\.\\-\\/\\#\\~\\<", "a.-/#~<", [[".-/#~<"]]],
  ["\\U0001F600", "\ud83d\ude00", [["\ud83d\ude00"]]],
  ["(?:Score|score)\\W+(\\d)", "Score: 2", [["2"]]],
  ["a|b|", "ab", [["a"], ["b"], [""]]],
];

test.each(recorded)("%j finds in %j what Python finds", (pattern, text, found) => {
  const matches = [...text.matchAll(pythonPattern(pattern))];
  expect(matches.map((match) => (match.length > 1 ? match.slice(1) : [...match]).map((part) => part ?? ""))).toEqual(
    found,
  );
});

test.each(["(", "[a", "a(?i)b", "(?i:a)b", "(?>a)", "a++", "(?P<a"])("%j is refused", (pattern) => {
  expect(() => pythonPattern(pattern)).toThrow(SyntaxError);
});
