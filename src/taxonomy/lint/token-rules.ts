/** The rules about signs: brackets, colons, commas, hyphens, marks of a document, words that are read as something else. */
import type { Token } from "../yaml/token.ts";
import { type BlankLimits, checkBlanks } from "./blanks-between.ts";
import type { LintedText, LintRule, Report, RuleOptions } from "./lint-rule.ts";

export function eachToken(
  tokens: readonly Token[],
  see: (token: Token, before: Token | undefined, behind: Token | undefined) => void,
): void {
  for (let i = 0; i < tokens.length; i++) see(tokens[i]!, tokens[i - 1], tokens[i + 1]);
}

/** Every text that names an entry, with what was made for its mapping. Lists name nothing, also where brackets hold a pair. */
export function eachName<Mapping extends object>(
  tokens: readonly Token[],
  newMapping: () => Mapping,
  see: (name: Token, mapping: Mapping) => void,
): void {
  const open: (Mapping | undefined)[] = [];
  eachToken(tokens, ({ kind }, _, behind) => {
    if (kind.endsWith("mapping-start")) open.push(newMapping());
    else if (kind.endsWith("sequence-start")) open.push(undefined);
    else if (kind === "block-end" || kind === "flow-mapping-end" || kind === "flow-sequence-end") open.pop();
    const mapping = open.at(-1);
    if (kind === "key" && behind?.kind === "scalar" && mapping !== undefined) see(behind, mapping);
  });
}

/** 1-based, of the first character. */
export const at = ({ line, column }: Token) => ({ line: line + 1, column: column + 1 });
const limit = (options: RuleOptions, name: string) => options[name] as number;

function inside(kind: "flow-mapping" | "flow-sequence", name: string, noun: string): LintRule {
  return {
    options: {
      ...{ forbid: false, "min-spaces-inside": 0, "max-spaces-inside": 0 },
      ...{ "min-spaces-inside-empty": -1, "max-spaces-inside-empty": -1 },
    },
    check({ tokens }, options, report) {
      const hint = `Write ${noun} without blanks inside, or as lines of their own.`;
      const limits = (isEmpty: boolean) => {
        const of = (which: string) =>
          isEmpty && limit(options, `${which}-empty`) !== -1 ? limit(options, `${which}-empty`) : limit(options, which);
        const where = isEmpty ? `empty ${name}` : name;
        return {
          ...{ least: of("min-spaces-inside"), most: of("max-spaces-inside"), hint },
          ...{ tooFew: `too few spaces inside ${where}`, tooMany: `too many spaces inside ${where}` },
        };
      };
      eachToken(tokens, (token, before, behind) => {
        if (token.kind === `${kind}-start`) {
          const isEmpty = behind?.kind === `${kind}-end`;
          if (options["forbid"] === true || (options["forbid"] === "non-empty" && !isEmpty))
            report({
              line: token.line + 1,
              column: token.endColumn + 1,
              message: `forbidden ${noun}`,
              hint: "Write it as lines of their own.",
            });
          else checkBlanks(token, behind, limits(isEmpty), report);
        } else if (token.kind === `${kind}-end` && before?.kind !== `${kind}-start`)
          checkBlanks(before, token, limits(false), report);
      });
    },
  };
}

export const braces = inside("flow-mapping", "braces", "flow mapping");
export const brackets = inside("flow-sequence", "brackets", "flow sequence");

/** What ends with a line break, as the texts behind `|`, has no blanks behind it that count. */
function blanksBefore(
  { lines }: LintedText,
  before: Token | undefined,
  token: Token,
  limits: BlankLimits,
  report: Report,
): void {
  if (before === undefined || lines.text[before.end - 1] !== "\n") checkBlanks(before, token, limits, report);
}

export const colons: LintRule = {
  options: { "max-spaces-before": 0, "max-spaces-after": 1 },
  check(text, options, report) {
    const { tokens } = text;
    const hint = "Write 'name: text': no blank before the colon, one behind it.";
    const behindLimit = limit(options, "max-spaces-after");
    eachToken(tokens, (token, before, behind) => {
      if (token.kind === "value") {
        // `*name :` needs the blank: without it the colon is part of the name.
        if (!(before?.kind === "alias" && token.start - before.end === 1))
          blanksBefore(
            text,
            before,
            token,
            { most: limit(options, "max-spaces-before"), tooMany: "too many spaces before colon", hint },
            report,
          );
        checkBlanks(token, behind, { most: behindLimit, tooMany: "too many spaces after colon", hint }, report);
      } else if (token.kind === "key" && token.end > token.start)
        checkBlanks(token, behind, { most: behindLimit, tooMany: "too many spaces after question mark", hint }, report);
    });
  },
};

export const commas: LintRule = {
  options: { "max-spaces-before": 0, "min-spaces-after": 1, "max-spaces-after": 1 },
  check(text, options, report) {
    const { tokens } = text;
    const hint = "Write '[a, b]': no blank before a comma, one behind it.";
    const beforeLimit = limit(options, "max-spaces-before");
    const tooManyBefore = "too many spaces before comma";
    eachToken(tokens, (token, before, behind) => {
      if (token.kind !== "flow-entry") return;
      if (before !== undefined && beforeLimit !== -1 && before.endLine < token.line)
        report({ line: token.line + 1, column: Math.max(1, token.column), message: tooManyBefore, hint });
      else blanksBefore(text, before, token, { most: beforeLimit, tooMany: tooManyBefore, hint }, report);
      const limits = { least: limit(options, "min-spaces-after"), most: limit(options, "max-spaces-after") };
      const words = { tooFew: "too few spaces after comma", tooMany: "too many spaces after comma" };
      checkBlanks(token, behind, { ...limits, ...words, hint }, report);
    });
  },
};

export const hyphens: LintRule = {
  options: { "max-spaces-after": 1 },
  check({ tokens }, options, report) {
    const limits = { most: limit(options, "max-spaces-after"), tooMany: "too many spaces after hyphen" };
    eachToken(tokens, (token, _, behind) => {
      if (token.kind === "block-entry")
        checkBlanks(token, behind, { ...limits, hint: "Write '- text' with one blank." }, report);
    });
  },
};

export const documentStart: LintRule = {
  options: { present: true },
  check({ tokens }, options, report) {
    eachToken(tokens, (token, before) => {
      if (options["present"] !== true) {
        if (token.kind === "document-start")
          report({ ...at(token), message: 'found forbidden document start "---"', hint: "Remove the line." });
      } else if (
        ["stream-start", "document-end", "directive"].includes(before?.kind ?? "") &&
        !["document-start", "directive", "stream-end"].includes(token.kind)
      )
        report({
          line: token.line + 1,
          column: 1,
          message: 'missing document start "---"',
          hint: "Begin the file with '---'.",
        });
    });
  },
};

export const documentEnd: LintRule = {
  options: { present: true },
  check({ tokens }, options, report) {
    const missing = { column: 1, message: 'missing document end "..."', hint: "End the file with '...'." };
    eachToken(tokens, (token, before) => {
      if (options["present"] !== true) {
        if (token.kind === "document-end")
          report({ ...at(token), message: 'found forbidden document end "..."', hint: "Remove the line." });
        return;
      }
      const isClosed = before?.kind === "document-end" || before?.kind === "stream-start";
      if (token.kind === "stream-end" && !isClosed)
        report({ line: token.line, silencedOn: token.line + 1, ...missing });
      else if (token.kind === "document-start" && !isClosed && before?.kind !== "directive")
        report({ line: token.line + 1, ...missing });
    });
  },
};

export const keyDuplicates: LintRule = {
  options: { "forbid-duplicated-merge-keys": false },
  check({ tokens }, options, report) {
    const newMapping = () => new Set<string>();
    eachName(tokens, newMapping, (name, names) => {
      const isAllowed = name.text === "<<" && options["forbid-duplicated-merge-keys"] !== true;
      if (names.has(name.text) && !isAllowed)
        report({
          ...at(name),
          message: `duplication of key "${name.text}" in mapping`,
          hint: "Keep one of the two; a list of entries needs '- ' before each.",
        });
      names.add(name.text);
    });
  },
};

export const anchors: LintRule = {
  options: { "forbid-undeclared-aliases": true, "forbid-duplicated-anchors": false, "forbid-unused-anchors": false },
  check({ tokens }, options, report) {
    const set = new Map<string, Token>();
    const used = new Set<string>();
    eachToken(tokens, (token) => {
      if (token.kind === "alias") used.add(token.text);
      if (token.kind !== "anchor") return;
      if (set.has(token.text) && options["forbid-duplicated-anchors"] === true)
        report({ ...at(token), message: `found duplicated anchor "${token.text}"`, hint: "Give it another name." });
      set.set(token.text, token);
    });
    if (options["forbid-unused-anchors"] !== true) return;
    for (const [name, token] of set)
      if (!used.has(name)) report({ ...at(token), message: `found unused anchor "${name}"`, hint: "Remove it." });
  },
};

const wordsOfTruth12 = ["TRUE", "True", "true", "FALSE", "False", "false"];
/** `allowed-values` may name no others. */
export const wordsOfTruth = [
  ...["YES", "Yes", "yes", "NO", "No", "no", ...wordsOfTruth12],
  ...["ON", "On", "on", "OFF", "Off", "off"],
];

export const truthy: LintRule = {
  options: { "allowed-values": ["true", "false"], "check-keys": true },
  check({ tokens }, options, report) {
    const allowed = options["allowed-values"] as readonly string[];
    let words = wordsOfTruth;
    eachToken(tokens, (token, before) => {
      if (token.kind === "directive" && /^0*1\.0*2$/.test(token.prefix ?? "")) words = wordsOfTruth12;
      if (token.kind !== "scalar" || token.style !== "plain" || before?.kind === "tag") return;
      if (options["check-keys"] !== true && before?.kind === "key") return;
      if (!words.includes(token.text) || allowed.includes(token.text)) return;
      const message = `truthy value should be one of [${allowed.toSorted().join(", ")}]`;
      report({ ...at(token), message, hint: `Put it in quotes: "${token.text}".` });
    });
  },
};

export const emptyValues: LintRule = {
  options: { "forbid-in-block-mappings": true, "forbid-in-flow-mappings": true, "forbid-in-block-sequences": true },
  check({ tokens }, options, report) {
    eachToken(tokens, (token, _, behind) => {
      const tell = (where: string) =>
        report({
          line: token.line + 1,
          column: token.endColumn + 1,
          message: `empty value in ${where}`,
          hint: "Write the value.",
        });
      if (
        token.kind === "value" &&
        options["forbid-in-block-mappings"] === true &&
        ["key", "block-end"].includes(behind?.kind ?? "")
      )
        tell("block mapping");
      if (
        token.kind === "value" &&
        options["forbid-in-flow-mappings"] === true &&
        ["flow-entry", "flow-mapping-end"].includes(behind?.kind ?? "")
      )
        tell("flow mapping");
      if (
        token.kind === "block-entry" &&
        options["forbid-in-block-sequences"] === true &&
        ["key", "block-end", "block-entry"].includes(behind?.kind ?? "")
      )
        tell("block sequence");
    });
  },
};

export const octalValues: LintRule = {
  options: { "forbid-implicit-octal": true, "forbid-explicit-octal": true },
  check({ tokens }, options, report) {
    eachToken(tokens, (token, before) => {
      if (token.kind !== "scalar" || token.style !== "plain" || before?.kind === "tag") return;
      const { text } = token;
      const place = { line: token.line + 1, column: token.endColumn + 1, hint: `Put it in quotes: "${text}".` };
      if (options["forbid-implicit-octal"] === true && /^0[0-7]+$/.test(text))
        report({ ...place, message: `forbidden implicit octal value "${text}"` });
      if (options["forbid-explicit-octal"] === true && /^0o[0-7]+$/.test(text))
        report({ ...place, message: `forbidden explicit octal value "${text}"` });
    });
  },
};
