import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { parseYaml } from "../parse-yaml.ts";
import { defaultLintConfig, readLintConfig } from "./lint-config.ts";
import { lintYaml } from "./lint-yaml.ts";

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "ilab-lint-"));
});
afterEach(async () => {
  await rm(root, { recursive: true, force: true });
});

async function lint(config: string, text: string) {
  const file = join(root, "rules.yaml");
  await writeFile(file, config);
  return lintYaml(parseYaml(text).yaml!, await readLintConfig(file)).map(
    ({ line, column, severity, code }) => `${line}:${column} ${severity} ${code}`,
  );
}

// What yamllint 1.37.1 says with the same configuration.
test.each([
  ["extends: relaxed", "a: 1 \nb:  2\n", ["1:5 error trailing-spaces", "2:4 warning colons"]],
  [
    "extends: default",
    "a: yes #c\n",
    ["1:1 warning document-start", "1:4 warning truthy", "1:8 warning comments", "1:9 warning comments"],
  ],
  ["extends: relaxed\nrules: {line-length: {max: 8}}", "a: bb cc dd\nb: abcdefghijkl\n", ["1:9 warning line-length"]],
  ["extends: relaxed\nrules: {line-length: {max: 8, level: error}}", "a: bb cc dd\n", ["1:9 error line-length"]],
  ["extends: relaxed\nrules: {colons: disable, trailing-spaces: disable}", "a:  1 \n", []],
  ["rules: {indentation: {spaces: 4}}", "a:\n  b: 1\n", ["2:3 error indentation"]],
  ["rules: {document-end: enable}", "a: 1\n", ["1:1 error document-end"]],
  ["rules: {braces: {forbid: true}}", "a: {b: 1}\n", ["1:5 error braces"]],
  [
    "rules: {float-values: {forbid-inf: true, forbid-nan: true, forbid-scientific-notation: true, require-numeral-before-decimal: true}}",
    "- .inf\n- -.5e3\n- .NaN\n- 1.5\n- '.5'\n- !!float .5\n",
    ["1:3 error float-values", "2:3 error float-values", "2:3 error float-values", "3:3 error float-values"],
  ],
  [
    "rules: {key-ordering: enable}",
    'b: 1\na: {z: 1, y: 2}\nc: [{q: 1, p: 2}]\n"A": 1\n',
    ["2:1 error key-ordering", "2:11 error key-ordering", "3:12 error key-ordering", "4:1 error key-ordering"],
  ],
  ['rules: {key-ordering: {ignored-keys: ["^n", "e$"]}}', "b: 1\nname: 2\nage: 3\na: 1\n", ["4:1 error key-ordering"]],
  ["rules: {key-ordering: enable}", "～: 1\n😀: 2\né: 3\n", ["3:1 error key-ordering"]],
  [
    "rules: {quoted-strings: enable}",
    "a: b\nc: 'd'\ne: 1\nf: yes\ng: |\n  x\nh: !!str i\n? k\n: [l, 0o17]\n",
    ["1:4 error quoted-strings", "9:4 error quoted-strings"],
  ],
  [
    "rules: {quoted-strings: {quote-type: single, check-keys: true}}",
    "'a': \"b\"\nc: 'd'\n",
    ["1:6 error quoted-strings", "2:1 error quoted-strings"],
  ],
  [
    'rules: {quoted-strings: {required: false, quote-type: double, allow-quoted-quotes: true, extra-required: ["^http"]}}',
    "a: 'b'\nc: 'say \"d\"'\ne: http://f\n",
    ["1:4 error quoted-strings", "3:4 error quoted-strings"],
  ],
  [
    'rules: {quoted-strings: {required: only-when-needed, extra-allowed: ["^http"], extra-required: [QUOTED]}}',
    "- 'a'\n- 'a: b'\n- '# a'\n- '1'\n- ''\n- ['b, c', 'd']\n- 'http://x'\n- is QUOTED\n- \"\\u0007\"\n- \"a\\\n  b\"\n- 'a\n  b'\n- '- x'\n",
    ["1:3 error quoted-strings", "6:12 error quoted-strings", "8:3 error quoted-strings", "12:3 error quoted-strings"],
  ],
  [
    "rules: {line-length: {max: 20, allow-non-breakable-inline-mappings: true}}",
    `a: {b: ${"c".repeat(20)}}\nd: [e f, {g: ${"h".repeat(20)}}]\ni: {j: k l, m: ${"n".repeat(20)}}\n`,
    ["3:21 error line-length"],
  ],
  ["rules: {truthy: enable}", "%YAML 1.2\n---\na: yes\nb: on\nc: True\nd: true\n", ["5:4 error truthy"]],
  ["rules: {document-end: enable}", "a: 1  # yamllint disable-line\n", ["1:1 error document-end"]],
  ["rules: {document-end: enable}", "a: 1\n# yamllint disable-line\n", []],
  ["rules: {document-end: enable}", "a: 1  # yamllint disable-line", ["0:1 error document-end"]],
  ["rules: {document-end: enable}", "a: \u2028", []],
  ["rules: {comments: enable}", "a: 1 #b", []],
  [
    "rules: {comments-indentation: enable}",
    "a: b\u2028 c\nd:\n  - e\n  # f\n    # g\n",
    ["6:5 error comments-indentation"],
  ],
  ["rules: {new-lines: {type: dos}}", "a: \u{1f600}\n", ["1:5 error new-lines"]],
  ["rules: {new-line-at-end-of-file: enable}", "a: \u{1f600}", ["1:5 error new-line-at-end-of-file"]],
  [
    "rules: {indentation: {check-multi-line-strings: true}}",
    "a: |\n    b\n     c\nd: 'e\n  f'\nh: i\n   j\nk:\n    - >\n        l\n    - |\n     m\n    - ? |\n          n\n      : |\n        o\n",
    [
      "3:6 error indentation",
      "5:3 error indentation",
      "10:9 error indentation",
      "12:6 error indentation",
      "14:11 error indentation",
      "16:9 error indentation",
    ],
  ],
  // Of 1.38.0.
  [
    "rules: {quoted-strings: {quote-type: consistent}}",
    "a: 'b'\nc: \"d\"\ne: f\ng: 'h'\n",
    ["2:4 error quoted-strings", "3:4 error quoted-strings"],
  ],
  [
    "rules: {quoted-strings: {quote-type: consistent, required: only-when-needed}}",
    "a: 'b'\nc: \"d: e\"\nf: 'g: h'\n",
    ["1:4 error quoted-strings", "3:4 error quoted-strings"],
  ],
])("%s", async (config, text, expected) => {
  expect(await lint(config, text)).toEqual(expected);
});

test("a file extends another one", async () => {
  await writeFile(join(root, "base.yaml"), "extends: relaxed\nrules: {colons: {level: error}}\n");
  expect(await lint("extends: base.yaml\nrules: {colons: {max-spaces-after: 2}}", "a:   1\n")).toEqual([
    "1:5 error colons",
  ]);
});

test.each([
  ["rules: {indentatoin: enable}", "Did you mean 'indentation'?"],
  ["rules: {colons: {spaces: 1}}", "It has: max-spaces-before"],
  ["rules: {colons: {max-spaces-after: x}}", "Its default is 1."],
  ["rules: {quoted-strings: {quote-type: triple}}", "any, single, double, consistent"],
  ["rules: {quoted-strings: {extra-required: [a]}}", "'required: false'"],
  ["rules: {quoted-strings: {required: false, extra-allowed: [a]}}", "only-when-needed"],
  ["rules: {key-ordering: {ignored-keys: ['(']}}", "regular expressions"],
  ["rules: {new-lines: {type: mac}}", "unix, dos, platform"],
  ["rules: {truthy: {allowed-values: [maybe]}}", '["true","false"]'],
  ["rules: {truthy: {allowed-values: [yes]}}", '["true","false"]'],
  ["rules: {indentation: {spaces: 2.5}}", "consistent"],
  ["rules: {empty-lines: {max: .5}}", "Its default is 2."],
  ["extends: rules.yaml", "Remove one"],
  ["extends: nowhere.yaml", "Give the path"],
  ["a: 'b", "Correct the file."],
])("%s is a usage error", async (config, hint) => {
  await expect(lint(config, "a: 1\n")).rejects.toMatchObject({ code: "USAGE", hint: expect.stringContaining(hint) });
});

test("comments switch rules off", () => {
  const codes = (text: string) => lintYaml(parseYaml(text).yaml!, defaultLintConfig).map(({ line }) => line);
  expect(codes("a:  1\nb:  1  # yamllint disable-line\nc:  1\n")).toEqual([1, 3]);
  expect(codes("# yamllint disable-line rule:colons\na:  1\nb:  1\n")).toEqual([3]);
  expect(codes("# yamllint disable rule:colons\na:  1 \n# yamllint enable\nb:  1\n")).toEqual([2, 4]);
  expect(codes("# yamllint disable-file\na:  1\n")).toEqual([]);
});
