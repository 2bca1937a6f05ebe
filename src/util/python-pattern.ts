/**
 * Regular expressions as Python writes them (`parsing_pattern` of pipeline files, configurations of yamllint), as JavaScript's: named groups, \A and
 * \Z, flags at the front, the Unicode meaning of \d \w \s \b, `$` before a last line break, braces and escapes that only Python takes for plain
 * characters.
 */

const WORD = "[\\p{L}\\p{N}_]";
const SPACE = "\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";
const START = "(?<![\\s\\S])";
const END = "(?![\\s\\S])";

const escapes: Record<string, string> = {
  A: START,
  Z: END,
  b: `(?:(?<=${WORD})(?!${WORD})|(?<!${WORD})(?=${WORD}))`,
  B: `(?:(?<=${WORD})(?=${WORD})|(?<!${WORD})(?!${WORD}))`,
  d: "\\p{Nd}",
  D: "\\P{Nd}",
  w: WORD,
  W: `[^${WORD.slice(1)}`,
  s: `[${SPACE}]`,
  S: `[^${SPACE}]`,
};
/** Inside brackets. */
const classEscapes: Record<string, string> = { d: "\\p{Nd}", D: "\\P{Nd}", w: WORD.slice(1, -1), s: SPACE };

type Rule = [pattern: RegExp, translate: (...groups: string[]) => string];

const NAMED = /\\U([\da-fA-F]{8})/;

const classRules: Rule[] = [
  [NAMED, (_, code) => `\\u{${code!.replace(/^0+(?=.)/, "")}}`],
  [/\\([\s\S])/, (_, letter) => classEscapes[letter!] ?? plainEscape(letter!)],
  [/\[/, () => "\\["],
  [/[^\\]/, (character) => character!],
];

const commonRules: Rule[] = [
  [/\(\?#[^)]*\)/, () => ""],
  [/\(\?P</, () => "(?<"],
  [/\(\?P=(\w+)\)/, (_, name) => `\\k<${name}>`],
  [
    /\(\?(?:[aiLmsux]+\)|[aiLmsux-]+:|>|\()|[*+?}]\+/,
    (part) => {
      throw new SyntaxError(`'${part}' inside a pattern is not supported; flags such as (?i) stand at its beginning`);
    },
  ],
  [NAMED, (_, code) => `\\u{${code!.replace(/^0+(?=.)/, "")}}`],
  [/\\([\s\S])/, (_, letter) => escapes[letter!] ?? plainEscape(letter!)],
  [
    /\[(\^?)(\]?)((?:\\[\s\S]|[^\]\\])*)\]/,
    (_, not, bracket, body) => `[${not}${bracket && "\\]"}${apply(classRules, body!)}]`,
  ],
  [/\{,(\d+)\}/, (_, most) => `{0,${most}}`],
  [/\{\d+(?:,\d*)?\}/, (quantifier) => quantifier!],
  [/[{}\]]/, (character) => `\\${character}`],
  [/[^[]/, (character) => character!],
];

/** Global, and `.` matches line breaks, as upstream's parser does it. Throws `SyntaxError`. */
export function pythonPattern(source: string): RegExp {
  const front = source.match(/^\(\?([aiLmsux]+)\)/);
  const flags = front?.[1] ?? "";
  const isMultiline = flags.includes("m");
  const rules: Rule[] = [
    ...(flags.includes("x") ? ([[/\s+|#[^\n]*/, () => ""]] satisfies Rule[]) : []),
    [/\$/, () => (isMultiline ? "(?![^\\n])" : `(?=\\n?${END})`)],
    [/\^/, () => (isMultiline ? "(?<![^\\n])" : START)],
    ...commonRules,
  ];
  const translated = apply(rules, source.slice(front?.[0].length ?? 0));
  return new RegExp(translated, `gsu${flags.includes("i") ? "i" : ""}`);
}

/** The text piece by piece, each by the first rule that fits it. */
function apply(rules: readonly Rule[], text: string): string {
  let result = "";
  for (let at = 0; at < text.length; ) {
    const piece = firstFitting(rules, text, at);
    if (piece === undefined) throw new SyntaxError(`'${text.slice(at, at + 10)}' is not understood`);
    result += piece.made;
    at += piece.length;
  }
  return result;
}

function firstFitting(rules: readonly Rule[], text: string, at: number): { made: string; length: number } | undefined {
  for (const [pattern, translate] of rules) {
    const sticky = new RegExp(pattern.source, "y");
    sticky.lastIndex = at;
    const match = sticky.exec(text);
    if (match) return { made: translate(...match), length: match[0].length };
  }
  return undefined;
}

/** An escaped character that means the same inside brackets and outside. */
function plainEscape(letter: string): string {
  if (letter === "a") return "\\x07";
  if (/[a-zA-Z\d]/.test(letter)) return `\\${letter}`;
  if (letter === "-") return "\\x2d";
  return /[\^$\\.*+?()[\]{}|/]/.test(letter) ? `\\${letter}` : letter;
}
