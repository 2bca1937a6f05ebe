/** The examples that end every command's help text. */
export function examples(...lines: [string, ...string[]]): string {
  return `\n${lines.length === 1 ? "Example" : "Examples"}:\n${lines.map((line) => `  ${line}`).join("\n")}`;
}
