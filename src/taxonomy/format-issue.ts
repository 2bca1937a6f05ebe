/** Renders a finding: as lines for people and editors, or in one of the shapes that upstream's parser writes. */
import type { Issue } from "../artifacts.ts";

export const issueFormats = ["text", "standard", "github", "logging", "json"] as const;
export type IssueFormat = (typeof issueFormats)[number];

export function formatIssue(issue: Issue, format: IssueFormat): string {
  switch (format) {
    case "text":
      return formatAsText(issue);
    case "standard":
      return `${issue.severity === "error" ? "ERROR" : "WARN"}: ${formatForLog(issue)}`;
    case "github":
      return formatForGitHub(issue);
    case "logging":
      return formatForLog(issue);
    case "json":
      return JSON.stringify(issue);
  }
}

/** What `auto` means where nobody chose: annotations where GitHub runs the program, lines for people elsewhere. */
export function automaticFormat(env: NodeJS.ProcessEnv): IssueFormat {
  return env["GITHUB_ACTIONS"] !== undefined && env["GITHUB_WORKFLOW"] !== undefined ? "github" : "text";
}

/** `file:line:column: error: message [code]`, the layout that editors turn into links, and the hint below it. */
function formatAsText({ file, line, column, severity, code, message, hint }: Issue): string {
  const text = `${printable(file)}:${line}:${column}: ${severity}: ${printable(message)} [${code}]`;
  return hint === undefined ? text : `${text}\n    ${printable(hint)}`;
}

/** `file:line:column [.path] message (code)` */
function formatForLog(issue: Issue): string {
  const { file, line, column, code, message } = issue;
  return `${printable(file)}:${line}:${column}${bracketedPath(issue)} ${printable(message)} (${code})`;
}

/** A workflow command of GitHub Actions: percent, line breaks and, in properties, colon and comma are escaped. */
function formatForGitHub(issue: Issue): string {
  const { file, line, column, severity, code, message, hint } = issue;
  const data = (text: string) => text.replaceAll("%", "%25").replaceAll("\n", "%0A");
  const property = (text: string) => data(printable(text)).replaceAll(":", "%3A").replaceAll(",", "%2C");
  const said = `${line}:${column}${bracketedPath(issue)} ${printable(message)} (${code})`;
  const text = hint === undefined ? said : `${said}\n${printable(hint)}`;
  return `::${severity} file=${property(file)},line=${line},col=${column}::${data(text)}`;
}

/** Upstream names the mapping that a field is missing or unknown in, and writes `.` where it is the file itself. */
function bracketedPath({ path, code, message }: Issue): string {
  const field = code === "unknown-field" ? /^'(.*?)' is not a field of /s.exec(message)?.[1] : undefined;
  const shown = field !== undefined && path.endsWith(field) ? path.slice(0, -field.length).replace(/\.$/, "") : path;
  if (shown === "" && code !== "missing-field" && code !== "unknown-field") return "";
  return ` [${shown.startsWith("[") ? "" : "."}${printable(shown)}]`;
}

/** Texts quote files that others wrote: their line breaks and control characters must not reach the terminal or a CI log. */
export function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is taken out
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, " ");
}
