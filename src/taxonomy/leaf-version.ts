/** Which version of the format a `qna.yaml` is checked as: the verdicts of upstream's parser, odd ones included. */

/** What Python makes a whole number of, in the digits of any script. */
const wholeNumber = /^(?:[^\S\ufeff]|\x85)*([+-]?\p{Nd}+(?:_\p{Nd}+)*)(?:[^\S\ufeff]|\x85)*$/u;
/** Python refuses longer ones. */
const MAX_DIGITS = 4300;

/** What `version` holds, as upstream makes a number of it; undefined where it gives up on the file altogether. */
export function leafVersion(content: Readonly<Record<string, unknown>>): number | boolean | undefined {
  if (!("version" in content)) return 1;
  const { version } = content;
  if (typeof version === "boolean") return version;
  if (typeof version === "number") {
    if (Number.isNaN(version)) return 1;
    return Number.isFinite(version) ? Math.trunc(version) : undefined;
  }
  const found = typeof version === "string" ? wholeNumber.exec(version)?.[1] : undefined;
  if (found === undefined) return 1;
  const number = found.replaceAll("_", "").replace(/\p{Nd}/gu, (digit) => String(digitValue(digit)));
  return number.replace(/^[+-]/, "").length > MAX_DIGITS ? 1 : Number(number);
}

/** The digits of a script follow each other in Unicode, from 0 to 9. */
function digitValue(digit: string): number {
  let code = digit.codePointAt(0)!;
  let before = 0;
  while (/\p{Nd}/u.test(String.fromCodePoint(code - 1))) {
    code -= 1;
    before += 1;
  }
  return before % 10;
}
