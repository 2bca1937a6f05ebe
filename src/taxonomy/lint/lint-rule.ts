/** What a rule of form sees and says. The names and options of the rules are those of yamllint, whose configuration files people have. */

import type { TextLines } from "../yaml/text-lines.ts";
import type { Comment, Token } from "../yaml/token.ts";

export interface LintedText {
  tokens: readonly Token[];
  comments: readonly Comment[];
  lines: TextLines;
}

/** 1-based. */
export interface LintFinding {
  line: number;
  column: number;
  message: string;
  hint: string;
}

export interface ReportedFinding extends LintFinding {
  /** 1-based line whose comments silence it, where it is another one. */
  silencedOn?: number;
}

export type Report = (finding: ReportedFinding) => void;

export type RuleOption = boolean | number | string | readonly string[];
export type RuleOptions = Readonly<Record<string, RuleOption>>;

export interface LintRule {
  /** Every option with its default. */
  options: RuleOptions;
  check(text: LintedText, options: RuleOptions, report: Report): void;
}
