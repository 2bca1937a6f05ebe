/** Which rules of form hold, and how: the two sets that yamllint brings along, and files that extend one of them. */
import { readFile } from "node:fs/promises";
import { dirname, isAbsolute, join } from "node:path";
import { closestName } from "../../util/did-you-mean.ts";
import { UsageError } from "../../util/errors.ts";
import { pythonPattern } from "../../util/python-pattern.ts";
import { parseYaml } from "../parse-yaml.ts";
import type { RuleOption, RuleOptions } from "./lint-rule.ts";
import { lintRules } from "./rules.ts";
import { wordsOfTruth } from "./token-rules.ts";

export interface RuleSetting {
  level: "error" | "warning";
  options: RuleOptions;
}

/** By the rule's name; what is absent is off. */
export type LintConfig = ReadonlyMap<string, RuleSetting>;

type Given = "enable" | "disable" | { level?: "error" | "warning"; options: Record<string, RuleOption> };

const warn = (options: Record<string, RuleOption> = {}): Given => ({ level: "warning", options });

const strictRules: Record<string, Given> = {
  ...{ anchors: "enable", braces: "enable", brackets: "enable", colons: "enable", commas: "enable" },
  ...{ comments: warn(), "comments-indentation": warn(), "document-start": warn(), truthy: warn() },
  ...{ "empty-lines": "enable", hyphens: "enable", indentation: "enable", "key-duplicates": "enable" },
  ...{
    "line-length": "enable",
    "new-line-at-end-of-file": "enable",
    "new-lines": "enable",
    "trailing-spaces": "enable",
  },
};

const relaxedRules: Record<string, Given> = {
  ...strictRules,
  ...{ braces: warn({ "max-spaces-inside": 1 }), brackets: warn({ "max-spaces-inside": 1 }) },
  ...{ colons: warn(), commas: warn(), "empty-lines": warn(), hyphens: warn() },
  ...{ comments: "disable", "comments-indentation": "disable", "document-start": "disable", truthy: "disable" },
  indentation: warn({ "indent-sequences": "consistent" }),
  "line-length": warn({ "allow-non-breakable-inline-mappings": true }),
};

const builtIn: Record<string, Record<string, Given>> = { default: strictRules, relaxed: relaxedRules };

/** What upstream checks leaves with: the relaxed set, and lines as long as they like. */
export const defaultLintConfig: LintConfig = settle({ ...relaxedRules, "line-length": "disable" });

/** A file in yamllint's format. Throws `UsageError` for what it cannot be. */
export async function readLintConfig(file: string): Promise<LintConfig> {
  const config = settle(await readRules(file, []));
  const { required, "extra-allowed": allowed, "extra-required": extra } = config.get("quoted-strings")?.options ?? {};
  const isIdle = (list: RuleOption | undefined) => (list as readonly string[] | undefined)?.length === 0;
  if ((required === true && !(isIdle(allowed) && isIdle(extra))) || (required === false && !isIdle(allowed)))
    throw new UsageError(
      `the rules of form in ${file} give 'quoted-strings' exceptions that can never apply with 'required: ${required}'`,
      "'extra-allowed' goes with 'required: only-when-needed', 'extra-required' with that and with 'required: false'.",
    );
  return config;
}

/** Longer chains are circles. */
const MAX_EXTENDS = 10;

async function readRules(file: string, chain: readonly string[]): Promise<Record<string, Given>> {
  const wrong = (what: string, hint: string) => new UsageError(`the rules of form in ${file} ${what}`, hint);
  if (chain.length > MAX_EXTENDS) throw wrong("extend each other in a circle", "Remove one of the 'extends'.");
  let text: string;
  try {
    text = (await readFile(file, "utf8")).replace(/^\ufeff/, "");
  } catch (error) {
    throw wrong(`cannot be read: ${(error as Error).message}`, "Give the path of a yamllint configuration.");
  }
  const { yaml, problems } = parseYaml(text);
  if (yaml === undefined) {
    const { line, column, message } = problems[0]!;
    throw wrong(`are no YAML (line ${line}, column ${column}): ${message}`, "Correct the file.");
  }
  const hint = "See https://yamllint.readthedocs.io/en/stable/configuration.html.";
  if (!isMapping(yaml.value)) throw wrong("are no mapping", hint);
  const { extends: base, rules = {} } = yaml.value;
  if (!isMapping(rules)) throw wrong("have a 'rules' that is no mapping", hint);
  let merged: Record<string, Given> = {};
  if (typeof base === "string")
    merged = builtIn[base] ?? (await readRules(isAbsolute(base) ? base : join(dirname(file), base), [...chain, file]));
  else if (base !== undefined && base !== null) throw wrong("have an 'extends' that is no text", hint);
  merged = { ...merged };
  for (const [name, value] of Object.entries(rules)) {
    if (lintRules[name] === undefined) {
      const nearest = closestName(name, Object.keys(lintRules));
      throw wrong(
        `name the rule '${name}', which is not known here`,
        nearest === undefined ? `Known rules: ${Object.keys(lintRules).join(", ")}.` : `Did you mean '${nearest}'?`,
      );
    }
    merged[name] = merge(merged[name], readSetting(name, value, wrong));
  }
  return merged;
}

/** What a file says about a rule that its base has on is added to what the base says. */
function merge(base: Given | undefined, given: Given): Given {
  if (given === "disable" || base === undefined || base === "disable") return given;
  if (given === "enable") return base;
  if (base === "enable") return given;
  return { level: given.level ?? base.level, options: { ...base.options, ...given.options } };
}

/** Values of options that are words, beside those of their default's type. */
const optionWords: Readonly<Record<string, readonly string[]>> = {
  "indent-sequences": ["whatever", "consistent"],
  forbid: ["non-empty"],
  required: ["only-when-needed"],
  "quote-type": ["any", "single", "double", "consistent"],
  type: ["unix", "dos", "platform"],
  spaces: ["consistent"],
};

function readSetting(name: string, value: unknown, wrong: (what: string, hint: string) => UsageError): Given {
  if (value === "enable" || value === true) return "enable";
  if (value === "disable" || value === false) return "disable";
  if (!isMapping(value))
    throw wrong(`set '${name}' to neither enable nor disable`, "Write 'enable', 'disable' or options.");
  const known = lintRules[name]!.options;
  const options: Record<string, RuleOption> = {};
  // Files are linted without their names, as the original parser does it, so that `ignore` never applies.
  const { level = undefined, ignore: _, "ignore-from-file": __, ...rest } = value;
  if (level !== undefined && level !== "error" && level !== "warning")
    throw wrong(`give '${name}' a level that is neither error nor warning`, "Write 'level: warning'.");
  for (const [option, chosen] of Object.entries(rest)) {
    if (known[option] === undefined)
      throw wrong(
        `name the option '${option}' of '${name}', which it does not have`,
        `It has: ${Object.keys(known).join(", ")}.`,
      );
    const words = optionWords[option];
    const fitsList = (one: unknown) =>
      typeof one === "string" && (option !== "allowed-values" || wordsOfTruth.includes(one));
    const fits =
      words?.includes(chosen as string) ||
      (Array.isArray(known[option])
        ? Array.isArray(chosen) && chosen.every(fitsList)
        : typeof chosen === "number"
          ? Number.isInteger(chosen) && (typeof known[option] === "number" || option === "spaces")
          : typeof chosen === typeof known[option] && (words === undefined || typeof chosen !== "string"));
    if (!fits)
      throw wrong(
        `give '${option}' of '${name}' a value that it cannot have`,
        `Its default is ${JSON.stringify(known[option])}.${words === undefined ? "" : ` It may also be ${words.join(", ")}.`}`,
      );
    options[option] = chosen as RuleOption;
    if (["extra-required", "extra-allowed", "ignored-keys"].includes(option)) checkPatterns(name, option);
  }
  return { level, options };

  function checkPatterns(rule: string, option: string): void {
    for (const pattern of options[option] as readonly string[])
      try {
        pythonPattern(pattern);
      } catch (error) {
        throw wrong(
          `give '${option}' of '${rule}' the pattern '${pattern}', which is none: ${(error as Error).message}`,
          "Patterns are regular expressions as Python writes them.",
        );
      }
  }
}

function settle(rules: Record<string, Given>): LintConfig {
  const settings = new Map<string, RuleSetting>();
  for (const [name, given] of Object.entries(rules)) {
    if (given === "disable") continue;
    const { level = "error", options = {} } = given === "enable" ? {} : given;
    settings.set(name, { level, options: { ...lintRules[name]!.options, ...options } });
  }
  return settings;
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
