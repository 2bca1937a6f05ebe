/** The form of a YAML text, judged by the rules of a configuration; comments such as `# yamllint disable-line` are heeded. */
import { pythonPattern } from "../../util/python-pattern.ts";
import type { Problem } from "../problem.ts";
import type { Comment, Token } from "../yaml/token.ts";
import { isBesideContent } from "./comment-rules.ts";
import type { LintConfig } from "./lint-config.ts";
import type { LintedText } from "./lint-rule.ts";
import { lintRules } from "./rules.ts";

/** On the first line, from its very beginning. */
const disableFile = pythonPattern("^#\\s*yamllint disable-file\\s*$");

/** Sorted by place. The code of a finding is the rule's name. */
export function lintYaml(source: LintedText, config: LintConfig): Problem[] {
  if (source.lines.line(0).search(disableFile) >= 0) return [];
  const text = { ...source, comments: source.comments.filter((comment) => isSeen(comment, source.tokens)) };
  const isSilenced = readDirectives(text);
  const problems: Problem[] = [];
  for (const [name, { level, options }] of config)
    lintRules[name]!.check(text, options, ({ line, column, message, hint, silencedOn = line }) => {
      // Separators of Unicode break lines for YAML and not for yamllint, which then tells nothing below the last of its own lines.
      if (silencedOn <= text.lines.count && !isSilenced(name, silencedOn))
        problems.push({ line, column, severity: level, code: name, path: "", message, hint });
    });
  return problems.sort((a, b) => a.line - b.line || a.column - b.column);
}

/** Behind an entry that ends with the file, without a line break, yamllint sees no comment. */
function isSeen({ tokenBefore }: Comment, tokens: readonly Token[]): boolean {
  const [before, behind] = [tokens[tokenBefore]!, tokens[tokenBefore + 1]!];
  return before.endLine !== behind.line || before.kind === "stream-start" || behind.kind === "stream-end";
}

interface Switch {
  line: number;
  isOff: boolean;
  /** Absent: every rule. */
  rules?: readonly string[];
}

/** Whether a rule is silent on a line (1-based). */
function readDirectives({ comments, tokens }: LintedText): (rule: string, line: number) => boolean {
  const switches: Switch[] = [];
  const lines = new Map<number, Switch[]>();
  for (const comment of comments) {
    const match = /^# yamllint (disable-line|disable|enable)((?: rule:\S+)*)\s*$/.exec(comment.text);
    if (match === null) continue;
    const named = match[2]!.trim();
    const rules = named === "" ? undefined : named.split(" ").map((word) => word.slice("rule:".length));
    const line = comment.line + 1;
    if (match[1] === "disable-line") {
      const silent = isBesideContent(comment, tokens) ? line : line + 1;
      lines.set(silent, [...(lines.get(silent) ?? []), { line: silent, isOff: true, rules }]);
    } else switches.push({ line, isOff: match[1] === "disable", rules });
  }
  if (switches.length === 0 && lines.size === 0) return () => false;
  const names = ({ rules }: Switch, rule: string) => rules === undefined || rules.includes(rule);
  return (rule, line) =>
    lines.get(line)?.some((one) => names(one, rule)) ||
    (switches.findLast((one) => one.line <= line && names(one, rule))?.isOff ?? false);
}
