/** The rules about what stands in an entry: how floats are written, the order of names, which texts have quotes. */
import { pythonPattern } from "../../util/python-pattern.ts";
import { TAG_PREFIX } from "../yaml/node.ts";
import { resolveTag } from "../yaml/resolve-tag.ts";
import { scanYaml } from "../yaml/scan-yaml.ts";
import { UNPRINTABLE } from "../yaml/text-cursor.ts";
import type { Token } from "../yaml/token.ts";
import type { LintRule, RuleOptions } from "./lint-rule.ts";
import { at, eachName, eachToken } from "./token-rules.ts";

const floatForms = [
  { option: "forbid-nan", form: /^\.(?:nan|NaN|NAN)$/, name: "forbidden not a number value" },
  { option: "forbid-inf", form: /^[-+]?\.(?:inf|Inf|INF)$/, name: "forbidden infinite value" },
  {
    option: "forbid-scientific-notation",
    form: /^[-+]?(?:\.\d+|\d+(?:\.\d*)?)[eE][-+]?\d+$/,
    name: "forbidden scientific notation",
  },
  {
    option: "require-numeral-before-decimal",
    form: /^[-+]?\.\d+(?:[eE][-+]?\d+)?$/,
    name: "forbidden decimal missing 0 prefix",
  },
];

export const floatValues: LintRule = {
  options: Object.fromEntries(floatForms.map(({ option }) => [option, false])),
  check({ tokens }, options, report) {
    eachToken(tokens, (token, before) => {
      if (token.kind !== "scalar" || token.style !== "plain" || before?.kind === "tag") return;
      for (const { option, form, name } of floatForms)
        if (options[option] === true && form.test(token.text))
          report({
            ...at(token),
            message: `${name} "${token.text}"`,
            hint: "Write it another way, or put it in quotes.",
          });
    });
  },
};

export const keyOrdering: LintRule = {
  options: { "ignored-keys": [] },
  check({ tokens }, options, report) {
    const isIgnored = matcherOf(options, "ignored-keys");
    const newMapping = (): { greatest?: string } => ({});
    eachName(tokens, newMapping, (name, mapping) => {
      if (isIgnored(name.text)) return;
      if (mapping.greatest !== undefined && standsBefore(name.text, mapping.greatest))
        report({
          ...at(name),
          message: `wrong ordering of key "${name.text}" in mapping`,
          hint: "Put the entries into alphabetical order.",
        });
      else mapping.greatest = name.text;
    });
  },
};

/** By code points, as in the C locale; UTF-16 would put emoji before some letters. */
function standsBefore(a: string, b: string): boolean {
  const [left, right] = [[...a], [...b]];
  const index = left.findIndex((character, place) => character !== right[place]);
  if (index < 0) return left.length < right.length;
  return index < right.length && left[index]!.codePointAt(0)! < right[index]!.codePointAt(0)!;
}

/** Where a text is an entry of something, not what stands between. */
const beforeEntries = new Set(["block-entry", "flow-entry", "flow-sequence-start", "tag", "value", "key"]);

export const quotedStrings: LintRule = {
  options: {
    "quote-type": "any",
    required: true,
    "extra-required": [],
    "extra-allowed": [],
    "allow-quoted-quotes": false,
    "check-keys": false,
  },
  check({ tokens, lines }, options, report) {
    const kind = options["quote-type"] as string;
    const isExtraRequired = matcherOf(options, "extra-required");
    const isExtraAllowed = matcherOf(options, "extra-allowed");
    let first: string | undefined;
    const isOfKind = (style: string | undefined): boolean => {
      if (kind !== "consistent") return kind === "any" || kind === style;
      first ??= style;
      return first === style;
    };
    const objection = (token: Token, isInFlow: boolean): string | undefined => {
      const { style, text } = token;
      const isQuoted = style !== "plain";
      const fits = () =>
        isQuoted &&
        (isOfKind(style) || (options["allow-quoted-quotes"] === true && text.includes(style === "single" ? '"' : "'")));
      if (options["required"] === true) return fits() ? undefined : `not quoted with ${kind} quotes`;
      if (!isQuoted) return isExtraRequired(text) ? "not quoted" : undefined;
      const isRedundant =
        options["required"] === "only-when-needed" &&
        text !== "" &&
        isText(text) &&
        !needsQuotes(token, isInFlow, lines.text);
      if (isRedundant)
        return isExtraRequired(text) || isExtraAllowed(text) ? undefined : `redundantly quoted with ${kind} quotes`;
      return fits() ? undefined : `not quoted with ${kind} quotes`;
    };
    let flowDepth = 0;
    eachToken(tokens, (token, before) => {
      if (/^flow-.*-start$/.test(token.kind)) flowDepth += 1;
      if (/^flow-.*-end$/.test(token.kind)) flowDepth -= 1;
      if (token.kind !== "scalar" || before === undefined || !beforeEntries.has(before.kind)) return;
      if (before.kind === "key" && options["check-keys"] !== true) return;
      if (before.kind === "tag" && before.handle === "!!") return;
      if (token.style === "literal" || token.style === "folded" || (token.style === "plain" && !isText(token.text)))
        return;
      const what = objection(token, flowDepth > 0);
      const noun = before.kind === "key" ? "key" : "value";
      const hint = what?.startsWith("redundantly") ? "Write it without quotes." : "Put it in quotes.";
      if (what !== undefined) report({ ...at(token), message: `string ${noun} is ${what}`, hint });
    });
  },
};

/** yamllint also takes YAML 1.2's octal numbers (`0o17`) for numbers. */
function isText(text: string): boolean {
  return resolveTag(text) === `${TAG_PREFIX}str` && !/^[-+]?0o?[0-7_]+$/.test(text);
}

/** Without its quotes the text would be another one, or none. */
function needsQuotes(token: Token, isInFlow: boolean, source: string): boolean {
  const { text } = token;
  if (isInFlow && /[,[\]{}]/.test(text)) return true;
  if (token.style === "double") {
    // What can be written by escapes alone.
    if (UNPRINTABLE.test(text)) return true;
    if (token.line !== token.endLine && source.slice(token.start + 1, token.end - 1).includes("\\\n")) return true;
  }
  // stream-start, block-mapping-start, key, `key`, value; then what is made of the text.
  const [scalar, end] = scanYaml(`key: ${text}`).tokens.slice(5);
  return !(scalar?.kind === "scalar" && scalar.style === "plain" && scalar.text === text && end?.kind === "block-end");
}

function matcherOf(options: RuleOptions, name: string): (text: string) => boolean {
  const patterns = (options[name] as readonly string[]).map(pythonPattern);
  return (text) => patterns.some((pattern) => text.search(pattern) >= 0);
}
