/** The rules about lines: blank ones, long ones, their ends. */
import { scanYaml } from "../yaml/scan-yaml.ts";
import type { LintRule } from "./lint-rule.ts";

export const emptyLines: LintRule = {
  options: { max: 2, "max-start": 0, "max-end": 0 },
  check({ lines }, options, report) {
    // What stands behind the last line feed is no line of its own; a file of a single line feed is nothing to complain about.
    const count = lines.count - 1;
    if (lines.text === "\n") return;
    let blank = 0;
    for (let index = 0; index < count; index++) {
      blank = lines.line(index) === "" ? blank + 1 : 0;
      const isLastOfSeries = blank > 0 && (index === count - 1 || lines.line(index + 1) !== "");
      if (!isLastOfSeries) continue;
      const isEnd = index === count - 1 && lines.line(count) === "";
      const max = options[isEnd ? "max-end" : blank === index + 1 ? "max-start" : "max"] as number;
      const message = `too many blank lines (${blank} > ${max})`;
      if (blank > max) report({ line: index + 1, column: 1, message, hint: "Remove some of them." });
    }
  },
};

export const newLineAtEndOfFile: LintRule = {
  options: {},
  check({ lines }, _, report) {
    const last = lines.line(lines.count - 1);
    const message = "no new line character at the end of file";
    if (last !== "")
      report({ line: lines.count, column: [...last].length + 1, message, hint: "End the last line with Enter." });
  },
};

/** Every line ends with a line feed once a file has been read as text, so only another wish can be disappointed. */
export const newLines: LintRule = {
  options: { type: "unix" },
  check({ lines }, options, report) {
    if (options["type"] !== "dos" || lines.count < 2) return;
    const message = "wrong new line character: expected \\r\\n";
    report({
      line: 1,
      column: [...lines.line(0)].length + 1,
      message,
      hint: "Files are read with line feeds; set the type to 'unix'.",
    });
  },
};

export const trailingSpaces: LintRule = {
  options: {},
  check({ lines }, _, report) {
    const { text } = lines;
    for (let index = 0; index < lines.count; index++) {
      const start = lines.startOf(index);
      const end = lines.endOf(index);
      let at = end;
      while (at > start && " \t\v\f\r".includes(text[at - 1]!)) at -= 1;
      if (at === end || !" \t".includes(text[at]!)) continue;
      const column = [...text.slice(start, at)].length + 1;
      report({
        line: index + 1,
        column,
        message: "trailing spaces",
        hint: "Remove the blanks at the end of the line.",
      });
    }
  },
};

export const lineLength: LintRule = {
  options: { max: 80, "allow-non-breakable-words": true, "allow-non-breakable-inline-mappings": false },
  check({ lines }, options, report) {
    const max = options["max"] as number;
    const allowsMappings = options["allow-non-breakable-inline-mappings"] === true;
    const allowsWords = allowsMappings || options["allow-non-breakable-words"] === true;
    for (let index = 0; index < lines.count; index++) {
      if (lines.endOf(index) - lines.startOf(index) <= max) continue;
      const line = lines.line(index);
      const length = [...line].length;
      if (length <= max || (allowsWords && isOneWord(line)) || (allowsMappings && isOneWordBehindKey(line))) continue;
      const message = `line too long (${length} > ${max} characters)`;
      report({
        line: index + 1,
        column: max + 1,
        message,
        hint: "Break the text: behind '>-' lines are joined with blanks.",
      });
    }
  },
};

/** Behind its indentation and a sign of a comment or list entry, the line holds no blank. */
function isOneWord(line: string): boolean {
  const sign = /^ *(?:#+.|-.)?/su.exec(line)![0];
  return sign.trim() !== "" || line.trim() !== "" ? !line.slice(sign.length).includes(" ") && /[^ ]/.test(line) : false;
}

/** `name: word`, where the word could not be broken; the first text behind a colon counts. */
function isOneWordBehindKey(line: string): boolean {
  const { tokens } = scanYaml(line);
  const mapping = tokens.findIndex(({ kind }) => kind === "block-mapping-start");
  if (mapping < 0) return false;
  const text = tokens.find(
    ({ kind }, index) => index > mapping && kind === "scalar" && tokens[index - 1]?.kind === "value",
  );
  return text !== undefined && !line.slice(text.start).includes(" ");
}
