/** Which version of the format a `qna.yaml` is checked as: the verdicts of upstream's parser, odd ones included. */

/** What `version` holds, as upstream makes a number of it; undefined where it gives up on the file altogether. */
export function leafVersion(content: Readonly<Record<string, unknown>>): number | boolean | undefined {
  if (!("version" in content)) return 1;
  const { version } = content;
  if (typeof version === "boolean") return version;
  if (typeof version === "number") {
    if (Number.isNaN(version)) return 1;
    return Number.isFinite(version) ? Math.trunc(version) : undefined;
  }
  const digits = typeof version === "string" ? /^\s*([+-]?\d+(?:_\d+)*)\s*$/.exec(version)?.[1] : undefined;
  return digits === undefined ? 1 : Number(digits.replaceAll("_", ""));
}
