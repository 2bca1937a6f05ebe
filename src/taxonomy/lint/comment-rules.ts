/** The rules about comments. */
import type { Comment, Token } from "../yaml/token.ts";
import type { LintedText, LintRule } from "./lint-rule.ts";

/** Whether something stands before it on its line. */
export function isBesideContent({ tokenBefore, line }: Comment, tokens: readonly Token[]): boolean {
  const token = tokens[tokenBefore];
  return token !== undefined && token.kind !== "stream-start" && token.endLine === line && !endsWithBreak(token);
}

/** A text behind `|` ends where the next line begins. */
function endsWithBreak({ style }: Token): boolean {
  return style === "literal" || style === "folded";
}

const place = ({ line, column }: Comment) => ({ line: line + 1, column: column + 1 });

export const comments: LintRule = {
  options: { "require-starting-space": true, "ignore-shebangs": true, "min-spaces-from-content": 2 },
  check({ comments: all, tokens }, options, report) {
    const least = options["min-spaces-from-content"] as number;
    for (const comment of all) {
      const blanks = comment.start - (tokens[comment.tokenBefore]?.end ?? 0);
      if (least !== -1 && isBesideContent(comment, tokens) && blanks < least)
        report({
          ...place(comment),
          message: `too few spaces before comment: expected ${least}`,
          hint: "Put blanks before the '#'.",
        });
      if (options["require-starting-space"] !== true) continue;
      const signs = /^#+/.exec(comment.text)![0].length;
      const next = comment.text[signs];
      const isShebang =
        options["ignore-shebangs"] === true && comment.line === 0 && comment.column === 0 && next === "!";
      if (next === undefined || next === " " || isShebang) continue;
      const column = comment.column + 1 + signs;
      report({ line: comment.line + 1, column, message: "missing starting space in comment", hint: "Write '# text'." });
    }
  },
};

export const commentsIndentation: LintRule = {
  options: {},
  check(text, _, report) {
    const { comments: all, tokens } = text;
    for (const [index, comment] of all.entries()) {
      const before = tokens[comment.tokenBefore];
      // Also what stands right below a text behind `|` counts as standing beside it.
      if (before !== undefined && before.kind !== "stream-start" && before.endLine === comment.line) continue;
      const behind = tokens[comment.tokenBefore + 1];
      const next = behind === undefined || behind.kind === "stream-end" ? 0 : behind.column;
      let outer = Math.max(next, indentOfLine(text, before));
      const previous = all[index - 1];
      // Once a comment has gone back to the outer level, those below it stay there.
      if (previous?.tokenBefore === comment.tokenBefore && !isBesideContent(previous, tokens)) outer = previous.column;
      if (comment.column === outer || comment.column === next) continue;
      const message = "comment not indented like content";
      report({ ...place(comment), message, hint: "Indent it like the line that it belongs to." });
    }
  },
};

function indentOfLine({ lines }: LintedText, token: Token | undefined): number {
  if (token === undefined || token.kind === "stream-start") return 0;
  // Lines of YAML may be more than those that end with a line feed.
  const start = lines.text.lastIndexOf("\n", token.start - 1) + 1;
  let end = start;
  while (lines.text[end] === " ") end += 1;
  return end - start;
}
