/** Renders a finding: as a line for people and editors, or as an annotation for GitHub Actions. */
import type { Issue } from "../artifacts.ts";

export type IssueFormat = "text" | "github";

export function formatIssue(issue: Issue, format: IssueFormat): string {
  return format === "github" ? formatForGitHub(issue) : formatAsText(issue);
}

/** `file:line:column: error: message [code]`, the layout that editors turn into links, and the hint below it. */
function formatAsText({ file, line, column, severity, code, message, hint }: Issue): string {
  const text = `${printable(file)}:${line}:${column}: ${severity}: ${printable(message)} [${code}]`;
  return hint === undefined ? text : `${text}\n    ${printable(hint)}`;
}

/** Workflow command of GitHub Actions: percent, line breaks and, in properties, colon and comma are escaped. */
function formatForGitHub({ file, line, column, severity, code, message, hint }: Issue): string {
  const data = (text: string) => text.replaceAll("%", "%25").replaceAll("\n", "%0A");
  const property = (text: string) => data(printable(text)).replaceAll(":", "%3A").replaceAll(",", "%2C");
  const text = hint === undefined ? printable(message) : `${printable(message)}\n${printable(hint)}`;
  return `::${severity} file=${property(file)},line=${line},col=${column},title=${property(code)}::${data(text)}`;
}

/** Texts quote files that others wrote: their line breaks and control characters must not reach the terminal or a CI log. */
function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is taken out
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, " ");
}
